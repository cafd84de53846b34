//! Group commit for databases that have none of their own.

use std::mem;
use std::sync::{Condvar, Mutex};

use crate::contender::Batch;

/// Gathers what writers bring while a commit is under way, and gives it all to the next commit.
///
/// redb and fjall flush once for each commit and make commits wait in line. A program with many
/// writers that wants throughput of them puts several writers' records into one commit, as here.
#[derive(Default)]
pub(crate) struct Group {
    queue: Mutex<Queue>,
    done: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Batch>,
    /// Number of the commit that takes what is waiting now.
    next: u64,
    /// Commits finished.
    finished: u64,
    committing: bool,
}

impl Group {
    /// Has `records` committed, by this writer or another, and returns when that is done.
    pub(crate) fn commit(&self, records: &Batch, commit: impl FnOnce(&[Batch])) {
        let mut queue = self.queue.lock().unwrap();
        queue.waiting.push(records.clone());
        let mine = queue.next;
        while queue.finished <= mine && (queue.committing || queue.next != mine) {
            queue = self.done.wait(queue).unwrap();
        }
        if queue.finished > mine {
            return;
        }
        queue.committing = true;
        queue.next += 1;
        let together = mem::take(&mut queue.waiting);
        drop(queue);
        commit(&together);
        let mut queue = self.queue.lock().unwrap();
        queue.finished = mine + 1;
        queue.committing = false;
        drop(queue);
        self.done.notify_all();
    }
}
