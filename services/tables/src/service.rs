//! The service: calls on their way to the database of their account and region.

use std::path::Path;
use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Clock, Problem, ProblemKind, Section, Service, ServiceModel};
use async_trait::async_trait;
use dynoxide::Database;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::databases::Databases;
use crate::engine::{Effect, Failing};
use crate::error::TablesError;
use crate::owner::Owner;
use crate::section::{TableStat, section};
use crate::wording::is_full_disk;
use crate::{expiry, model, operations};

/// The DynamoDB service over one data directory.
pub struct Tables {
    pub(crate) databases: Arc<Databases>,
    /// Told when a table may have begun to expire items.
    expiry_changed: Arc<Notify>,
    expiry: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

impl Tables {
    /// Opens the tables in `directory`, creating it if absent, and resumes the expiry of items, by `clock`.
    /// Blocks on the disk; call it within a tokio runtime.
    ///
    /// # Errors
    /// [`TablesError`] when the directory or the database can't be opened, is damaged, or was
    /// written by a newer version.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, TablesError> {
        let (databases, expiry_changed) = (Arc::new(Databases::open(directory)?), Arc::new(Notify::new()));
        let expiry = tokio::spawn(expiry::run(Arc::downgrade(&databases), expiry_changed.clone(), clock));
        Ok(Arc::new(Self { databases, expiry_changed, expiry: parking_lot::Mutex::new(Some(expiry)) }))
    }

    /// The tables and what they hold, by name, of all accounts and regions.
    ///
    /// # Errors
    /// `InternalServerError` when the disk fails.
    pub async fn stat(&self) -> Result<Vec<TableStat>, ApiError> {
        let mut stats = Vec::new();
        for owner in self.databases.owners() {
            let (engine, effect) = self.databases.of(&owner, Effect::Reads).await?;
            let tables = engine.run(effect, |database| Ok(database.table_stats()?)).await?;
            stats.extend(tables.into_iter().map(|stat| TableStat {
                name: stat.table_name,
                account: owner.account,
                region: owner.region.clone(),
                items: u64::try_from(stat.item_count).unwrap_or(0),
                bytes: stat.size_bytes,
            }));
        }
        stats.sort_by(|a, b| (&a.name, a.account, &a.region).cmp(&(&b.name, b.account, &b.region)));
        Ok(stats)
    }

    /// What keeps the tables from doing their work.
    pub fn problems(&self) -> Vec<Problem> {
        let failing = self.databases.opened().into_iter().filter_map(|(owner, engine)| {
            let resource = match owner == Owner::default() {
                true => "tables".to_string(),
                false => format!("tables of {} in {}", owner.account, owner.region),
            };
            Some((resource, engine.failing()?))
        });
        let problem = |(resource, failing): (String, Failing)| match failing {
            Failing::Flush(cause) => Problem::new(
                ProblemKind::Poisoned,
                resource,
                format!("a flush failed ({cause}); start the server again once the disk is sound"),
            ),
            Failing::Call(cause) if is_full_disk(&cause) => {
                Problem::new(ProblemKind::FullDisk, resource, "the disk has no room for what is written")
            }
            Failing::Call(cause) => {
                Problem::new(ProblemKind::Failing, resource, format!("the last call failed: {cause}"))
            }
        };
        failing.map(problem).collect()
    }

    /// Stops the expiry of items, waits for running calls and closes the databases. Later calls fail.
    pub async fn shutdown(&self) {
        if let Some(expiry) = self.expiry.lock().take() {
            expiry.abort();
        }
        self.databases.close().await;
    }

    /// Performs an operation of either API.
    pub(crate) async fn answer(&self, call: &Call) -> Result<Answer, ApiError> {
        let operation = operations::find(call.operation.name)?;
        let (context, body) = (call.context.clone(), call.body());
        let owner = Owner::of(&context);
        let (engine, effect) = self.databases.of(&owner, operation.effect).await?;
        let databases = self.databases.clone();
        let perform = move |database: &Database| {
            let answer = operation.perform(database, &context, &body);
            if effect != Effect::Reads && databases.changes.is_read(&owner) {
                databases.changes.written(&owner, &operation.touched(&body));
            }
            answer
        };
        let answer = engine.run(effect, perform).await?;
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
        vec![section(self.stat().await)]
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}
