//! What the pipeline must hold in the end, worked out from the input alone.

use crate::input::Input;
use click::Step;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The totals that every table and bucket is checked against.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// The ids of all clicks.
    pub event_ids: HashSet<String>,
    /// Clicks of each session.
    pub sessions: HashMap<String, u64>,
    /// Steps each session reaches, counting the clicks that the funnel accepts.
    pub steps: HashMap<String, BTreeSet<Step>>,
    /// The ids of clicks that the funnel must refuse.
    pub poison: BTreeSet<String>,
    /// Views of each page.
    pub pages: BTreeMap<String, u64>,
    /// Lines that are not clicks, as text, and how often each occurs.
    pub raw_lines: HashMap<String, u64>,
}

impl Expected {
    /// The totals for an input.
    pub(crate) fn of(input: &Input) -> Self {
        let mut expected = Self::default();
        for click in &input.clicks {
            if !expected.event_ids.insert(click.event_id.clone()) {
                continue;
            }
            *expected.sessions.entry(click.session_id.clone()).or_default() += 1;
            *expected.pages.entry(click.page.clone()).or_default() += 1;
            match Step::reached_by(click) {
                Ok(step) => drop(expected.steps.entry(click.session_id.clone()).or_default().insert(step)),
                Err(_) => drop(expected.poison.insert(click.event_id.clone())),
            }
        }
        for line in &input.raw_lines {
            *expected.raw_lines.entry(String::from_utf8_lossy(line).into_owned()).or_default() += 1;
        }
        expected
    }

    /// Distinct steps over all sessions.
    pub(crate) fn steps_total(&self) -> u64 {
        self.steps.values().map(|steps| steps.len() as u64).sum()
    }

    /// Lines that are not clicks.
    pub(crate) fn raw_lines_total(&self) -> u64 {
        self.raw_lines.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day;

    #[test]
    fn every_click_is_counted_in_each_view() {
        let input = day::generate(1, 5000);
        let expected = Expected::of(&input);
        assert_eq!(expected.event_ids.len(), 5000);
        assert_eq!(expected.sessions.values().sum::<u64>(), 5000);
        assert_eq!(expected.pages.values().sum::<u64>(), 5000);
        assert!(!expected.poison.is_empty());
        assert_eq!(expected.raw_lines_total(), input.raw_lines.len() as u64);
    }
}
