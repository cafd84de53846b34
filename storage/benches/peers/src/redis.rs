//! Redis Streams: a server, reached through a Unix socket with one connection for each writer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;

use crate::contender::{Batch, Contender, Opened};
use crate::server::{Server, connect, missing};

const PROGRAM: &str = "redis-server";

/// `appendonly yes`, `appendfsync always`: a reply is sent after `fdatasync` of the append-only
/// file, one for all connections that were served in a turn of its loop. Snapshots and rewrites
/// of that file, which would disturb it, are off.
///
/// A batch is sent at once, as XADD commands between MULTI and EXEC: it is written and flushed
/// once. A mere pipeline would be flushed as often as the server reads a part of it.
pub(crate) struct Redis;

struct Open {
    connections: Vec<Mutex<Connection>>,
    _server: Server,
}

struct Connection {
    replies: BufReader<UnixStream>,
    commands: Vec<u8>,
}

impl Contender for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn is_server(&self) -> bool {
        true
    }

    fn missing(&self) -> Option<String> {
        missing(PROGRAM)
    }

    fn open(&self, directory: &Path, writers: usize) -> Box<dyn Opened> {
        let settings = "--port 0 --unixsocket redis.sock --appendonly yes --appendfsync always \
                        --auto-aof-rewrite-percentage 0 --daemonize no --save";
        let arguments: Vec<&str> = settings.split_whitespace().chain([""]).collect();
        let server = Server::start(PROGRAM, &arguments, directory);
        let connections = (0..writers)
            .map(|_| {
                let stream = connect(|| UnixStream::connect(directory.join("redis.sock")));
                Mutex::new(Connection { replies: BufReader::new(stream), commands: Vec::new() })
            })
            .collect();
        Box::new(Open { connections, _server: server })
    }
}

impl Opened for Open {
    fn append(&self, writer: usize, records: &Batch) {
        self.connections[writer].lock().unwrap().append(records);
    }
}

impl Connection {
    fn append(&mut self, records: &Batch) {
        let together = records.len() > 1;
        self.commands.clear();
        if together {
            self.commands.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
        }
        for record in records.iter() {
            write!(self.commands, "*5\r\n$4\r\nXADD\r\n$3\r\nlog\r\n$1\r\n*\r\n$1\r\nd\r\n${}\r\n", record.len())
                .unwrap();
            self.commands.extend_from_slice(record);
            self.commands.extend_from_slice(b"\r\n");
        }
        if together {
            self.commands.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        }
        self.replies.get_mut().write_all(&self.commands).unwrap();
        if together {
            // OK to MULTI, QUEUED to each command, and EXEC's array of positions.
            (0..=records.len()).for_each(|_| self.reply('+'));
            self.reply('*');
        }
        (0..records.len()).for_each(|_| self.reply('$'));
    }

    /// Reads one reply that must be of `kind`; a string's second line goes with it.
    fn reply(&mut self, kind: char) {
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        assert!(line.starts_with(kind), "redis answers {line:?}");
        if kind == '$' {
            self.replies.read_line(&mut line).unwrap();
        }
    }
}
