//! Physical names: those a template gives, or ones derived from stack and logical id, the same
//! every time.

use md5::{Digest, Md5};

/// Deterministic letters and digits that look like CloudFormation's random suffix.
pub(crate) fn suffix(stack: &str, logical_id: &str, length: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Md5::digest([stack.as_bytes(), logical_id.as_bytes()].join(&0));
    digest.iter().take(length).map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect()
}

/// `<stack>-<LogicalId>-<suffix>`.
pub(crate) fn generated(stack: &str, logical_id: &str, length_max: usize) -> String {
    let name: String = format!("{stack}-{logical_id}").chars().take(length_max.saturating_sub(9)).collect();
    format!("{name}-{}", suffix(stack, logical_id, 8))
}

/// Ids of HTTP APIs are ten lowercase letters and digits.
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
