//! Lists in pages.

use base64_simd::URL_SAFE_NO_PAD;

/// Where a page of a list begins, and how long it may be. Its token is the key behind which it begins,
/// in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    after: Option<String>,
    limit: usize,
}

/// A token that no list gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The token is not valid.")]
pub struct NotAToken;

impl Page {
    /// The page that `token` names, or the first, of up to `limit` items.
    ///
    /// # Errors
    /// When the token is not one of [`Page::cut`].
    pub fn new(token: Option<&str>, limit: usize) -> Result<Self, NotAToken> {
        let read = |token: &str| String::from_utf8(URL_SAFE_NO_PAD.decode_to_vec(token).ok()?).ok();
        let after = token.map(|token| read(token).ok_or(NotAToken)).transpose()?;
        Ok(Self { after, limit })
    }

    /// The page's part of `items`, which are in the order of their keys, and the token of the next.
    pub fn cut<T>(&self, items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
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
            let page = Page::new(token.as_deref(), 2).unwrap();
            let (cut, next) = page.cut(items, |item| item);
            assert_eq!(cut.len(), expected);
            seen.extend(cut);
            token = next;
        }
        assert_eq!((seen.as_slice(), token), (items.as_slice(), None));
        assert_eq!(Page::new(Some("!"), 2), Err(NotAToken));
    }
}
