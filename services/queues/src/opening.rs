//! How the queues come back: control state says which there are, the log what is in them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_protocol::{Clock, Problem, ProblemKind};
use uuid::Uuid;

use crate::dedup;
use crate::error::QueuesError;
use crate::journal::Journal;
use crate::limits::DEDUPLICATION_MS;
use crate::move_table::MoveTasks;
use crate::name::QueueName;
use crate::queue::{Messages, Queue};
use crate::record::{self, Entry, Remembered, Scope};
use crate::registry::Registry;
use crate::stored::Catalog;

/// Opens all queues of the data directory `directory`. Waits for the disk.
pub(crate) fn open(
    directory: &Path,
    control: ControlStore,
    clock: Arc<dyn Clock>,
    config: anabranch_storage::Config,
) -> Result<Registry, QueuesError> {
    let catalog = Catalog(control);
    let path = directory.join("messages");
    let is_lost = !path.exists();
    let mut queues = BTreeMap::new();
    let mut found = Vec::new();
    for row in catalog.queues()? {
        let arn = row.arn.clone();
        let name = QueueName::of_arn(&arn);
        let queue = name.and_then(|name| Some((name.clone(), Queue::of_stored(name, row).ok()?)));
        match queue {
            Some((name, queue)) => drop(queues.insert(name, Arc::new(queue))),
            None => found.push(Problem::new(ProblemKind::Damaged, arn, "what is stored of it makes no sense")),
        }
    }
    if is_lost && !queues.is_empty() {
        let message = format!("the log {} is gone, with all messages; a new one was made", path.display());
        tracing::error!("{message}");
        found.push(Problem::new(ProblemKind::Missing, "log of the queues", message));
    }
    let journal = Arc::new(Journal::open(&path, config)?);
    replay(&journal, &queues, clock.now_ms(), path)?;
    let move_tasks = MoveTasks::of_stored(catalog.move_tasks()?);
    Ok(Registry::new(journal, catalog, clock, queues, move_tasks, found))
}

/// Does again what the log says was done.
fn replay(
    journal: &Journal,
    queues: &BTreeMap<QueueName, Arc<Queue>>,
    now_ms: u64,
    path: PathBuf,
) -> Result<(), QueuesError> {
    let by_id: HashMap<Uuid, &Arc<Queue>> = queues.values().map(|queue| (queue.id, queue)).collect();
    let replayed = journal.replay(|position, bytes| {
        let (id, entry) = record::read(bytes, position).ok_or(position)?;
        if let Some(queue) = by_id.get(&id) {
            apply(&mut queue.raw(), entry, position, now_ms);
        }
        Ok(())
    });
    match replayed {
        Ok(Ok(())) => {}
        Ok(Err(position)) => return Err(QueuesError::Record { path, position }),
        Err(failure) => return Err(QueuesError::Log { path, reason: failure.to_string() }),
    }
    for queue in queues.values() {
        queue.raw().state.advance(now_ms);
    }
    Ok(())
}

/// Does again what one record says.
fn apply(messages: &mut Messages, entry: Entry, position: u64, now_ms: u64) {
    let state = &mut messages.state;
    match entry {
        Entry::Message { seq, message, id, scope, deduplication } => {
            let is_remembered = scope != Scope::None && message.sent_ms + DEDUPLICATION_MS > now_ms;
            if let Some(deduplication) = deduplication.filter(|_| is_remembered) {
                let key = dedup::key(scope, &message.group, &deduplication);
                let remembered = Remembered { key, seq, id, sent_ms: message.sent_ms };
                messages.deduplication.remember(position, remembered);
            }
            // A copy stands for the record before.
            state.remove(seq);
            state.insert(seq, message);
        }
        Entry::Received { now_ms, until_ms, seqs } => {
            seqs.iter().for_each(|seq| state.replay_receive(*seq, now_ms, until_ms));
        }
        Entry::Deleted { seqs } => seqs.iter().for_each(|seq| drop(state.remove(*seq))),
        Entry::Due { due_ms, seqs } => seqs.iter().for_each(|seq| state.set_due(*seq, due_ms, 0)),
        Entry::Purged { last } => state.purge(last),
        Entry::Sent(remembered) => {
            if remembered.sent_ms + DEDUPLICATION_MS > now_ms {
                messages.deduplication.remember(position, remembered);
            }
        }
    }
}
