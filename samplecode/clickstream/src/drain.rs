//! Waiting until everything that was sent has arrived everywhere.
//!
//! Only what belongs to this input, recognized by its ids, counts, so that data from earlier runs is
//! not mistaken for it.

use crate::expected::Expected;
use crate::objects;
use crate::place::{Clients, Place};
use crate::progress::Progress;
use crate::read_error::ReadError;
use crate::tables;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// Tables are scanned whole, so while rows are still to come, no more often than this.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// One expected total and the actual one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What is counted.
    pub what: &'static str,
    /// How many there must be.
    pub expected: u64,
    /// How many there are.
    pub actual: u64,
}

impl Check {
    /// Whether the total is exact.
    pub(crate) fn exact(&self) -> bool {
        self.expected == self.actual
    }
}

/// What has been found so far. Objects never change once written, so each is read once.
#[derive(Default)]
struct Found {
    /// When the tables were last scanned, or else when the first look was.
    scanned_at: Option<Instant>,
    read: HashSet<String>,
    curated: HashSet<String>,
    poison: HashSet<String>,
    raw_lines: HashMap<String, u64>,
    session_clicks: u64,
    steps: u64,
}

/// Waits until every total is reached, or nothing has moved for `patience` seconds. Returns the totals.
pub(crate) async fn wait(expected: &Expected, clients: &Clients, place: &Place, patience: u64) -> Vec<Check> {
    let mut found = Found::default();
    let goal = checks(&found, expected).iter().map(|check| check.expected).sum();
    let progress = Progress::new("draining", goal);
    let mut last = 0;
    let mut moved_at = Instant::now();
    loop {
        // A server that is restarting is no reason to stop; it just makes no progress.
        let trouble = found.look(expected, clients, place).await.err();
        let checks = checks(&found, expected);
        let now: u64 = checks.iter().map(|check| check.actual.min(check.expected)).sum();
        let missing = checks.iter().find(|check| check.actual < check.expected);
        let message = match (&trouble, missing) {
            (Some(trouble), _) => format!("{}: waiting", trouble.place),
            (None, Some(check)) => format!("{}: {} to come", check.what, check.expected - check.actual),
            (None, None) => String::new(),
        };
        progress.at(now, &message);
        if now != last {
            (last, moved_at) = (now, Instant::now());
        }
        if now == goal && trouble.is_none() {
            progress.end(&message);
            return checks;
        }
        if moved_at.elapsed().as_secs() >= patience {
            progress.end(&message);
            // The report on what is missing tells how it is now, as far as that can be read.
            let _ = found.scan(expected, clients, place).await;
            return self::checks(&found, expected);
        }
        sleep(PAUSE).await;
    }
}

fn checks(found: &Found, expected: &Expected) -> Vec<Check> {
    let raw_lines = expected.raw_lines.iter();
    // A line delivered twice is still one line.
    let raw_lines = raw_lines.map(|(line, &count)| found.raw_lines.get(line).copied().unwrap_or(0).min(count)).sum();
    vec![
        Check {
            what: "clicks in table sessions",
            expected: expected.event_ids.len() as u64,
            actual: found.session_clicks,
        },
        Check { what: "steps in table funnel", expected: expected.steps_total(), actual: found.steps },
        Check {
            what: "poison records in the failures bucket",
            expected: expected.poison.len() as u64,
            actual: found.poison.len() as u64,
        },
        Check {
            what: "rows in the curated bucket",
            expected: expected.event_ids.len() as u64,
            actual: found.curated.len() as u64,
        },
        Check {
            what: "unreadable lines under the error prefix",
            expected: expected.raw_lines_total(),
            actual: raw_lines,
        },
    ]
}

impl Found {
    async fn look(&mut self, expected: &Expected, clients: &Clients, place: &Place) -> Result<(), ReadError> {
        self.look_at_failures(expected, clients, place).await?;
        self.look_at_results(expected, clients, place).await?;
        let is_due = self.scanned_at.get_or_insert_with(Instant::now).elapsed() >= SCAN_INTERVAL;
        if is_due || self.curated.len() == expected.event_ids.len() {
            self.scan(expected, clients, place).await?;
            self.scanned_at = Some(Instant::now());
        }
        Ok(())
    }

    async fn scan(&mut self, expected: &Expected, clients: &Clients, place: &Place) -> Result<(), ReadError> {
        let mut clicks = 0;
        tables::scan(clients, &place.sessions_table, &["session_id", "clicks"], |item| {
            if tables::text(item, "session_id").is_some_and(|id| expected.sessions.contains_key(id)) {
                clicks += tables::number(item, "clicks").unwrap_or(0);
            }
        })
        .await?;
        self.session_clicks = clicks;
        let mut steps = 0;
        tables::scan(clients, &place.funnel_table, &["session_id", "steps"], |item| {
            if tables::text(item, "session_id").is_some_and(|id| expected.steps.contains_key(id)) {
                steps += tables::texts(item, "steps").len() as u64;
            }
        })
        .await?;
        self.steps = steps;
        Ok(())
    }

    async fn look_at_failures(
        &mut self,
        expected: &Expected,
        clients: &Clients,
        place: &Place,
    ) -> Result<(), ReadError> {
        let bucket = &place.failures_bucket;
        for object in objects::list(clients, bucket, "").await? {
            let location = format!("s3://{bucket}/{}", object.key);
            if self.read.contains(&location) {
                continue;
            }
            let records = objects::failed_records(&location, &objects::get(clients, bucket, &object.key).await?);
            let funnel = records.into_iter().filter(|record| record.function == "funnel");
            self.poison.extend(funnel.filter_map(|record| record.event_id).filter(|id| expected.poison.contains(id)));
            self.read.insert(location);
        }
        Ok(())
    }

    async fn look_at_results(
        &mut self,
        expected: &Expected,
        clients: &Clients,
        place: &Place,
    ) -> Result<(), ReadError> {
        let bucket = &place.curated_bucket;
        for object in objects::list(clients, bucket, "").await? {
            let location = format!("s3://{bucket}/{}", object.key);
            if self.read.contains(&location) {
                continue;
            }
            let content = objects::get(clients, bucket, &object.key).await?;
            if object.key.starts_with("errors/") {
                for line in objects::error_lines(&location, &content) {
                    *self.raw_lines.entry(line.raw).or_default() += 1;
                }
            } else {
                let ids = objects::curated_ids(&content);
                self.curated.extend(ids.into_iter().filter(|id| expected.event_ids.contains(id)));
            }
            self.read.insert(location);
        }
        Ok(())
    }
}
