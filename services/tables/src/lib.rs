//! The DynamoDB part: real tables on disk, so that the pipeline runs with nothing else
//! installed. The engine is `dynoxide` over SQLite; this crate gives it the wire, a bound on
//! concurrent work, expiry of items and a place in the data directory.
//!
//! It is not a model of DynamoDB's partitions or capacity: reads are always consistent and
//! throughput is that of the disk.
//!
//! **Invariant**: a write is acknowledged, or shown to a reader, once it is in SQLite's write-ahead
//! log and that log is flushed; one flush covers all commits made before it (`flush.rs`).
//!
//! Start reading at `engine.rs`: a call's way to SQLite and back.

mod answer;
mod bounds;
mod check;
mod engine;
mod error;
mod expiry;
mod flush;
mod identity;
mod model;
mod names;
mod operations;
mod request;
mod section;
mod streams_service;
mod workers;

use std::path::Path;
use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Problem, ProblemKind, Section, Service, ServiceModel};
use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::engine::{Engine, Failing};
pub use crate::error::TablesError;
use crate::operations::Effect;
pub use crate::section::TableStat;
pub use crate::streams_service::TableStreams;

/// The DynamoDB service over one data directory.
pub struct Tables {
    engine: Engine,
    /// Told when a table may have begun to expire items.
    expiry_changed: Arc<Notify>,
    expiry: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

impl Tables {
    /// Opens the tables in `directory`, creating it if absent, and resumes the expiry of items.
    /// Blocks on the disk; call it within a tokio runtime.
    ///
    /// # Errors
    /// [`TablesError`] when the directory or the database can't be opened, is damaged, or was
    /// written by a newer version.
    pub fn open(directory: &Path) -> Result<Arc<Self>, TablesError> {
        let tables = Arc::new(Self {
            engine: Engine::open(directory)?,
            expiry_changed: Arc::new(Notify::new()),
            expiry: parking_lot::Mutex::new(None),
        });
        *tables.expiry.lock() = Some(tokio::spawn(expiry::run(Arc::downgrade(&tables))));
        Ok(tables)
    }

    /// The tables and what they hold, by name.
    ///
    /// # Errors
    /// `InternalServerError` when the disk fails.
    pub async fn stat(&self) -> Result<Vec<TableStat>, ApiError> {
        let stats = self.engine.run(Effect::Reads, |database| Ok(database.table_stats()?)).await?;
        let mut stats: Vec<TableStat> = stats
            .into_iter()
            .map(|stat| TableStat {
                name: stat.table_name,
                items: u64::try_from(stat.item_count).unwrap_or(0),
                bytes: stat.size_bytes,
            })
            .collect();
        stats.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(stats)
    }

    /// What keeps the tables from doing their work.
    pub fn problems(&self) -> Vec<Problem> {
        let problem = match self.engine.failing() {
            None => return Vec::new(),
            Some(Failing::Flush(cause)) => Problem::new(
                ProblemKind::Poisoned,
                "tables",
                format!("a flush failed ({cause}); start the server again once the disk is sound"),
            ),
            Some(Failing::Call(cause)) if error::is_full_disk(&cause) => {
                Problem::new(ProblemKind::FullDisk, "tables", "the disk has no room for what is written")
            }
            Some(Failing::Call(cause)) => {
                Problem::new(ProblemKind::Failing, "tables", format!("the last call failed: {cause}"))
            }
        };
        vec![problem]
    }

    /// The DynamoDB Streams API (`DynamoDBStreams_20120810`) over the same tables.
    pub fn streams(self: &Arc<Self>) -> TableStreams {
        TableStreams::new(self.clone())
    }

    /// Stops the expiry of items, waits for running calls and closes the database. Later calls fail.
    pub async fn shutdown(&self) {
        if let Some(expiry) = self.expiry.lock().take() {
            expiry.abort();
        }
        self.engine.close().await;
    }

    /// Performs an operation of either API.
    async fn answer(&self, call: &Call) -> Result<Answer, ApiError> {
        let operation = operations::find(call.operation.name)?;
        let (context, body) = (call.context.clone(), call.body());
        let answer =
            self.engine.run(operation.effect, move |database| operation.perform(database, &context, &body)).await?;
        if operation.name == "UpdateTimeToLive" {
            self.expiry_changed.notify_one();
        }
        Ok(Answer::Whole(answer))
    }
}

#[async_trait]
impl Service for Tables {
    fn model(&self) -> &'static ServiceModel {
        &model::TABLES
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        self.answer(call).await
    }

    fn problems(&self) -> Vec<Problem> {
        Tables::problems(self)
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section::section(self.stat().await)]
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}
