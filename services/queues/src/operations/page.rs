//! Lists of queues, page by page.

use anabranch_protocol::ApiError;
use base64_simd::URL_SAFE_NO_PAD;

use crate::error::invalid_value;
use crate::limits::LIST_MAX;

/// How many queues a page has, and behind which name it begins.
pub(super) struct Page {
    pub(super) most: usize,
    pub(super) after: Option<String>,
    /// Whether the caller reads pages; otherwise there is one, with no token.
    has_tokens: bool,
}

impl Page {
    pub(super) fn of(max_results: Option<i64>, token: Option<&str>) -> Result<Self, ApiError> {
        let most = match max_results {
            None => LIST_MAX,
            Some(most) if (1..=LIST_MAX).contains(&most) => most,
            Some(other) => {
                let reason = format!("MaxResults must be an integer between 1 and {LIST_MAX}.");
                return Err(invalid_value(other, "MaxResults", &reason));
            }
        };
        let name_of = |token: &str| String::from_utf8(URL_SAFE_NO_PAD.decode_to_vec(token).ok()?).ok();
        let after = token.map(|token| {
            name_of(token).ok_or_else(|| invalid_value(token, "NextToken", "It is not a token of this operation."))
        });
        Ok(Self { most: most as usize, after: after.transpose()?, has_tokens: max_results.is_some() })
    }

    /// What the caller gets of `found`, which has one more than the page if there are more; and the
    /// token for those.
    pub(super) fn cut<T>(&self, mut found: Vec<T>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let has_more = found.len() > self.most;
        found.truncate(self.most);
        let last = found.last().filter(|_| has_more && self.has_tokens);
        let token = last.map(|last| URL_SAFE_NO_PAD.encode_to_string(name(last)));
        (found, token)
    }
}
