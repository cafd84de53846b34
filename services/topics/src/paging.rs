//! Pages of listings.

use anabranch_protocol::ApiError;
use base64_simd::URL_SAFE_NO_PAD;

use crate::error::invalid;
use crate::limits::PAGE_MAX;

/// The ARN after which a page begins; empty for the first.
pub(crate) fn after(token: Option<&str>) -> Result<String, ApiError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(String::new()) };
    let arn = URL_SAFE_NO_PAD.decode_to_vec(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    arn.ok_or_else(|| invalid("NextToken"))
}

/// A page of `all`, and the token of the next if there is one.
pub(crate) fn page<T>(all: impl Iterator<Item = T>, arn: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let mut page: Vec<T> = all.take(PAGE_MAX + 1).collect();
    let has_more = page.len() > PAGE_MAX;
    page.truncate(PAGE_MAX);
    let last = page.last().filter(|_| has_more).map(|last| URL_SAFE_NO_PAD.encode_to_string(arn(last)));
    (page, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_to_the_rest() {
        let all: Vec<String> = (0..PAGE_MAX + 1).map(|number| format!("{number:03}")).collect();
        let (first, token) = page(all.iter(), |arn| arn.as_str());
        assert_eq!((first.len(), after(token.as_deref()).unwrap().as_str()), (PAGE_MAX, "099"));
        assert_eq!(page(all[..PAGE_MAX].iter(), |arn| arn.as_str()).1, None);
        assert!(after(Some("*")).is_err());
    }
}
