//! Lists in pages.

use anabranch_protocol::{ApiError, Violations};
use base64_simd::URL_SAFE_NO_PAD;

use crate::limits::PAGE_MAX;
use crate::shapes::{MAX_RESULTS, NEXT_TOKEN};

/// Where a page begins, and how long it may be.
#[derive(Debug)]
pub(super) struct Page {
    after: Option<String>,
    limit: usize,
}

impl Page {
    /// Reads `NextToken` and `MaxResults`. Other violations are reported with those of these two.
    pub(super) fn read(mut violations: Violations, token: Option<&str>, limit: Option<i64>) -> Result<Self, ApiError> {
        violations.text("nextToken", token, &NEXT_TOKEN);
        violations.integer("maxResults", limit, &MAX_RESULTS);
        violations.finish()?;
        let invalid = || ApiError::validation("Invalid NextToken.");
        let read = |token: &str| String::from_utf8(URL_SAFE_NO_PAD.decode_to_vec(token).ok()?).ok();
        let after = token.map(|token| read(token).ok_or_else(invalid)).transpose()?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX);
        Ok(Self { after, limit })
    }

    /// The page's part of `items`, which are in the order of their keys, and the token of the next.
    pub(super) fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &str,
    ) -> (Vec<T>, Option<String>) {
        let is_behind = |item: &T| self.after.as_deref().is_none_or(|after| key(item) > after);
        let mut rest = items.into_iter().filter(is_behind);
        let page: Vec<T> = rest.by_ref().take(self.limit).collect();
        let last = page.last().filter(|_| rest.next().is_some());
        let token = last.map(|last| URL_SAFE_NO_PAD.encode_to_string(key(last)));
        (page, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let items = ["a", "b", "c", "d", "e"];
        let (mut token, mut seen) = (None, Vec::new());
        for expected in [2, 2, 1] {
            let page = Page::read(Violations::default(), token.as_deref(), Some(2)).unwrap();
            let (cut, next) = page.cut(items, |item| item);
            assert_eq!(cut.len(), expected);
            seen.extend(cut);
            token = next;
        }
        assert_eq!((seen.as_slice(), token), (items.as_slice(), None));
        assert!(Page::read(Violations::default(), Some("!"), None).is_err());
        assert!(Page::read(Violations::default(), None, Some(101)).is_err());
    }
}
