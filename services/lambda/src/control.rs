//! Control-store calls from asynchronous code, many writers' changes in one commit.

use anabranch_control::{Changes, ControlError, ControlStore, Table};
use anabranch_protocol::ApiError;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::error::service_exception;

/// Writes that may wait to be committed; one more writer waits for room.
const WRITES_WAITING_MAX: usize = 1_024;

/// Runs `work`, which may wait for the disk, on a thread for such work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::error!(%error, "control store");
            Err(service_exception(format!("The control store failed: {error}")))
        }
        Err(error) => Err(service_exception(error.to_string())),
    }
}

/// A change of one value: set, or with `None` removed.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) table: Table,
    pub(crate) key: String,
    pub(crate) value: Option<Value>,
}

/// Commits writes of many tasks together, so that each does not cost a flush of its own.
#[derive(Clone)]
pub(crate) struct GroupCommit(mpsc::Sender<(Write, oneshot::Sender<Result<(), ApiError>>)>);

impl GroupCommit {
    pub(crate) fn new(control: ControlStore) -> Self {
        let (sender, mut waiting) = mpsc::channel(WRITES_WAITING_MAX);
        tokio::spawn(async move {
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, WRITES_WAITING_MAX).await > 0 {
                let (writes, replies): (Vec<Write>, Vec<oneshot::Sender<_>>) = group.drain(..).unzip();
                let outcome = commit(&control, writes).await;
                for reply in replies {
                    let _ = reply.send(outcome.clone());
                }
            }
        });
        Self(sender)
    }

    /// Returns once the write is durable.
    pub(crate) async fn write(&self, write: Write) -> Result<(), ApiError> {
        let (sender, done) = oneshot::channel();
        let stopped = || service_exception("The server is stopping");
        self.0.send((write, sender)).await.map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())?
    }
}

/// Commits all `writes` or none.
pub(crate) async fn commit(control: &ControlStore, writes: Vec<Write>) -> Result<(), ApiError> {
    let control = control.clone();
    blocking(move || {
        let mut changes = Changes::default();
        for write in &writes {
            match &write.value {
                Some(value) => changes.put(write.table, &write.key, value)?,
                None => changes.delete(write.table, &write.key),
            }
        }
        control.commit(changes)
    })
    .await
}
