//! A page as the key of a table item.

use std::borrow::Cow;

/// The most bytes of a DynamoDB partition key.
const KEY_BYTES_MAX: usize = 2048;

/// The page itself or, if it is too long for a key, its beginning and a checksum of the whole.
pub(crate) fn page_key(page: &str) -> Cow<'_, str> {
    if page.len() <= KEY_BYTES_MAX {
        return Cow::Borrowed(page);
    }
    let suffix = format!("…#{:08x}-{}", crc32fast::hash(page.as_bytes()), page.len());
    let end = page.floor_char_boundary(KEY_BYTES_MAX - suffix.len());
    Cow::Owned(format!("{}{suffix}", &page[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_own_key_while_it_fits() {
        let page = format!("/{}", "x".repeat(KEY_BYTES_MAX - 1));
        assert_eq!(page_key(&page), page);
        let longer = format!("{page}é");
        let key = page_key(&longer);
        assert!(key.len() <= KEY_BYTES_MAX && key.starts_with("/xxx"));
        assert_ne!(key, page_key(&format!("{page}è")));
    }
}
