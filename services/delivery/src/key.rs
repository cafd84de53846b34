//! Keys of rows: in the order in which deliveries were accepted.

use parking_lot::Mutex;

/// The key of a row. Numbers grow within a run of the program, and times keep runs in order; the run
/// itself, a random number, keeps the keys of two runs apart even where the machine's clock was set
/// back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    ms: u64,
    number: u64,
    run: u32,
}

impl Key {
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (ms, number, run) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { ms: ms.parse().ok()?, number: number.parse().ok()?, run: u32::from_str_radix(run, 16).ok()? })
    }

    pub(crate) fn text(self) -> String {
        format!("{:015}-{:012}-{:08x}", self.ms, self.number, self.run)
    }

    pub(crate) fn is_of(self, run: u32) -> bool {
        self.run == run
    }
}

/// Gives keys of one run of the program.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) run: u32,
    /// The last time and number.
    last: Mutex<(u64, u64)>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { run: fastrand::u32(..), last: Mutex::default() }
    }

    /// A key above all that were given before.
    pub(crate) fn next(&self, now_ms: u64) -> Key {
        let mut last = self.last.lock();
        *last = (last.0.max(now_ms), last.1 + 1);
        Key { ms: last.0, number: last.1, run: self.run }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_they_were_given() {
        let keys = Keys::new();
        let given: Vec<Key> = [1_000, 1_000, 999, 2_000].map(|now_ms| keys.next(now_ms)).into();
        assert!(given.is_sorted() && given.iter().map(|key| key.text()).is_sorted());
        for key in given {
            assert_eq!(Key::of_text(&key.text()), Some(key));
        }
        assert_eq!(Key::of_text("x"), None);
    }
}
