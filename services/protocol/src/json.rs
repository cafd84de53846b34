//! JSON: requests, refused in AWS's words, and answers, in which bytes are base64.

use std::io::{self, Write};

use base64_simd::{AsOut, STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;

use crate::ApiError;
use crate::mismatch::FirstMismatch;
use crate::worded::Worded;

/// Compact JSON. Base64 has nothing to escape, so it is written without being scanned.
struct Base64Bytes;

/// Bytes that are encoded at a time, and what becomes of them.
const CHUNK: usize = 3 << 10;
const ENCODED: usize = CHUNK / 3 * 4;

impl Formatter for Base64Bytes {
    fn write_byte_array<W: ?Sized + Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        let mut encoded = [0; ENCODED];
        writer.write_all(b"\"")?;
        for chunk in value.chunks(CHUNK) {
            writer.write_all(STANDARD.encode(chunk, encoded.as_mut_slice().as_out()))?;
        }
        writer.write_all(b"\"")
    }
}

/// Reads a request. serde_json limits its nesting to 128 levels.
///
/// # Errors
/// `SerializationException` when the body is not JSON, or not of the request's shape.
pub(crate) fn decode<'body, T: Deserialize<'body>>(body: &'body [u8]) -> Result<T, ApiError> {
    let first = FirstMismatch::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(Worded(&mut deserializer, &first));
    match (first.take(), value) {
        (None, Ok(value)) if deserializer.end().is_ok() => Ok(value),
        (Some(mismatch), _) => Err(ApiError::serialization(mismatch.into_words())),
        (None, _) => Err(ApiError::serialization("The body is not JSON, or nested too deeply")),
    }
}

/// Writes `value` as JSON; about `bytes` are expected.
pub(crate) fn encode<T: Serialize>(value: &T, bytes: usize) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(bytes);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut body, Base64Bytes))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blob;
    use proptest::prelude::*;

    struct Bytes<'a>(&'a [u8]);

    impl Serialize for Bytes<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    proptest! {
        #[test]
        fn bytes_are_read_back(bytes: Vec<u8>, more in 0..3 * CHUNK) {
            for bytes in [bytes, vec![0xa5; more]] {
                let text = encode(&Bytes(&bytes), 0).unwrap();
                prop_assert_eq!(&serde_json::from_slice::<Blob>(&text).unwrap().0, &bytes);
            }
        }
    }
}
