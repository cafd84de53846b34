//! How far the job has come: a bar on a terminal, a line now and then elsewhere.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::cell::Cell;
use std::io::IsTerminal;
use std::time::Duration;

/// In how many steps progress is reported where there is no terminal.
const STEPS: u64 = 5;

/// One stage of the job.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    bar: Option<ProgressBar>,
    told: Cell<u64>,
}

impl Progress {
    /// Begins a stage of `total` units, called `what`.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let template =
                "{prefix:>10.cyan.bold} {bar:36.cyan/blue.dim} {human_pos:>7} of {human_len}  {elapsed:>4}  {msg:.dim}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(total).with_style(style.progress_chars("━━╌")).with_prefix(what);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() {
            eprintln!("{what}: {} to go", HumanCount(total));
        }
        Self { what, total, bar, told: Cell::new(0) }
    }

    /// The stage has reached `position`; `message` says more.
    pub(crate) fn at(&self, position: u64, message: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(position);
                bar.set_message(message.to_owned());
            }
            None => {
                let step = position.saturating_mul(STEPS) / self.total.max(1);
                if step > self.told.replace(step) {
                    eprintln!("{}: {} of {}", self.what, HumanCount(position), HumanCount(self.total));
                }
            }
        }
    }

    /// The stage is over; the bar stays as it is.
    pub(crate) fn end(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.abandon_with_message(message.to_owned());
        }
    }
}
