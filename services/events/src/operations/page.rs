//! Lists in pages.

use anabranch_protocol::{ApiError, Page, Violations};

use crate::limits::PAGE_MAX;
use crate::shapes::{LIMIT, NEXT_TOKEN};

/// Reads `NextToken` and `Limit`. Other violations are reported with those of these two.
pub(super) fn page(mut violations: Violations, token: Option<&str>, limit: Option<i64>) -> Result<Page, ApiError> {
    violations.text("nextToken", token, &NEXT_TOKEN);
    violations.integer("limit", limit, &LIMIT);
    violations.finish()?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX);
    Page::new(token, limit).map_err(|_| ApiError::validation("Parameter NextToken is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_limits_are_checked() {
        assert!(page(Violations::default(), None, Some(2)).is_ok());
        assert!(page(Violations::default(), Some("!"), None).is_err());
        assert!(page(Violations::default(), None, Some(101)).is_err());
    }
}
