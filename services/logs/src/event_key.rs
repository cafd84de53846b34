//! An event's place among all events of its group, and the tokens and ids that say it.

use std::fmt;

/// Orders the events of a log group: by time, then as they came. Unique within the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct EventKey {
    /// When it happened, in milliseconds since the Unix epoch.
    pub(crate) timestamp_ms: u64,
    /// Of its put, in the group's log.
    pub(crate) position: u64,
    /// Its place in the put.
    pub(crate) index: u32,
}

/// Digits of an id: AWS's have as many.
const ID_DIGITS: usize = 56;
const FIRST_DIGIT: u8 = b'3';

impl EventKey {
    /// Before all events of `timestamp_ms`.
    pub(crate) fn at(timestamp_ms: u64) -> Self {
        Self { timestamp_ms, position: 0, index: 0 }
    }

    /// The key that an id says.
    pub(crate) fn of_id(id: &str) -> Option<Self> {
        let is_id = id.len() == ID_DIGITS && id.bytes().all(|digit| digit.is_ascii_digit());
        if !is_id || !id.starts_with(char::from(FIRST_DIGIT)) {
            return None;
        }
        let number = |from: usize, to: usize| id.get(from..to)?.parse::<u64>().ok();
        let index = u32::try_from(number(36, ID_DIGITS)?).ok()?;
        Some(Self { timestamp_ms: number(1, 16)?, position: number(16, 36)?, index })
    }
}

/// The id of an event (`eventId`): 56 digits.
impl fmt::Display for EventKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timestamp_ms, position, index } = self;
        write!(formatter, "{}{:015}{position:020}{index:020}", char::from(FIRST_DIGIT), timestamp_ms)
    }
}

/// Where GetLogEvents goes on: `f/<id>/s` to what is newer, `b/<id>/s` to what is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageToken {
    /// To the events behind this one.
    Forward(EventKey),
    /// To the events before this one.
    Backward(EventKey),
}

impl PageToken {
    /// The token that `text` is.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (direction, id, end) = (parts.next()?, parts.next()?, parts.next()?);
        let key = EventKey::of_id(id).filter(|_| end == "s" && parts.next().is_none())?;
        match direction {
            "f" => Some(Self::Forward(key)),
            "b" => Some(Self::Backward(key)),
            _ => None,
        }
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward(key) => write!(formatter, "f/{key}/s"),
            Self::Backward(key) => write!(formatter, "b/{key}/s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_are_read_back(timestamp_ms in 0..=999_999_999_999_999_u64, position: u64, index: u32) {
            let key = EventKey { timestamp_ms, position, index };
            prop_assert_eq!(key.to_string().len(), ID_DIGITS);
            prop_assert_eq!(EventKey::of_id(&key.to_string()), Some(key));
            for token in [PageToken::Forward(key), PageToken::Backward(key)] {
                prop_assert_eq!(PageToken::parse(&token.to_string()), Some(token));
            }
        }

        #[test]
        fn other_texts_are_none(text: String) {
            prop_assert_eq!(PageToken::parse(&text), None);
        }
    }
}
