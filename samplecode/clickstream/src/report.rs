//! The report: what was sent, what became of it, and where to look. One structure, shown as text or
//! written as JSON.

use crate::drain::Check;
use crate::expected::Expected;
use crate::figures::{Figures, Objects, Tables};
use crate::input::Input;
use crate::objects::{ErrorLine, FailedRecord};
use crate::place::Place;
use crate::stream::Sent;
use click::Step;
use serde::Serialize;
use std::time::Duration;

/// How many pages are shown.
const TOP_PAGES: usize = 10;

/// Everything the user learns.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The input, in words.
    pub title: String,
    /// What was streamed; absent if nothing was.
    pub sent: Option<Sending>,
    pub raw_objects: Objects,
    pub curated_objects: Objects,
    pub error_objects: Objects,
    pub tables: Tables,
    /// The most viewed pages, most views first.
    pub top_pages: Vec<PageViews>,
    /// Sessions that reached each step.
    pub funnel: Vec<FunnelStep>,
    pub failed_records: Vec<FailedRecord>,
    pub error_lines: Vec<ErrorLine>,
    /// Each total beside what was expected.
    pub checks: Vec<Check>,
    pub look: Look,
}

/// What was streamed, and how fast.
#[derive(Debug, Serialize)]
pub(crate) struct Sending {
    /// Clicks sent to the API.
    pub clicks: u64,
    /// Lines put to the delivery stream.
    pub raw_lines: u64,
    #[serde(flatten)]
    pub sent: Sent,
    /// Seconds until the last click was accepted.
    pub send_seconds: f64,
    /// Seconds until the last click had arrived everywhere.
    pub total_seconds: f64,
    /// Clicks accepted per second.
    pub clicks_per_second_accepted: f64,
    /// Clicks per second from the first request to the last arrival.
    pub clicks_per_second: f64,
}

/// A page and its views.
#[derive(Debug, Serialize)]
pub(crate) struct PageViews {
    pub page: String,
    pub views: u64,
}

/// A step and the sessions that reached it.
#[derive(Debug, Serialize)]
pub(crate) struct FunnelStep {
    pub step: &'static str,
    pub sessions: u64,
}

/// Where to look further.
#[derive(Debug, Serialize)]
pub(crate) struct Look {
    pub endpoint: String,
    pub api_url: String,
    pub console_url: String,
    pub raw_bucket: String,
    pub curated_bucket: String,
    pub failures_bucket: String,
}

/// How the job went, before the figures.
pub(crate) struct Outcome {
    pub input: Input,
    pub expected: Expected,
    pub sent: Sent,
    pub drained: Vec<Check>,
    pub send_time: Duration,
    pub total_time: Duration,
    /// Whether only this job's pages have been counted.
    pub pages_were_empty: bool,
}

impl Report {
    /// Whether every total is exact.
    pub(crate) fn complete(&self) -> bool {
        self.checks.iter().all(Check::exact)
    }
}

/// The report on what is there already, with nothing streamed.
pub(crate) fn standing(figures: Figures, place: &Place) -> Report {
    let mut pages: Vec<PageViews> = figures.pages.into_iter().map(|(page, views)| PageViews { page, views }).collect();
    pages.sort_by(|a, b| b.views.cmp(&a.views).then_with(|| a.page.cmp(&b.page)));
    pages.truncate(TOP_PAGES);
    let funnel = Step::ALL.iter().zip(figures.funnel);
    Report {
        title: "what the pipeline holds".into(),
        sent: None,
        raw_objects: figures.raw,
        curated_objects: figures.curated,
        error_objects: figures.errors,
        tables: figures.tables,
        top_pages: pages,
        funnel: funnel.map(|(step, sessions)| FunnelStep { step: step.name(), sessions }).collect(),
        failed_records: figures.failed_records,
        error_lines: figures.error_lines,
        checks: Vec::new(),
        look: Look {
            endpoint: place.endpoint.clone(),
            api_url: place.api_url.clone(),
            console_url: format!("{}/_anabranch/", place.endpoint),
            raw_bucket: place.raw_bucket.clone(),
            curated_bucket: place.curated_bucket.clone(),
            failures_bucket: place.failures_bucket.clone(),
        },
    }
}

/// The report on a job.
pub(crate) fn job(outcome: Outcome, figures: Figures, place: &Place) -> Report {
    let mut checks = outcome.drained;
    if outcome.pages_were_empty {
        checks.push(page_check(&outcome.expected, &figures));
    }
    let refusals = outcome.sent.refused.iter().filter(|refused| refused.status == 400).count() as u64;
    let bad_bodies = outcome.input.bad_bodies.len() as u64;
    checks.push(Check { what: "bad bodies answered with 400", expected: bad_bodies, actual: refusals });
    let clicks = outcome.input.clicks.len() as u64;
    let (send_seconds, total_seconds) = (outcome.send_time.as_secs_f64(), outcome.total_time.as_secs_f64());
    let mut report = standing(figures, place);
    report.title = outcome.input.title;
    report.checks = checks;
    report.sent = Some(Sending {
        clicks,
        raw_lines: outcome.input.raw_lines.len() as u64,
        sent: outcome.sent,
        send_seconds,
        total_seconds,
        clicks_per_second_accepted: rate(clicks, send_seconds),
        clicks_per_second: rate(clicks, total_seconds),
    });
    report
}

/// Views counted for the right page: exact only if every page has the right number.
fn page_check(expected: &Expected, figures: &Figures) -> Check {
    let right = |(page, &views): (&String, &u64)| views.min(expected.pages.get(page).copied().unwrap_or(0));
    let total: u64 = figures.pages.values().sum();
    let wanted: u64 = expected.pages.values().sum();
    let standing: u64 = figures.pages.iter().map(right).sum();
    // Where the total agrees only because views were counted for the wrong page, show those at the right one.
    let actual = if total == wanted { standing } else { total };
    Check { what: "views in table pages, page by page", expected: wanted, actual }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no 16 digits")]
fn rate(clicks: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { clicks as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::day;
    use crate::stream::Refused;

    pub(crate) fn sample() -> Report {
        let input = day::generate(1, 2000);
        let expected = Expected::of(&input);
        let mut figures = Figures { pages: expected.pages.clone(), ..Figures::default() };
        for steps in expected.steps.values() {
            for (count, step) in figures.funnel.iter_mut().zip(Step::ALL) {
                *count += u64::from(steps.contains(&step));
            }
        }
        figures.failed_records = expected
            .poison
            .iter()
            .map(|id| FailedRecord {
                event_id: Some(id.clone()),
                function: "funnel".into(),
                condition: "RetryAttemptsExhausted".into(),
                reason: "purchase without amount_cents".into(),
                place: format!("s3://clickstream-failures-000000000000/aws/lambda/{id}"),
            })
            .collect();
        let sent = Sent {
            accepted: 2000,
            requests: 20,
            retries: 1,
            refused: vec![Refused { what: "half a body", status: 400, reason: "the body is not JSON".into() }],
        };
        let outcome = Outcome {
            input: Input { bad_bodies: vec![], ..input },
            expected,
            sent: Sent { refused: vec![], ..sent },
            drained: vec![Check { what: "clicks in table sessions", expected: 2000, actual: 2000 }],
            send_time: Duration::from_millis(1500),
            total_time: Duration::from_secs(4),
            pages_were_empty: true,
        };
        let place = Place::find(None, None, Some("http://127.0.0.1:4566/clicks")).unwrap();
        job(outcome, figures, &place)
    }

    #[test]
    fn a_job_whose_totals_agree_is_complete() {
        let report = sample();
        assert!(report.complete(), "{:?}", report.checks);
        assert_eq!(report.top_pages.len(), 10);
        assert!(report.top_pages.windows(2).all(|pair| pair[0].views >= pair[1].views));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["sent"]["accepted"], 2000);
        assert_eq!(json["sent"]["clicks_per_second"], 500.0);
    }

    #[test]
    fn views_at_the_wrong_page_are_found() {
        let input = day::generate(1, 500);
        let expected = Expected::of(&input);
        let mut figures = Figures { pages: expected.pages.clone(), ..Figures::default() };
        assert!(page_check(&expected, &figures).exact());
        *figures.pages.get_mut("/").unwrap() -= 1;
        assert!(!page_check(&expected, &figures).exact());
        figures.pages.insert("/nowhere".into(), 1);
        assert!(!page_check(&expected, &figures).exact());
        *figures.pages.get_mut("/").unwrap() += 1;
        assert!(!page_check(&expected, &figures).exact());
    }
}
