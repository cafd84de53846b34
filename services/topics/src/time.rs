//! Times as messages have them.

use jiff::Timestamp;

/// Such as `2026-11-21T14:25:00.123Z`.
pub(crate) fn iso_ms(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
