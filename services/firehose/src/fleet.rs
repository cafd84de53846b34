//! All delivery streams at work, and what they share. Making and deleting one goes through here.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_control::move_aside;
use anabranch_ports::ObjectWriter;
use anabranch_protocol::{ApiError, Clock, Problem, ProblemKind};
use anabranch_storage::FlushPolicy;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedMutexGuard, Semaphore};
use uuid::Uuid;

use crate::buffer::Buffer;
use crate::delivery::Delivery;
use crate::delivery_stream::{Catalog, DeliveryStream, Progress};
use crate::error::{self, FirehoseError};
use crate::hose::Hose;

/// The delivery streams of one data directory.
pub(crate) struct Fleet {
    pub(crate) directory: PathBuf,
    pub(crate) log_config: anabranch_storage::Config,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) writer: Arc<dyn ObjectWriter>,
    /// Bounds the objects that are in memory at once.
    pub(crate) deliveries: Semaphore,
    /// By ARN, and so by region, account and name.
    pub(crate) hoses: RwLock<BTreeMap<String, Arc<Hose>>>,
    /// Held while a delivery stream is made or deleted.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
    /// What was wrong when it was opened, until it is opened again.
    pub(crate) found: Mutex<Vec<Problem>>,
}

impl Fleet {
    /// Starts the delivery streams that the catalog knows.
    pub(crate) fn resume(self: &Arc<Self>) -> Result<(), FirehoseError> {
        let failed = |source| FirehoseError::Directory { path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let stored = self.catalog.load()?;
        self.move_strays_aside(&stored).map_err(failed)?;
        for (stream, progress) in stored {
            let progress = self.without_lost_log(&stream, progress)?;
            let buffer = self.open_buffer(&stream)?;
            let progress = self.agree(&stream, progress, buffer.end())?;
            self.start(stream, buffer, progress);
        }
        Ok(())
    }

    /// Makes the log of `stream`, then the entry that refers to it, and starts delivery. A crash
    /// between leaves files that the next start moves aside. It goes on if the caller leaves.
    pub(crate) async fn make(
        self: &Arc<Self>,
        stream: DeliveryStream,
        changing: OwnedMutexGuard<()>,
    ) -> Result<(), ApiError> {
        let fleet = self.clone();
        let made = tokio::task::spawn_blocking(move || {
            let _changing = changing;
            fleet.make_now(stream)
        });
        made.await.map_err(|error| error::unavailable(error.to_string()))?
    }

    fn make_now(self: &Arc<Self>, stream: DeliveryStream) -> Result<(), ApiError> {
        let directory = self.log_directory(stream.id);
        let made = self.open_buffer(&stream).map_err(|error| match error {
            FirehoseError::Log { source, .. } => error::log(&source.into()),
            other => error::unavailable(other.to_string()),
        });
        let added = made.and_then(|buffer| {
            sync(&self.directory).map_err(|error| error::unavailable(error.to_string()))?;
            self.catalog.add(&stream).map_err(|error| error::control(&error))?;
            Ok(buffer)
        });
        match added {
            Ok(buffer) => {
                self.start(stream, buffer, Progress::default());
                Ok(())
            }
            Err(error) => {
                // What can't be removed now is moved aside at the next start.
                let _ = fs::remove_dir_all(directory);
                Err(error)
            }
        }
    }

    /// Deletes a delivery stream with what it buffers: first the entry, then the files. It goes
    /// on if the caller leaves.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        hose: Arc<Hose>,
        changing: OwnedMutexGuard<()>,
    ) -> Result<(), ApiError> {
        let fleet = self.clone();
        let deleted = tokio::spawn(async move {
            let _changing = changing;
            let (catalog, stream) = (fleet.catalog.clone(), hose.stream.clone());
            let removed = tokio::task::spawn_blocking(move || catalog.remove(&stream)).await;
            removed.map_err(|error| error::unavailable(error.to_string()))?.map_err(|error| error::control(&error))?;
            fleet.hoses.write().remove(&hose.stream.arn);
            hose.close().await;
            let removed = tokio::task::spawn_blocking(move || fleet.remove_log(hose.stream.id)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%error, "the log of a deleted delivery stream stays; the next start moves it aside");
            }
            Ok(())
        });
        deleted.await.map_err(|error| error::unavailable(error.to_string()))?
    }

    fn start(self: &Arc<Self>, stream: DeliveryStream, buffer: Buffer, progress: Progress) {
        let hose = Arc::new(Hose::new(stream, buffer));
        let delivery = Delivery::new(self.clone(), hose.clone(), progress);
        *hose.task.lock() = Some(tokio::spawn(delivery.run()));
        self.hoses.write().insert(hose.stream.arn.clone(), hose);
    }

    fn open_buffer(&self, stream: &DeliveryStream) -> Result<Buffer, FirehoseError> {
        let path = self.log_directory(stream.id);
        Buffer::open(&path, self.log_config.clone()).map_err(|source| FirehoseError::Log {
            stream: stream.name.clone(),
            path,
            source,
        })
    }

    /// Brings log and catalog to agree. They do, unless a weaker flush policy than
    /// [`FlushPolicy::Fsync`] let a power cut take back records that were delivered or planned.
    fn agree(&self, stream: &DeliveryStream, progress: Progress, end: u64) -> Result<Progress, FirehoseError> {
        let reached = progress.plan.as_ref().map_or(progress.delivered, |plan| plan.end);
        if reached <= end {
            return Ok(progress);
        }
        if self.log_config.flush == FlushPolicy::Fsync {
            let (stream, path) = (stream.name.clone(), self.log_directory(stream.id));
            return Err(FirehoseError::Disagree { stream, path, end, reached });
        }
        tracing::warn!(stream = stream.name, end, reached, "the log lost records that were not flushed");
        Ok(Progress { delivered: progress.delivered.min(end), plan: None, ..progress })
    }

    fn log_directory(&self, id: Uuid) -> PathBuf {
        self.directory.join(id.to_string())
    }

    fn remove_log(&self, id: Uuid) -> io::Result<()> {
        fs::remove_dir_all(self.log_directory(id))?;
        sync(&self.directory)
    }

    /// Moves logs aside that no delivery stream owns: a crash left them while one was made or
    /// deleted, or the control store is not the one that they belong to.
    fn move_strays_aside(&self, stored: &[(DeliveryStream, Progress)]) -> io::Result<()> {
        let owned: HashSet<Uuid> = stored.iter().map(|(stream, _)| stream.id).collect();
        let strays = self.directory.parent().unwrap_or(&self.directory).join("strays").join("firehose");
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let id = Uuid::parse_str(&entry.file_name().to_string_lossy());
            if id.is_ok_and(|id| !owned.contains(&id)) {
                let moved = move_aside(&entry.path(), &strays)?;
                let message = format!("no delivery stream owns this log; it was moved to {}", moved.display());
                tracing::warn!(log = %entry.path().display(), "{message}");
                self.found.lock().push(Problem::new(ProblemKind::Strays, entry.path().display().to_string(), message));
            }
        }
        Ok(())
    }

    /// Tells that the log of `stream` is gone, if it is, and has delivery begin anew: positions in
    /// the log that is made in its place do.
    fn without_lost_log(&self, stream: &DeliveryStream, progress: Progress) -> Result<Progress, FirehoseError> {
        let path = self.log_directory(stream.id);
        if path.exists() {
            return Ok(progress);
        }
        let message =
            format!("its log {} is gone, with what was not delivered yet; a new one was made", path.display());
        tracing::error!(stream = stream.name, "{message}");
        self.found.lock().push(Problem::new(ProblemKind::Missing, &stream.name, message));
        let progress = Progress { delivered: 0, plan: None, ..progress };
        self.catalog.advance(stream, &progress)?;
        Ok(progress)
    }
}

/// Makes the names in `directory` durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
