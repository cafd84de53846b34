//! Work in the background: messages that are too old go, and the log gives back the disk.
//!
//! The log drops whole segments from its front. What is still needed of the front, that is messages
//! which wait there for long, is copied to its end once there is as much garbage as there are
//! messages; so a message is copied rarely, and the log has about twice the size of what it holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anabranch_protocol::ApiError;
use anabranch_storage::Failure;

use crate::blocking::blocking;
use crate::error::log_failure;
use crate::limits::{COPIED_AT_A_TIME_MAX, GARBAGE_BYTES_MAX};
use crate::queue::Queue;
use crate::record;
use crate::registry::Registry;
use crate::sending::durable;
use crate::state::{Place, Seq};

/// Removes messages as they become too old.
pub(crate) async fn expire(registry: Arc<Registry>) {
    loop {
        let swept = registry.clone();
        let next_ms = blocking(move || sweep(&swept)).await.unwrap_or(u64::MAX);
        let changed = registry.expiry_changed.notified();
        if next_ms == u64::MAX {
            changed.await;
            continue;
        }
        // At most once a second.
        let wait = Duration::from_millis(next_ms.saturating_sub(registry.clock.now_ms()).max(1_000));
        tokio::select! {
            () = changed => {}
            () = registry.clock.sleep(wait) => {}
        }
    }
}

/// Removes what is too old, and says when something will be next.
fn sweep(registry: &Registry) -> u64 {
    registry.next_expiry_ms.store(u64::MAX, Ordering::Release);
    let now_ms = registry.clock.now_ms();
    for queue in registry.all() {
        // A queue that was deleted meanwhile has nothing to remove.
        drop(queue.now(&registry.journal, now_ms));
        if let Some(expiry_ms) = queue.next_expiry_ms() {
            registry.next_expiry_ms.fetch_min(expiry_ms, Ordering::AcqRel);
        }
    }
    registry.next_expiry_ms.load(Ordering::Acquire)
}

/// Gives back what the log needs no more, whenever much was appended.
pub(crate) async fn reclaim(registry: Arc<Registry>) {
    loop {
        registry.journal.reclaim.notified().await;
        if let Err(error) = reclaim_now(&registry, GARBAGE_BYTES_MAX).await {
            tracing::warn!(%error, "the log of the queues can't be made smaller");
        }
    }
}

/// Gives back what the log needs no more, and copies messages forward while there are more than
/// `garbage_max` bytes of garbage besides as many as there are messages.
pub(crate) async fn reclaim_now(registry: &Arc<Registry>, garbage_max: u64) -> Result<(), ApiError> {
    // Nothing is copied twice.
    let until = registry.journal.visible();
    loop {
        let trimming = registry.clone();
        let is_enough = blocking(move || {
            let needed = first_needed(&trimming);
            trimming.journal.trim_to(needed).map_err(|failure| log_failure(&failure))?;
            let live: u64 = trimming.all().iter().map(|queue| queue.raw().state.live_bytes()).sum();
            Ok::<_, ApiError>(trimming.journal.used_bytes() <= 2 * live + garbage_max)
        });
        if is_enough.await?? {
            return Ok(());
        }
        let copying = registry.clone();
        let copied = blocking(move || copy_first(&copying, until)).await?;
        match copied.map_err(|failure| log_failure(&failure))? {
            // Nothing is trimmed before its copy is durable.
            Some(position) => durable(&registry.journal, position).await?,
            None => return Ok(()),
        }
    }
}

/// The first position that is needed.
fn first_needed(registry: &Registry) -> u64 {
    // What is appended from here on is needed.
    let end = registry.journal.visible();
    let of_queue = |queue: &Arc<Queue>| {
        let messages = queue.raw();
        [messages.state.first_position(), messages.deduplication.first_position()].into_iter().flatten().min()
    };
    registry.all().iter().filter_map(of_queue).min().unwrap_or(end).min(end)
}

/// What lies at the front of the log.
enum Kept {
    Message(Seq),
    Sent(record::Remembered),
}

/// Copies what is first in the log, and below `until`, to its end. Says where the last copy is; None if there is nothing
/// to copy.
fn copy_first(registry: &Registry, until: u64) -> Result<Option<u64>, Failure> {
    let (journal, now_ms) = (&registry.journal, registry.clock.now_ms());
    let mut first: Vec<(u64, Arc<Queue>, Kept)> = Vec::new();
    for queue in registry.all() {
        let mut messages = queue.raw();
        messages.deduplication.forget(now_ms);
        let kept = messages.state.below(until).into_iter().map(|(position, seq)| (position, Kept::Message(seq)));
        let sent = messages.deduplication.below(until).into_iter().map(|(position, sent)| (position, Kept::Sent(sent)));
        first.extend(kept.chain(sent).map(|(position, kept)| (position, queue.clone(), kept)));
        // Of each queue only what is first can be among those that are.
        if first.len() > 4 * COPIED_AT_A_TIME_MAX {
            first.sort_unstable_by_key(|(position, ..)| *position);
            first.truncate(COPIED_AT_A_TIME_MAX);
        }
    }
    first.sort_unstable_by_key(|(position, ..)| *position);
    first.truncate(COPIED_AT_A_TIME_MAX);
    let mut last = None;
    for (position, queue, kept) in first {
        let copied = match kept {
            Kept::Message(seq) => copy_message(registry, &queue, seq, position)?,
            Kept::Sent(remembered) => {
                let mut messages = queue.raw();
                let (at, appending) = journal.append(now_ms, &[&record::sent(queue.id, &remembered)])?;
                messages.deduplication.remember(at, remembered);
                drop(appending);
                Some(at)
            }
        };
        last = last.max(copied);
    }
    Ok(last)
}

/// Copies a message, unless it was deleted or copied meanwhile.
fn copy_message(registry: &Registry, queue: &Queue, seq: Seq, position: u64) -> Result<Option<u64>, Failure> {
    let (journal, now_ms) = (&registry.journal, registry.clock.now_ms());
    let Some(contents) = journal.read(position, record::contents)? else { return Ok(None) };
    let mut messages = queue.raw();
    let Some(mut message) = messages.state.get(seq).filter(|message| message.position == position).cloned() else {
        return Ok(None);
    };
    if message.place == Place::Leaving {
        // Should it not get away, it is visible.
        message.place = Place::Ready;
    }
    // What deduplication remembers of it has a record of its own.
    let mut copy = record::message(queue.id, &message, record::Scope::None, &contents);
    record::set_seq(&mut copy, seq);
    let (at, appending) = journal.append(now_ms, &[&copy])?;
    messages.state.move_to(seq, at);
    drop(appending);
    Ok(Some(at))
}
