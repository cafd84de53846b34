//! Times as Lambda writes them, all UTC.

use jiff::Timestamp;

fn timestamp(ms: u64) -> Timestamp {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

/// `2019-11-14T00:38:06.021Z`.
pub(crate) fn iso_ms(ms: u64) -> String {
    timestamp(ms).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The same without a fraction that is zero, as times of records stand in failure records.
pub(crate) fn iso_instant(ms: u64) -> String {
    if ms.is_multiple_of(1000) { iso_seconds(ms) } else { iso_ms(ms) }
}

/// `2019-11-14T00:38:06Z`.
pub(crate) fn iso_seconds(ms: u64) -> String {
    timestamp(ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2019/11/14`, as names of log streams begin.
pub(crate) fn day(ms: u64) -> String {
    timestamp(ms).strftime("%Y/%m/%d").to_string()
}

/// `2019/11/14/2019-11-14T00.38.06`, as it stands in the keys of on-failure objects.
pub(crate) fn key_time(ms: u64) -> String {
    timestamp(ms).strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S").to_string()
}

/// `2019-11-14T00:38:06.021+0000`, the form of `LastModified` of a function.
pub(crate) fn last_modified(ms: u64) -> String {
    timestamp(ms).strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_lambdas_forms() {
        assert_eq!(iso_ms(1_573_691_886_021), "2019-11-14T00:38:06.021Z");
        assert_eq!(iso_ms(1_573_691_886_000), "2019-11-14T00:38:06.000Z");
        assert_eq!(iso_instant(1_573_691_886_000), "2019-11-14T00:38:06Z");
        assert_eq!(iso_instant(1_573_691_886_021), "2019-11-14T00:38:06.021Z");
        assert_eq!(day(1_573_691_886_021), "2019/11/14");
        assert_eq!(key_time(1_573_691_886_021), "2019/11/14/2019-11-14T00.38.06");
        assert_eq!(last_modified(1_573_691_886_021), "2019-11-14T00:38:06.021+0000");
    }
}
