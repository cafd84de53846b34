//! Physical names: those a template gives, or ones made from stack and logical id, the same
//! every time.

/// Deterministic letters and digits, as CloudFormation's random suffix looks.
pub(crate) fn suffix(stack: &str, logical_id: &str, length: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    // FNV-1a; names need to be stable, not secret.
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in stack.bytes().chain([0]).chain(logical_id.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (0..length).map(|at| char::from(LETTERS[(hash >> (at * 5)) as usize & 31])).collect()
}

/// `<stack>-<LogicalId>-<suffix>`.
pub(crate) fn generated(stack: &str, logical_id: &str, length_max: usize) -> String {
    let mut name = format!("{stack}-{logical_id}");
    name.truncate(length_max.saturating_sub(9));
    format!("{name}-{}", suffix(stack, logical_id, 8))
}

/// Ids of HTTP APIs are ten small letters and digits.
pub(crate) fn api_id(stack: &str, logical_id: &str) -> String {
    suffix(stack, logical_id, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_fit() {
        assert_eq!(generated("shop", "Clicks", 64), generated("shop", "Clicks", 64));
        assert_ne!(generated("shop", "Clicks", 64), generated("shop", "Click", 64));
        assert_eq!(generated("shop", &"L".repeat(300), 63).len(), 63);
        assert_eq!(api_id("shop", "Api").len(), 10);
    }
}
