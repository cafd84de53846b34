//! Runs replays, and drops what archives no longer keep. One task for all of them.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::Changes;
use anabranch_delivery::{AcceptError, Outbox};
use anabranch_protocol::Clock;
use tokio::sync::watch;

use crate::archives::{Archives, note};
use crate::bus::BusAddress;
use crate::event::Event;
use crate::limits::{DELETED_AT_ONCE_MAX, EXPIRY_INTERVAL, REPLAYED_AT_ONCE_MAX, TIMER_RETRY_WAIT};
use crate::registry::Registry;
use crate::replay::{Replay, ReplayState};
use crate::routing::Accepting;

/// What the task stands on.
pub(crate) struct Replaying {
    pub(crate) archives: Arc<Archives>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbox: Arc<Outbox>,
}

impl Replaying {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut expiry = self.clock.instant();
        while !*stopping.borrow() {
            let mut pause = None;
            for replay in self.archives.running() {
                if let Err(error) = self.step(&replay.arn).await {
                    tracing::warn!(replay = replay.arn, %error, "a replay can't go on; trying again");
                    pause = Some(TIMER_RETRY_WAIT);
                }
            }
            if pause.is_none() && !self.archives.running().is_empty() {
                continue;
            }
            if self.clock.instant() >= expiry {
                self.expire().await;
                expiry = self.clock.instant() + EXPIRY_INTERVAL;
            }
            let expires = self.archives.all().iter().any(|archive| archive.settings.retention_days > 0);
            let next = pause.or(expires.then(|| expiry - self.clock.instant()));
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = self.archives.changed.notified() => {}
                () = self.wait(next) => {}
            }
        }
    }

    async fn wait(&self, pause: Option<Duration>) {
        match pause {
            Some(pause) => self.clock.sleep(pause).await,
            None => pending().await,
        }
    }

    /// Replays some events: what comes of them is accepted in the commit that notes how far it is.
    async fn step(&self, arn: &str) -> Result<(), AcceptError> {
        let _changing = self.archives.changing().await;
        let Some(replay) = self.archives.replay(arn).filter(|replay| replay.state == ReplayState::Running) else {
            return Ok(());
        };
        let mut replay = (*replay).clone();
        let now_ms = self.clock.now_ms();
        let bus = BusAddress::of_arn(&replay.bus_arn).and_then(|address| self.registry.find(&address));
        let Some((archive, bus)) = self.archives.archive(&replay.archive_arn).zip(bus) else {
            return self.end(replay, ReplayState::Failed, Accepting::new(&self.outbox), now_ms).await;
        };
        let from_ms = replay.from_ms.max(archive.kept_from_ms(now_ms));
        // The key that follows is the least above it.
        let from = replay.last_key.as_ref().map_or_else(|| archive.key_from(from_ms), |key| format!("{key}\0"));
        let read = self.archives.read(&archive, from, REPLAYED_AT_ONCE_MAX).await?;
        let is_last =
            read.len() < REPLAYED_AT_ONCE_MAX || read.iter().any(|(_, event)| event.ingested_ms >= replay.to_ms);
        let mut accepting = Accepting::new(&self.outbox);
        for (key, archived) in read.into_iter().filter(|(_, event)| event.ingested_ms < replay.to_ms) {
            replay.last_ms = Some(archived.ingested_ms);
            let id = key.rsplit('/').next().unwrap_or_default().to_string();
            let event = Event::replayed(id, &archived.document, &replay.name, now_ms);
            let is_meant = |arn: &String| replay.filter_arns.is_empty() || replay.filter_arns.contains(arn);
            for rule in bus.matched(&event).filter(|rule| is_meant(&rule.settings.arn)) {
                for target in &rule.settings.targets {
                    accepting.add(target.delivery(&event, rule.sender())).await?;
                }
            }
            replay.last_key = Some(key);
        }
        let state = if is_last { ReplayState::Completed } else { ReplayState::Running };
        self.end(replay, state, accepting, now_ms).await
    }

    async fn end(
        &self,
        replay: Replay,
        state: ReplayState,
        accepting: Accepting<'_>,
        now_ms: u64,
    ) -> Result<(), AcceptError> {
        let ended_ms = (state != ReplayState::Running).then_some(now_ms);
        let replay = Replay { state, ended_ms, ..replay };
        let mut changes = Changes::default();
        note(&mut changes, &replay)?;
        accepting.finish(changes).await?;
        self.archives.show(replay);
        Ok(())
    }

    /// Deletes what archives no longer keep.
    async fn expire(&self) {
        let now_ms = self.clock.now_ms();
        for archive in self.archives.all() {
            loop {
                match self.archives.delete_before(&archive, archive.kept_from_ms(now_ms)).await {
                    Ok(DELETED_AT_ONCE_MAX) => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(archive = archive.settings.arn, %error, "expired events can't be deleted; later");
                        break;
                    }
                }
            }
        }
    }
}
