//! The threads that call the engine. They are its own for their stacks: it parses expressions by
//! recursion, and one of nothing but parentheses, within DynamoDB's limit of 4 KB (8 KB for a
//! statement), overflows the stack that threads usually have, which ends the process.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use parking_lot::Mutex;

/// Bytes of each thread's stack, which takes memory as far as it is used. The longest expressions of
/// parentheses take between 32 and 64 MiB in a debug build.
const STACK_BYTES_MAX: usize = 128 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that work off a queue, which its callers bound.
pub(crate) struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// Starts `count` threads. They end, once the queue is empty, after this is dropped.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count {
            let queue = queue.clone();
            let thread = thread::Builder::new().name(format!("tables-{number}")).stack_size(STACK_BYTES_MAX);
            thread.spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Has `job`, which must not panic, done by the next free thread.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The threads outlive the sender.
        let _ = self.jobs.send(Box::new(job));
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let next = queue.lock().recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
