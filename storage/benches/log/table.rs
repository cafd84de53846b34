//! The table that the benchmark prints, a row at a time.

use std::path::Path;
use std::time::Duration;

use crate::Options;

pub(crate) struct Table<'a> {
    pub(crate) options: &'a Options,
}

/// What a row is held to.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Goal {
    fn words(self, measured: f64) -> String {
        let (sign, goal, holds) = match self {
            Self::AtLeast(goal) => ("≥", goal, measured >= goal),
            Self::AtMost(goal) => ("≤", goal, measured <= goal),
            Self::None => return String::new(),
        };
        format!("{sign} {goal} {}", if holds { "met" } else { "MISSED" })
    }
}

impl<'a> Table<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        println!("| work | measured | limit | ratio | goal |\n| --- | ---: | ---: | ---: | --- |");
        Self { options }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.options.directory
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.options.only.as_ref().is_none_or(|only| name.contains(only))
    }

    /// Runs `measure` as often as asked for and prints the medians of what it measured, of the
    /// limit, and of their quotient, run by run.
    pub(crate) fn ratio(&mut self, name: &str, unit: &str, goal: Goal, mut measure: impl FnMut() -> (f64, f64)) {
        if !self.wants(name) {
            return;
        }
        let runs: Vec<(f64, f64)> = (0..self.options.runs).map(|_| measure()).collect();
        let of = |value: &dyn Fn(&(f64, f64)) -> f64| median(runs.iter().map(value).collect());
        let (measured, limit, ratio) = (of(&|run| run.0), of(&|run| run.1), of(&|run| run.0 / run.1));
        println!(
            "| {name} | {} {unit} | {} {unit} | {ratio:.2} | {} |",
            number(measured),
            number(limit),
            goal.words(ratio)
        );
    }

    /// As [`Table::ratio`], of something that is its own measure.
    pub(crate) fn value(&mut self, name: &str, unit: &str, goal: Goal, mut measure: impl FnMut() -> f64) {
        if !self.wants(name) {
            return;
        }
        let value = median((0..self.options.runs).map(|_| measure()).collect());
        self.print(name, unit, goal, value);
    }

    /// Prints a row that was measured once.
    pub(crate) fn print(&self, name: &str, unit: &str, goal: Goal, value: f64) {
        println!("| {name} | {} {unit} | | | {} |", number(value), goal.words(value));
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value below which `share` of `sorted` lies.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}

fn number(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
