//! NATS JetStream with its file store: a server, reached through the loopback interface with one
//! connection for each writer.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;

use crate::contender::{Batch, Contender, Opened};
use crate::server::{Server, connect, missing};

const PROGRAM: &str = "nats-server";

/// `sync_interval: always`: a message is acknowledged once it is on the disk; each is written and
/// flushed by itself, so writers do not share flushes.
///
/// A batch is an atomic one: the server stages and flushes it, then writes its messages to the
/// stream and flushes those together, which is faster than a flush for each of them. The limit of
/// 1,000 messages is raised to what the largest batch needs.
pub(crate) struct Nats;

struct Open {
    connections: Vec<Mutex<Connection>>,
    _server: Server,
}

struct Connection {
    incoming: BufReader<TcpStream>,
    outgoing: Vec<u8>,
    /// Where acknowledgements of this connection go.
    inbox: String,
    batches: u64,
}

impl Contender for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn is_server(&self) -> bool {
        true
    }

    fn missing(&self) -> Option<String> {
        missing(PROGRAM)
    }

    fn open(&self, directory: &Path, writers: usize) -> Box<dyn Opened> {
        // A port that is free now; asking the server for one would not tell which.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let settings = format!(
            "listen: \"{address}\"\n\
             jetstream {{ store_dir: store, sync_interval: always, limits {{ batch {{ max_msgs: 1024 }} }} }}\n"
        );
        fs::write(directory.join("settings"), settings).unwrap();
        let server = Server::start(PROGRAM, &["--config", "settings"], directory);
        let mut connections: Vec<_> = (0..writers)
            .map(|writer| Connection::new(connect(|| TcpStream::connect(address)), format!("inbox.{writer}")))
            .collect();
        connections[0].create_stream();
        Box::new(Open { connections: connections.into_iter().map(Mutex::new).collect(), _server: server })
    }
}

impl Opened for Open {
    fn append(&self, writer: usize, records: &Batch) {
        self.connections[writer].lock().unwrap().append(records);
    }
}

impl Connection {
    fn new(stream: TcpStream, inbox: String) -> Self {
        stream.set_nodelay(true).unwrap();
        let mut connection = Self { incoming: BufReader::new(stream), outgoing: Vec::new(), inbox, batches: 0 };
        let info = connection.line();
        assert!(info.starts_with("INFO "), "nats begins with {info:?}");
        write!(
            connection.outgoing,
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}}\r\nSUB {} 1\r\n",
            connection.inbox
        )
        .unwrap();
        connection
    }

    fn create_stream(&mut self) {
        let stream = r#"{"name":"log","subjects":["log"],"storage":"file","num_replicas":1,"allow_atomic":true}"#;
        write!(self.outgoing, "PUB $JS.API.STREAM.CREATE.log {} {}\r\n{stream}\r\n", self.inbox, stream.len()).unwrap();
        self.acknowledged();
    }

    fn append(&mut self, records: &Batch) {
        if let [record] = &records[..] {
            write!(self.outgoing, "PUB log {} {}\r\n", self.inbox, record.len()).unwrap();
            self.outgoing.extend_from_slice(record);
            self.outgoing.extend_from_slice(b"\r\n");
        } else {
            self.batches += 1;
            for (before, record) in records.iter().enumerate() {
                self.put_of_batch(before + 1, record, before + 1 == records.len());
            }
        }
        self.acknowledged();
    }

    /// One message of an atomic batch; the last one commits it and is answered.
    fn put_of_batch(&mut self, number: usize, record: &[u8], last: bool) {
        let (commit, reply) = if last { ("Nats-Batch-Commit: 1\r\n", self.inbox.as_str()) } else { ("", "") };
        let header = format!(
            "NATS/1.0\r\nNats-Batch-Id: {}-{}\r\nNats-Batch-Sequence: {number}\r\n{commit}\r\n",
            self.inbox, self.batches
        );
        write!(self.outgoing, "HPUB log {reply} {} {}\r\n{header}", header.len(), header.len() + record.len()).unwrap();
        self.outgoing.extend_from_slice(record);
        self.outgoing.extend_from_slice(b"\r\n");
    }

    /// Sends what is gathered and waits for the one answer to it.
    fn acknowledged(&mut self) {
        self.incoming.get_mut().write_all(&self.outgoing).unwrap();
        self.outgoing.clear();
        loop {
            let line = self.line();
            if line.starts_with("PING") {
                self.incoming.get_mut().write_all(b"PONG\r\n").unwrap();
                continue;
            }
            assert!(line.starts_with("MSG "), "nats answers {line:?}");
            let bytes: usize = line.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
            let mut answer = vec![0; bytes + 2];
            self.incoming.read_exact(&mut answer).unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert!(!answer.is_empty() && !answer.contains("\"error\""), "nats answers {answer:?}");
            return;
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.incoming.read_line(&mut line).unwrap();
        line
    }
}
