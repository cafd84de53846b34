//! What becomes of a batch whose invocation failed: the parts still to do, in order.

use std::ops::Range;

/// The mapping's settings that decide it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// `MaximumRetryAttempts`; `None` for −1, without end.
    pub(crate) retries_max: Option<u32>,
    /// `BisectBatchOnFunctionError`.
    pub(crate) bisect: bool,
}

/// Consecutive records of the batch that are invoked together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) range: Range<usize>,
    /// Retries used up. Splitting uses none.
    pub(crate) retries: u32,
    /// Invocations that these records were in so far.
    pub(crate) invocations: u32,
}

/// What to do next after a failure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Go on with the smaller parts at once.
    Split,
    /// Invoke the same part again after a pause; it is its `retries`-th.
    Retry { retries: u32 },
    /// Its retries are used up: the part leaves the batch for the failure destination.
    Discard(Part),
}

/// The parts of one batch still to do, the first one on top.
#[derive(Debug)]
pub(crate) struct Parts {
    rules: Rules,
    stack: Vec<Part>,
}

impl Parts {
    pub(crate) fn new(records: usize, rules: Rules) -> Self {
        Self { rules, stack: vec![Part { range: 0..records, retries: 0, invocations: 0 }] }
    }

    /// The part to invoke next.
    pub(crate) fn next(&self) -> Option<&Part> {
        self.stack.last()
    }

    /// Records the start of an invocation of the next part.
    pub(crate) fn invoked(&mut self) {
        if let Some(part) = self.stack.last_mut() {
            part.invocations += 1;
        }
    }

    /// The next part is done.
    pub(crate) fn succeeded(&mut self) {
        self.stack.pop();
    }

    /// Takes the first `count` records off the next part, as one part of its own.
    pub(crate) fn take_front(&mut self, count: usize) -> Option<Part> {
        let part = self.stack.pop()?;
        let middle = (part.range.start + count).min(part.range.end);
        let front = Part { range: part.range.start..middle, ..part.clone() };
        if middle < part.range.end {
            self.stack.push(Part { range: middle..part.range.end, ..part });
        }
        Some(front)
    }

    /// The whole next part failed: the function threw, or its response can't be used.
    pub(crate) fn failed(&mut self) -> Option<Reaction> {
        let length = self.stack.last()?.range.len();
        if self.rules.bisect && length > 1 {
            return self.split(length.div_ceil(2));
        }
        self.retry_or_discard()
    }

    /// The function reported record `at` of the batch as its lowest failure; all before it
    /// are done. Progress gives the rest its retries anew, since other records now fail.
    pub(crate) fn failed_from(&mut self, at: usize) -> Option<Reaction> {
        let part = self.stack.last_mut()?;
        if at > part.range.start {
            part.range.start = at;
            part.retries = 0;
            if self.rules.bisect {
                return Some(Reaction::Split);
            }
        } else if self.rules.bisect && part.range.len() > 1 {
            // The split point is the first record itself: it alone is known to fail.
            return self.split(1);
        }
        self.retry_or_discard()
    }

    fn split(&mut self, front: usize) -> Option<Reaction> {
        let front = self.take_front(front)?;
        self.stack.push(front);
        Some(Reaction::Split)
    }

    fn retry_or_discard(&mut self) -> Option<Reaction> {
        let part = self.stack.last_mut()?;
        if self.rules.retries_max.is_some_and(|max| part.retries >= max) {
            return self.stack.pop().map(Reaction::Discard);
        }
        part.retries += 1;
        Some(Reaction::Retry { retries: part.retries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a batch in which the records in `poison` make any invocation they are in fail.
    fn run(records: usize, poison: &[usize], rules: Rules) -> (Vec<usize>, Vec<(usize, usize)>, u32) {
        let (mut done, mut discarded, mut invocations) = (Vec::new(), Vec::new(), 0);
        let mut parts = Parts::new(records, rules);
        while let Some(part) = parts.next().cloned() {
            parts.invoked();
            invocations += 1;
            if poison.iter().any(|record| part.range.contains(record)) {
                if let Some(Reaction::Discard(part)) = parts.failed() {
                    discarded.push((part.range.start, part.range.end));
                }
            } else {
                done.extend(part.range);
                parts.succeeded();
            }
        }
        (done, discarded, invocations)
    }

    #[test]
    fn bisecting_isolates_the_poison_and_keeps_order() {
        let rules = Rules { retries_max: Some(0), bisect: true };
        let (done, discarded, invocations) = run(8, &[2], rules);
        assert_eq!(done, [0, 1, 3, 4, 5, 6, 7]);
        assert_eq!(discarded, [(2, 3)]);
        // 0..8 0..4 0..2 2..4 2..3 3..4 4..8
        assert_eq!(invocations, 7);
    }

    /// Whatever the size of the batch and wherever the poison, nothing else is given up, and nothing is
    /// done twice or out of order.
    #[test]
    fn poison_anywhere_is_isolated_exactly() {
        let rules = Rules { retries_max: Some(1), bisect: true };
        for records in 1..=17 {
            let patterns = (0..records).flat_map(|first| (first..records).map(move |second| [first, second]));
            for mut poison in patterns.map(Vec::from) {
                poison.dedup();
                let (done, discarded, _) = run(records, &poison, rules);
                let good: Vec<usize> = (0..records).filter(|record| !poison.contains(record)).collect();
                assert_eq!(done, good, "{records} {poison:?}");
                let alone: Vec<(usize, usize)> = poison.iter().map(|record| (*record, record + 1)).collect();
                assert_eq!(discarded, alone, "{records} {poison:?}");
            }
        }
    }

    #[test]
    fn splits_do_not_use_up_retries() {
        let rules = Rules { retries_max: Some(2), bisect: true };
        let (_, discarded, invocations) = run(8, &[2], rules);
        assert_eq!((discarded, invocations), (vec![(2, 3)], 7 + 2));
    }

    #[test]
    fn without_bisecting_the_whole_batch_goes() {
        let (done, discarded, invocations) = run(8, &[2], Rules { retries_max: Some(3), bisect: false });
        assert_eq!((done, discarded, invocations), (vec![], vec![(0, 8)], 4));
    }

    #[test]
    fn a_reported_failure_is_where_the_rest_starts() {
        let mut parts = Parts::new(10, Rules { retries_max: Some(1), bisect: false });
        assert_eq!(parts.failed_from(4), Some(Reaction::Retry { retries: 1 }));
        assert_eq!(parts.next().map(|part| part.range.clone()), Some(4..10));
        // The same record again: its only retry is used up, and AWS gives up the rest.
        assert!(matches!(parts.failed_from(4), Some(Reaction::Discard(part)) if part.range == (4..10)));
        assert_eq!(parts.next(), None);
    }

    #[test]
    fn with_bisecting_a_reported_failure_is_the_split_point() {
        let mut parts = Parts::new(10, Rules { retries_max: Some(0), bisect: true });
        assert_eq!(parts.failed_from(4), Some(Reaction::Split));
        assert_eq!(parts.next().map(|part| part.range.clone()), Some(4..10));
        assert_eq!(parts.failed_from(4), Some(Reaction::Split));
        assert!(matches!(parts.failed_from(4), Some(Reaction::Discard(part)) if part.range == (4..5)));
        assert_eq!(parts.next().map(|part| part.range.clone()), Some(5..10));
    }
}
