//! The report as text: coloured on a terminal, plain elsewhere, the same words in both.

use crate::report::{FunnelStep, Look, PageViews, Report, Sending};
use indicatif::{HumanBytes, HumanCount};
use std::fmt::Write;
use std::io::IsTerminal;

/// Columns of the widest bar.
const BAR_COLUMNS: u64 = 32;
/// How many failed records or lines are listed one by one.
const LISTED_MAX: usize = 8;
/// Columns to which a long page or line is cut.
const TEXT_COLUMNS: usize = 64;

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Coloured,
}

impl Style {
    /// Colours if the output is a terminal and the user has not turned them off (`NO_COLOR`).
    pub(crate) fn of_stdout() -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if coloured { Self::Coloured } else { Self::Plain }
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn bar(self, value: u64, most: u64) -> String {
        let columns = (value * BAR_COLUMNS).div_ceil(most.max(1)).min(BAR_COLUMNS);
        self.paint("36", &"█".repeat(usize::try_from(columns).unwrap_or(0)))
    }
}

/// Lines collected for the report.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn heading(&mut self, text: &str) {
        let text = self.style.paint("1;36", text);
        self.line(&format!("\n{text}"));
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    fn row(&mut self, label: &str, value: &str, note: &str) {
        let note = self.style.dim(note);
        self.line(&format!("  {label:<22} {value:>12}  {note}"));
    }
}

/// The whole report.
pub(crate) fn render(report: &Report, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    page.line(&format!("\n{} {}", style.bold("Clickstream report:"), report.title));
    if let Some(sent) = &report.sent {
        sending(&mut page, sent);
    }
    stored(&mut page, report);
    top_pages(&mut page, &report.top_pages);
    funnel(&mut page, &report.funnel);
    failures(&mut page, report);
    checks(&mut page, report);
    look(&mut page, &report.look);
    page.text
}

fn sending(page: &mut Page, sending: &Sending) {
    page.heading("Sent");
    let per_second = HumanCount(whole(sending.clicks_per_second_accepted));
    let note = format!("in {} requests, {:.1} s, {per_second} a second", sending.sent.requests, sending.send_seconds);
    page.row("clicks", &HumanCount(sending.clicks).to_string(), &note);
    if sending.sent.retries > 0 {
        page.row(
            "requests repeated",
            &HumanCount(sending.sent.retries).to_string(),
            "harmless: a click is recognized by its event_id",
        );
    }
    if sending.raw_lines > 0 {
        page.row("lines that are not JSON", &sending.raw_lines.to_string(), "straight to the delivery stream");
    }
    if !sending.sent.refused.is_empty() {
        page.row("bodies refused", &sending.sent.refused.len().to_string(), "none of their events were accepted");
        for refused in &sending.sent.refused {
            let reason = page.style.dim(&cut(&refused.reason));
            page.line(&format!("    {} {:<30} {reason}", refused.status, refused.what));
        }
    }
    let per_second = HumanCount(whole(sending.clicks_per_second));
    let note = format!("first request to last arrival, {per_second} clicks a second");
    page.row("total time", &format!("{:.1} s", sending.total_seconds), &note);
}

fn stored(page: &mut Page, report: &Report) {
    page.heading("Stored");
    let (raw, curated, errors, tables) =
        (report.raw_objects, report.curated_objects, report.error_objects, report.tables);
    let bytes = |bytes| HumanBytes(bytes).to_string();
    let count = |count| HumanCount(count).to_string();
    page.row("raw objects", &count(raw.count), &format!("gzip, {}", bytes(raw.bytes)));
    let note = format!("{} rows, {}, by hour", count(curated.rows), bytes(curated.bytes));
    page.row("curated objects", &count(curated.count), &note);
    page.row("error objects", &count(errors.count), &format!("{} lines that could not be read", count(errors.rows)));
    page.row("table sessions", &count(tables.sessions), &format!("{} clicks", count(tables.session_clicks)));
    page.row("table funnel", &count(tables.funnel), "sessions and the steps they reached");
    page.row("table pages", &count(tables.pages), &format!("{} views", count(tables.page_views)));
    page.row("table seen", &count(tables.seen), "events counted, each once");
}

fn top_pages(page: &mut Page, pages: &[PageViews]) {
    let Some(most) = pages.first().map(|first| first.views) else { return };
    page.heading("Top pages");
    for PageViews { page: address, views } in pages {
        let bar = page.style.bar(*views, most);
        page.line(&format!("  {:>8}  {:<38} {bar}", HumanCount(*views).to_string(), cut_to(address, 38)));
    }
}

fn funnel(page: &mut Page, steps: &[FunnelStep]) {
    let most = steps.iter().map(|step| step.sessions).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    page.heading("Funnel");
    for FunnelStep { step, sessions } in steps {
        let bar = page.style.bar(*sessions, most);
        let share = format!("{}.{} %", 100 * sessions / most, 1000 * sessions / most % 10);
        page.line(&format!("  {step:<9} {:>8}  {share:>7}  {bar}", HumanCount(*sessions).to_string()));
    }
}

fn failures(page: &mut Page, report: &Report) {
    if report.failed_records.is_empty() && report.error_lines.is_empty() {
        return;
    }
    page.heading("Failed, and kept");
    for record in report.failed_records.iter().take(LISTED_MAX) {
        let event = record.event_id.as_deref().unwrap_or("no event");
        page.line(&format!("  {}: {} ({event})", page.style.bold(&record.function), record.reason));
        page.line(&format!("    {}", page.style.dim(&record.place)));
    }
    more(page, report.failed_records.len());
    for error in report.error_lines.iter().take(LISTED_MAX) {
        page.line(&format!("  {}: {} ({})", page.style.bold("transform"), cut(&error.reason), cut_to(&error.raw, 40)));
        page.line(&format!("    {}", page.style.dim(&error.place)));
    }
    more(page, report.error_lines.len());
}

fn more(page: &mut Page, count: usize) {
    if count > LISTED_MAX {
        page.line(&page.style.dim(&format!("  and {} more", count - LISTED_MAX)));
    }
}

fn checks(page: &mut Page, report: &Report) {
    if report.checks.is_empty() {
        return;
    }
    page.heading("Accounted for");
    for check in &report.checks {
        let verdict = if check.exact() { page.style.good("exact") } else { page.style.bad("NOT EXACT") };
        let (actual, expected) = (HumanCount(check.actual).to_string(), HumanCount(check.expected).to_string());
        page.line(&format!("  {:<40} {actual:>9} of {expected:>9}  {verdict}", check.what));
    }
}

fn look(page: &mut Page, look: &Look) {
    page.heading("Look around");
    let endpoint = &look.endpoint;
    let aws = format!("aws --endpoint-url {endpoint}");
    page.line(&format!("  console   {}", look.console_url));
    page.line(&page.style.dim("  any credentials and any region will do:"));
    page.line("  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1");
    page.line(&format!("  {aws} s3 ls --recursive s3://{}", look.curated_bucket));
    page.line(&format!("  {aws} s3 ls --recursive s3://{}", look.failures_bucket));
    page.line(&format!("  {aws} dynamodb scan --table-name sessions --max-items 3"));
    page.line(&format!("  {aws} kinesis describe-stream-summary --stream-name clicks"));
    page.line(&format!("  curl -X POST '{}' -d '{}'", look.api_url, EXAMPLE));
}

/// A click for the user's own first request.
const EXAMPLE: &str =
    r#"{"event_id":"mine-1","session_id":"me","timestamp":"2026-06-15T12:00:00Z","type":"page_view","page":"/"}"#;

fn cut(text: &str) -> String {
    cut_to(text, TEXT_COLUMNS)
}

/// The beginning of a text, cut to some columns, without control characters (it may come from anyone).
fn cut_to(text: &str, columns: usize) -> String {
    let clean = || text.chars().map(|character| if character.is_control() { '·' } else { character });
    if clean().count() <= columns { clean().collect() } else { clean().take(columns - 1).chain(['…']).collect() }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn plain_and_coloured_say_the_same() {
        let report = sample();
        let plain = render(&report, Style::Plain);
        let coloured = render(&report, Style::Coloured);
        assert!(!plain.contains('\x1b') && coloured.contains('\x1b'));
        let mut stripped = String::new();
        for (index, part) in coloured.split("\x1b[").enumerate() {
            stripped.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
        }
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&plain), squeezed(&stripped));
        for words in ["Top pages", "Funnel", "exact", "purchase without amount_cents", "2,000", "console"] {
            assert!(plain.contains(words), "{words}");
        }
    }

    #[test]
    fn what_others_wrote_cannot_drive_the_terminal() {
        assert_eq!(cut("a\x1b[2Jb"), "a·[2Jb");
        assert_eq!(cut_to("abcdef", 4), "abc…");
    }
}
