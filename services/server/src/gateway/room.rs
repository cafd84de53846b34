//! Large requests: how many bytes of them are in memory at a time, and where they are decoded.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Smallest body in bytes that counts as large. Decoding a smaller one takes less than a
/// millisecond; going to another thread would slow it down for nothing.
pub(super) const LARGE_BODY_BYTES_MIN: u64 = 256 << 10;
/// Most bytes of large bodies that are in memory at a time, over all connections.
const LARGE_BODIES_BYTES_MAX: u64 = 128 << 20;
/// Most large bodies that are decoded at a time, each on a thread of its own.
const DECODED_AT_A_TIME_MAX: usize = 4;
/// Longest wait of a large body for those before it.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(10);
/// Unit in which room is given, in bytes.
const UNIT_BYTES: u64 = 1 << 10;

/// Room for large bodies.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    decoding: Semaphore,
    wait_max: Duration,
}

/// There was no room for a body in time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server holds as many large requests as it takes, {LARGE_BODIES_BYTES_MAX} bytes; try again")]
pub(super) struct NoRoom;

impl Default for Room {
    fn default() -> Self {
        let units = (LARGE_BODIES_BYTES_MAX / UNIT_BYTES) as usize;
        Self {
            bytes: Arc::new(Semaphore::new(units)),
            decoding: Semaphore::new(DECODED_AT_A_TIME_MAX),
            wait_max: ROOM_WAIT_MAX,
        }
    }
}

impl Room {
    /// Waits until there is room for a body of `bytes`, and holds it; small bodies need none.
    pub(super) async fn reserve(&self, bytes: u64) -> Result<Option<OwnedSemaphorePermit>, NoRoom> {
        if bytes < LARGE_BODY_BYTES_MIN {
            return Ok(None);
        }
        let units = u32::try_from(bytes.min(LARGE_BODIES_BYTES_MAX) / UNIT_BYTES).unwrap_or(u32::MAX);
        let granted = tokio::time::timeout(self.wait_max, self.bytes.clone().acquire_many_owned(units)).await;
        granted.map_err(|_| NoRoom)?.map(Some).map_err(|_| NoRoom)
    }

    /// `body`, of which `bytes` are foreseen, with the room that it needs until it was read.
    pub(super) async fn reading(&self, body: Body, bytes: u64) -> Result<Body, NoRoom> {
        Ok(match self.reserve(bytes).await? {
            None => body,
            Some(room) => Body::new(body.map_frame(move |frame| {
                let _held = &room;
                frame
            })),
        })
    }

    /// Runs a call with a large body. A call decodes its body first, before it waits for anything:
    /// that part is done on a thread that may be busy for long.
    pub(super) async fn begin_apart<T: Send + 'static>(&self, mut call: BoxFuture<'static, T>) -> T {
        let turn = self.decoding.acquire().await;
        let begun = tokio::task::spawn_blocking(move || {
            // Nobody needs to be woken: what waits is polled again below.
            match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => Ok(outcome),
                Poll::Pending => Err(call),
            }
        });
        let begun = begun.await;
        drop(turn);
        match begun {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(call)) => call.await,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and this call with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn bytes_are_counted_over_all_bodies() {
        let room = Room { wait_max: Duration::from_millis(1), ..Room::default() };
        let most = room.reserve(LARGE_BODIES_BYTES_MAX - LARGE_BODY_BYTES_MIN).await.unwrap();
        let last = room.reserve(LARGE_BODY_BYTES_MIN).await.unwrap();
        assert_eq!(room.reserve(LARGE_BODY_BYTES_MIN).await.unwrap_err(), NoRoom);
        assert!(room.reserve(LARGE_BODY_BYTES_MIN - 1).await.unwrap().is_none(), "small bodies go on");
        drop(last);
        assert!(room.reserve(LARGE_BODY_BYTES_MIN).await.unwrap().is_some());
        drop(most);
    }

    #[tokio::test]
    async fn only_what_waits_runs_on_the_runtime() {
        let (here, room) = (std::thread::current().id(), Room::default());
        let thread = || async { std::thread::current().id() };
        assert_ne!(room.begin_apart(thread().boxed()).await, here);
        let call = async move {
            let decoding = std::thread::current().id();
            tokio::time::sleep(Duration::from_millis(1)).await;
            (decoding, std::thread::current().id())
        };
        let (decoding, waiting) = room.begin_apart(call.boxed()).await;
        assert_ne!(decoding, here);
        assert_eq!(waiting, here);
    }

    #[tokio::test]
    async fn a_panic_while_decoding_is_that_calls_alone() {
        let room = Room::default();
        for _ in 0..2 * DECODED_AT_A_TIME_MAX {
            let call = room.begin_apart(async { panic!("a mistake of ours") }.boxed());
            assert!(std::panic::AssertUnwindSafe(call).catch_unwind().await.is_err());
        }
    }
}
