//! The delivery streams of one data directory. Making and deleting one goes through here.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_control::move_aside;
use anabranch_protocol::{Problem, ProblemKind, RequestContext};
use anabranch_storage::FlushPolicy;
use parking_lot::{Mutex, RwLock};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::active_stream::ActiveStream;
use crate::delivery_stream::DeliveryStream;
use crate::delivery_task::{DeliveryTask, Shared};
use crate::error::{ChangeError, FirehoseError, NotFound};
use crate::progress::Progress;
use crate::sources::{Place, RecordSource};

/// The delivery streams of one data directory.
pub(crate) struct Registry {
    pub(crate) directory: PathBuf,
    pub(crate) log_config: anabranch_storage::Config,
    pub(crate) shared: Arc<Shared>,
    /// By ARN, and so by region, account and name.
    pub(crate) streams: RwLock<BTreeMap<String, Arc<ActiveStream>>>,
    /// Held while a delivery stream is made or deleted.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
    /// What was wrong when it was opened, until it is opened again.
    pub(crate) found: Mutex<Vec<Problem>>,
}

/// The ARN of the caller's delivery stream `name`.
pub(crate) fn arn(context: &RequestContext, name: &str) -> String {
    context.arn("firehose", &format!("deliverystream/{name}")).to_string()
}

impl Registry {
    /// The caller's delivery stream `name`.
    ///
    /// # Errors
    /// When there is none in the caller's account and region.
    pub(crate) fn find(&self, context: &RequestContext, name: &str) -> Result<Arc<ActiveStream>, NotFound> {
        let found = self.streams.read().get(&arn(context, name)).cloned();
        found.ok_or_else(|| NotFound { name: name.into(), account: context.account })
    }

    /// The caller's delivery streams, by name.
    pub(crate) fn of_caller(&self, context: &RequestContext) -> Vec<Arc<ActiveStream>> {
        let prefix = arn(context, "");
        let streams = self.streams.read();
        let theirs = streams.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
        theirs.map(|(_, active)| active.clone()).collect()
    }

    /// Starts the delivery streams that the catalog knows.
    pub(crate) fn resume(&self) -> Result<(), FirehoseError> {
        let failed = |source| FirehoseError::Directory { path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let stored = self.shared.catalog.load()?;
        self.move_strays_aside(&stored).map_err(failed)?;
        for (stream, progress) in stored {
            let progress = self.without_lost_records(&stream, progress)?;
            let source = stream.source.settings().open(&self.place(&stream))?;
            let progress = self.agree(&stream, progress, source.end())?;
            self.start(stream, source, progress);
        }
        Ok(())
    }

    /// Opens the source of `stream`, then makes the entry that refers to it, and starts delivery. A
    /// crash between leaves files that the next start moves aside. It goes on if the caller leaves.
    pub(crate) async fn make(
        self: &Arc<Self>,
        stream: DeliveryStream,
        changing: OwnedMutexGuard<()>,
    ) -> Result<(), ChangeError> {
        let registry = self.clone();
        let made = tokio::spawn(async move {
            let _changing = changing;
            registry.make_now(stream).await
        });
        made.await?
    }

    async fn make_now(self: Arc<Self>, stream: DeliveryStream) -> Result<(), ChangeError> {
        let directory = self.log_directory(stream.id);
        let added = match self.open_new(&stream).await {
            Ok(source) => self.shared.catalog.add(&stream).await.map(|()| source).map_err(ChangeError::from),
            Err(error) => Err(error),
        };
        match added {
            Ok(source) => {
                self.start(stream, source, Progress::default());
                Ok(())
            }
            Err(error) => {
                // What can't be removed now is moved aside at the next start.
                let _ = tokio::task::spawn_blocking(move || fs::remove_dir_all(directory)).await;
                Err(error)
            }
        }
    }

    /// Opens the source of a new delivery stream, durably.
    async fn open_new(&self, stream: &DeliveryStream) -> Result<Arc<dyn RecordSource>, ChangeError> {
        let (settings, place, directory) = (stream.source.clone(), self.place(stream), self.directory.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let source = settings.settings().open(&place)?;
            sync(&directory).map_err(|source| FirehoseError::Directory { path: directory.clone(), source })?;
            Ok(source)
        });
        opened.await?
    }

    /// Deletes a delivery stream with what it buffers: first the entry, then the files. It goes
    /// on if the caller leaves.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        active: Arc<ActiveStream>,
        changing: OwnedMutexGuard<()>,
    ) -> Result<(), ChangeError> {
        let registry = self.clone();
        let deleted = tokio::spawn(async move {
            let _changing = changing;
            registry.shared.catalog.remove(&active.stream).await?;
            registry.streams.write().remove(&active.stream.arn);
            active.close().await;
            let removed = tokio::task::spawn_blocking(move || registry.remove_log(active.stream.id)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%error, "the log of a deleted delivery stream stays; the next start moves it aside");
            }
            Ok(())
        });
        deleted.await?
    }

    fn start(&self, stream: DeliveryStream, source: Arc<dyn RecordSource>, progress: Progress) {
        let active = Arc::new(ActiveStream::new(stream, source));
        let delivery = DeliveryTask::new(self.shared.clone(), active.clone(), progress);
        *active.task.lock() = Some(tokio::spawn(delivery.run()));
        self.streams.write().insert(active.stream.arn.clone(), active);
    }

    fn place(&self, stream: &DeliveryStream) -> Place {
        Place { name: stream.name.clone(), directory: self.log_directory(stream.id), log: self.log_config.clone() }
    }

    /// Brings source and catalog to agree. They do, unless a weaker flush policy than
    /// [`FlushPolicy::Fsync`] let a power cut take back records that were delivered or planned.
    fn agree(&self, stream: &DeliveryStream, progress: Progress, end: u64) -> Result<Progress, FirehoseError> {
        let reached = progress.reached();
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
        match fs::remove_dir_all(self.log_directory(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync(&self.directory),
        }
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
    fn without_lost_records(&self, stream: &DeliveryStream, progress: Progress) -> Result<Progress, FirehoseError> {
        let place = self.place(stream);
        if !stream.source.settings().is_lost(&place) {
            return Ok(progress);
        }
        let path = place.directory.display();
        let message = format!("its log {path} is gone, with what was not delivered yet; a new one was made");
        tracing::error!(stream = stream.name, "{message}");
        self.found.lock().push(Problem::new(ProblemKind::Missing, &stream.name, message));
        let progress = Progress { delivered: 0, plan: None, ..progress };
        self.shared.catalog.advance_now(stream, &progress)?;
        Ok(progress)
    }
}

/// Makes the names in `directory` durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
