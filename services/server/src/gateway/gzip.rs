//! Request bodies with `Content-Encoding: gzip`.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::body::BodyError;

/// Inflates `body`, up to `limit` bytes; a longer one is refused.
pub(super) fn inflate(body: &[u8], limit: u64) -> Result<Bytes, BodyError> {
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(body).take(limit + 1).read_to_end(&mut plain);
    read.map_err(|error| BodyError::Broken(format!("not gzip: {error}")))?;
    if plain.len() as u64 > limit {
        return Err(BodyError::TooLarge(limit));
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;

    fn deflate(plain: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        GzEncoder::new(plain, Compression::fast()).read_to_end(&mut body).unwrap();
        body
    }

    #[test]
    fn the_limit_is_on_what_comes_out() {
        let body = deflate(&[7; 1_000]);
        assert!(body.len() < 100);
        assert_eq!(inflate(&body, 1_000).unwrap(), vec![7; 1_000]);
        assert_eq!(inflate(&body, 999), Err(BodyError::TooLarge(999)));
        assert_eq!(inflate(&[deflate(b"ab"), deflate(b"c")].concat(), 3).unwrap(), "abc");
    }

    #[test]
    fn what_is_not_gzip_is_broken() {
        let whole = deflate(b"clicks");
        for body in [&b"{}"[..], b"", &whole[..whole.len() - 1]] {
            assert!(matches!(inflate(body, 100), Err(BodyError::Broken(_))), "{body:?}");
        }
    }
}
