//! Messages on their way out of a queue.

use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::{ApiError, ErrorKind, ServiceInstant};

use crate::blocking::blocking;
use crate::error::{OVER_LIMIT, log_failure};
use crate::journal::Journal;
use crate::limits::IN_FLIGHT_MAX;
use crate::moving::{self, Move, Moved};
use crate::queue::{Figures, Queue};
use crate::receipt::Receipt;
use crate::record::{self, Contents};
use crate::registry::Registry;
use crate::state::{Message, Seq, Want};

/// What a caller asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    /// At most so many messages.
    pub(crate) messages_max: usize,
    /// How long they are invisible, in seconds; the queue's timeout unless told.
    pub(crate) visibility_seconds: Option<u64>,
    /// How long to wait for the first: `None` is for as long as it takes.
    pub(crate) wait: Option<Duration>,
    /// By what the receive can be asked for again, in FIFO queues.
    pub(crate) attempt: Option<String>,
}

/// A message that was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) seq: Seq,
    pub(crate) state: Message,
    pub(crate) contents: Contents,
    pub(crate) receipt: Receipt,
}

/// Messages that were taken for a caller, who may have left meanwhile: then they go back.
pub(crate) struct Held {
    queue: Arc<Queue>,
    journal: Arc<Journal>,
    now_ms: u64,
    messages: Vec<Received>,
}

impl Held {
    /// The messages, which are the caller's now.
    pub(crate) fn keep(mut self) -> Vec<Received> {
        let messages = std::mem::take(&mut self.messages);
        let counter =
            if messages.is_empty() { &self.queue.figures.empty_receives } else { &self.queue.figures.received };
        Figures::add(counter, messages.len().max(1));
        messages
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let mut contents = self.queue.raw();
        let seqs: Vec<Seq> = self.messages.iter().map(|message| message.seq).collect();
        for message in &self.messages {
            let is_theirs = |state: &Message| state.receipt == message.receipt.receive;
            if contents.state.get(message.seq).is_some_and(is_theirs) {
                contents.state.untake(message.seq);
            }
        }
        // What the log does not get is visible later after a restart, no more.
        let _ = self.journal.note(self.now_ms, &record::due(self.queue.id, self.now_ms, &seqs));
        drop(contents);
        self.queue.arrivals.notify_one();
    }
}

/// Passes a wake-up on when its owner leaves, who may be the only one to know of it.
struct Waiter<'a>(&'a Queue, bool);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.arrivals.notify_one();
        }
    }
}

/// What one look found.
struct Look {
    held: Held,
    dead: Vec<Seq>,
    unflushed: Option<u64>,
    /// How long until the next message becomes visible by itself.
    next: Option<Duration>,
}

/// Takes messages, waiting for the first as long as is asked for.
pub(crate) async fn receive(registry: &Arc<Registry>, queue: &Arc<Queue>, ask: Ask) -> Result<Held, ApiError> {
    let clock = &registry.clock;
    let deadline: Option<ServiceInstant> = ask.wait.map(|wait| clock.instant() + wait);
    let is_short = ask.wait.is_some_and(|wait| wait.is_zero());
    let mut waiter = Waiter(queue, false);
    let ask = Arc::new(ask);
    loop {
        let mut arrival = std::pin::pin!(queue.arrivals.notified());
        arrival.as_mut().enable();
        let (look, dead_letters) = {
            let (registry, queue, ask) = (registry.clone(), queue.clone(), ask.clone());
            blocking(move || look(&registry, &queue, &ask, is_short)).await??
        };
        if !look.dead.is_empty() {
            let (registry, queue, dead) = (registry.clone(), queue.clone(), look.dead);
            let moved = blocking(move || match dead_letters {
                Some(target) => moving::move_or_stay(&registry, &queue, &target, &dead, Move::Dead),
                None => {
                    moving::stay(&queue, &dead);
                    Moved::default()
                }
            });
            // Whoever then looks for them there finds them.
            moved.await?.done().await?;
            if look.held.messages.is_empty() {
                continue;
            }
        }
        if !look.held.messages.is_empty() || deadline.is_some_and(|deadline| clock.instant() >= deadline) {
            return Ok(look.held);
        }
        waiter.1 = true;
        let flushed = async {
            match look.unflushed {
                Some(position) => registry.journal.past(position).await,
                None => std::future::pending().await,
            }
        };
        let due = async {
            match look.next {
                Some(next) => clock.sleep(next).await,
                None => std::future::pending().await,
            }
        };
        let over = async {
            match deadline {
                Some(deadline) => clock.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let stopping = async {
            match deadline {
                Some(_) => {
                    registry.stopping.wait().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = arrival => {}
            () = flushed => {}
            () = due => {}
            () = over => {}
            () = stopping => return Ok(look.held),
        }
    }
}

/// Takes what can be taken now. Blocks.
fn look(
    registry: &Arc<Registry>,
    queue: &Arc<Queue>,
    ask: &Ask,
    is_short: bool,
) -> Result<(Look, Option<Arc<Queue>>), ApiError> {
    let journal = &registry.journal;
    let description = queue.description();
    let redrive = description.settings.redrive.as_ref();
    // Where there is no dead-letter queue any more, messages are received on.
    let dead_letters = redrive.and_then(|redrive| registry.find(&redrive.target));
    let now_ms = registry.clock.now_ms();
    let visibility = ask.visibility_seconds.unwrap_or(description.settings.visibility_timeout_seconds);
    let until_ms = now_ms + visibility * 1_000;
    let mut contents = queue.now(journal, now_ms)?;
    let room = IN_FLIGHT_MAX.saturating_sub(contents.state.in_flight_count());
    if room == 0 && is_short && !queue.name.is_fifo() {
        let message = format!("Too many messages in flight: a queue has at most {IN_FLIGHT_MAX}.");
        return Err(ApiError::new(ErrorKind::LimitExceeded, OVER_LIMIT, message));
    }
    let want = Want {
        messages_max: ask.messages_max.min(room),
        now_ms,
        until_ms,
        visible: journal.visible(),
        receives_max: redrive.filter(|_| dead_letters.is_some()).map(|redrive| redrive.receives_max),
    };
    let attempt = ask.attempt.as_deref().filter(|_| queue.name.is_fifo());
    let contents_now = &mut *contents;
    let again = attempt.and_then(|id| contents_now.attempts.find(id, now_ms, &contents_now.state));
    let is_again = again.is_some();
    let (seqs, dead, unflushed) = match again {
        Some(seqs) => {
            seqs.iter().for_each(|seq| contents_now.state.set_due(*seq, until_ms, now_ms));
            (seqs, Vec::new(), None)
        }
        None => {
            let taken = contents_now.state.take(&want);
            (taken.messages, taken.dead, taken.unflushed)
        }
    };
    let states: Vec<(Seq, Message)> =
        seqs.iter().filter_map(|seq| Some((*seq, contents_now.state.get(*seq)?.clone()))).collect();
    if !seqs.is_empty() {
        let noted = match is_again {
            true => record::due(queue.id, until_ms, &seqs),
            false => record::received(queue.id, now_ms, until_ms, &seqs),
        };
        journal.note(now_ms, &noted).map_err(|failure| log_failure(&failure))?;
    }
    if let Some(id) = attempt.filter(|_| !is_again && !seqs.is_empty()) {
        let receipts = states.iter().map(|(seq, state)| (*seq, state.receipt)).collect();
        contents_now.attempts.remember(id, now_ms, receipts);
    }
    let next_due_ms = contents_now.state.next_due_ms();
    drop(contents);
    let mut held = Held { queue: queue.clone(), journal: journal.clone(), now_ms, messages: Vec::new() };
    for (seq, state) in states {
        let Some(contents) = queue.read(journal, seq)? else { continue };
        let receipt = Receipt { queue: queue.id, seq, receive: state.receipt };
        held.messages.push(Received { seq, state, contents, receipt });
    }
    if held.messages.len() == want.messages_max {
        // There may be more for others.
        queue.arrivals.notify_one();
    }
    let next = next_due_ms.map(|due_ms| Duration::from_millis(due_ms.saturating_sub(now_ms).max(1)));
    Ok((Look { held, dead, unflushed, next }, dead_letters))
}

impl Queue {
    /// The contents of a message; None if it is gone, or can't be read, which health tells of.
    pub(crate) fn read(&self, journal: &Journal, seq: Seq) -> Result<Option<Contents>, ApiError> {
        let mut at = None;
        loop {
            // While it is read it may be copied to another position, and the log trimmed.
            let Some(position) = self.raw().state.get(seq).map(|message| message.position) else { return Ok(None) };
            if at == Some(position) {
                tracing::error!(queue = self.arn, position, "a message can't be read");
                return Ok(None);
            }
            match journal.read(position, record::contents) {
                Ok(Some(contents)) => return Ok(Some(contents)),
                Ok(None) => at = Some(position),
                Err(failure) => {
                    tracing::error!(queue = self.arn, position, error = %failure, "a message can't be read");
                    at = Some(position);
                }
            }
        }
    }
}
