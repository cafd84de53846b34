//! Group commit: one flush for all changes that wait.

use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use crate::database::Redb;
use crate::{Changes, ControlError, Result};

/// Most commits that share a transaction: the last of them should not wait long for the first.
/// How many wait is bounded by who waits: each caller has one at a time.
const GROUP_COMMITS_MAX: usize = 1_000;

/// What to do with the outcome of a commit once it is known.
pub(crate) type Tell = Box<dyn FnOnce(Result<()>) + Send>;

/// Commits changes on a thread of its own.
pub(crate) struct Committer {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    filled: Condvar,
    /// Why the last commit failed, until one succeeds.
    failing: Mutex<Option<String>>,
}

#[derive(Default)]
struct Waiting {
    commits: Vec<Commit>,
    /// Whether the thread is running; it ends once the store is closed.
    runs: bool,
    closed: bool,
}

struct Commit {
    changes: Changes,
    /// Gets the outcome. A caller that no longer waits has its changes all the same.
    tell: Tell,
}

impl Committer {
    /// Its thread begins with the first commit.
    pub(crate) fn new() -> Self {
        Self { queue: Arc::default() }
    }

    /// Queues `changes`; their outcome is known once they are on the disk, or can't be.
    pub(crate) fn commit(&self, database: &Arc<Redb>, changes: Changes, tell: Tell) -> Result<()> {
        let mut state = self.queue.state.lock();
        if state.closed {
            return Err(ControlError::Closed);
        }
        if !state.runs {
            let (queue, database) = (self.queue.clone(), database.clone());
            let thread = thread::Builder::new().name("control".into()).spawn(move || queue.run(&database));
            thread.map_err(|source| ControlError::Thread { source: Arc::new(source) })?;
            state.runs = true;
        }
        state.commits.push(Commit { changes, tell });
        drop(state);
        self.queue.filled.notify_one();
        Ok(())
    }

    /// Takes no more commits; those already waiting are carried out.
    pub(crate) fn close(&self) {
        let mut state = self.queue.state.lock();
        state.closed = true;
        self.queue.filled.notify_all();
        while state.runs {
            self.queue.filled.wait(&mut state);
        }
    }

    /// See [`crate::ControlStore::failing`].
    pub(crate) fn failing(&self) -> Option<String> {
        self.queue.failing.lock().clone()
    }
}

impl Queue {
    fn run(&self, database: &Redb) {
        loop {
            let mut state = self.state.lock();
            while state.commits.is_empty() && !state.closed {
                self.filled.wait(&mut state);
            }
            if state.commits.is_empty() {
                state.runs = false;
                self.filled.notify_all();
                return;
            }
            let count = state.commits.len().min(GROUP_COMMITS_MAX);
            let group: Vec<Commit> = state.commits.drain(..count).collect();
            drop(state);
            self.carry_out(database, group);
        }
    }

    fn carry_out(&self, database: &Redb, group: Vec<Commit>) {
        let outcome = database.commit(group.iter().map(|commit| &commit.changes));
        if group.len() > 1 && outcome.is_err() {
            // One of them may be to blame; the others need not fail because of it.
            return group.into_iter().for_each(|commit| self.carry_out(database, vec![commit]));
        }
        *self.failing.lock() = outcome.as_ref().err().map(ToString::to_string);
        group.into_iter().for_each(|commit| (commit.tell)(outcome.clone()));
    }
}
