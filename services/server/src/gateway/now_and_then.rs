//! Log lines about what may happen thousands of times a second: one now and then stands for all.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two lines about the same thing.
const BETWEEN_LINES_MIN: Duration = Duration::from_secs(10);

/// When a line was last written, and how often it was left out since.
#[derive(Debug, Default)]
pub(super) struct NowAndThen(Mutex<(Option<Instant>, u64)>);

impl NowAndThen {
    /// Has `line` written unless one was a moment ago; `line` gets the number left out.
    pub(super) fn warn(&self, line: impl FnOnce(u64)) {
        let left_out = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.0.is_some_and(|last| last.elapsed() < BETWEEN_LINES_MIN) {
                state.1 += 1;
                return;
            }
            state.0 = Some(Instant::now());
            std::mem::take(&mut state.1)
        };
        line(left_out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stands_for_many() {
        let (lines, line) = (std::cell::Cell::new(0), NowAndThen::default());
        for _ in 0..1000 {
            line.warn(|left_out| lines.set(lines.get() + 1 + left_out));
        }
        assert_eq!(lines.get(), 1);
    }
}
