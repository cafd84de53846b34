//! CBOR as the AWS SDK for Java speaks it (`application/x-amz-cbor-1.1`).
//!
//! Reading is lenient: lengths may be definite or not, tags are passed over, and a timestamp is
//! whole milliseconds, as Java writes it, or fractional seconds, as RFC 8949 has it.

use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::cbor_reader::Reader;
use crate::mismatch::Mismatch;

/// Reads a request.
///
/// # Errors
/// `SerializationException` when the body is not CBOR, or not of the request's shape.
pub(crate) fn decode<'body, T: Deserialize<'body>>(body: &'body [u8]) -> Result<T, ApiError> {
    // An empty map.
    let mut reader = Reader::new(if body.is_empty() { b"\xa0" } else { body });
    let value =
        T::deserialize(&mut reader).map_err(|mismatch: Mismatch| ApiError::serialization(mismatch.into_words()))?;
    match reader.left() {
        0 => Ok(value),
        left => Err(ApiError::serialization(format!("{left} bytes follow the body's CBOR"))),
    }
}

/// Writes an answer; about `bytes` are expected.
///
/// # Errors
/// `InternalFailure` when the value has no form in CBOR.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, bytes: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::with_capacity(bytes);
    ciborium::into_writer(value, &mut bytes).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blob, Encoding, Timestamp};
    use proptest::prelude::*;
    use std::borrow::Cow;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner<'a> {
        data: Option<Blob>,
        #[serde(borrow)]
        key: Option<Cow<'a, str>>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer<'a> {
        at: Timestamp,
        count: Option<i64>,
        #[serde(borrow)]
        entries: Vec<Inner<'a>>,
        #[serde(flatten, borrow)]
        own: Inner<'a>,
    }

    fn inner() -> impl Strategy<Value = Inner<'static>> {
        let data = proptest::collection::vec(any::<u8>(), 0..9_000);
        (proptest::option::of(data), proptest::option::of("\\PC{0,300}"))
            .prop_map(|(data, key)| Inner { data: data.map(|data| Blob(data.into())), key: key.map(Cow::Owned) })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            at in 0..253_402_300_799_000_u64, count: Option<i64>, own in inner(),
            entries in proptest::collection::vec(inner(), 0..4),
        ) {
            let value = Outer { at: Timestamp(at), count, entries, own };
            for encoding in [Encoding::Cbor, Encoding::Json] {
                let bytes = encoding.encode(&value).unwrap();
                prop_assert_eq!(&encoding.decode::<Outer<'_>>(&bytes).unwrap(), &value);
            }
        }

        #[test]
        fn other_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = decode::<Outer<'_>>(&bytes);
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct At {
        at: Timestamp,
    }

    #[test]
    fn java_writes_tagged_milliseconds_and_others_fractions() {
        assert_eq!(encode(&Timestamp(1_500), 4).unwrap(), b"\xc1\x19\x05\xdc");
        let at = Ok(At { at: Timestamp(1_500) });
        assert_eq!(decode(b"\xa1\x62at\xc1\x19\x05\xdc"), at);
        assert_eq!(decode(b"\xa1\x62at\x19\x05\xdc"), at);
        assert_eq!(decode(b"\xa1\x62at\xc1\xfb\x3f\xf8\0\0\0\0\0\0"), at);
        assert!(decode::<At>(b"\xa1\x62at\xc1\x20").is_err());
    }

    #[test]
    fn lengths_may_be_left_open() {
        let body = b"\xbf\x64data\x5f\x41\x01\x42\x02\x03\xff\x63key\x7f\x61a\x61b\xff\xff";
        let read: Inner<'_> = decode(body).unwrap();
        assert_eq!(read, Inner { data: Some(Blob(b"\x01\x02\x03".as_slice().into())), key: Some("ab".into()) });
    }

    #[test]
    fn broken_bodies_are_refused() {
        assert_eq!(decode::<Inner<'_>>(b"").unwrap(), Inner { data: None, key: None });
        let nested = [0x81; 1_000_000];
        for body in [
            &b"\xa1\x63key"[..],
            b"{}",
            b"\xa0\xa0",
            b"\xa1\x63key\x01",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            &nested,
        ] {
            assert_eq!(
                decode::<Inner<'_>>(body).unwrap_err().code,
                "SerializationException",
                "{:?}",
                &body[..3.min(body.len())]
            );
        }
    }

    #[test]
    fn errors_are_maps() {
        let body = ApiError::validation("too long").to_body(Encoding::Cbor).unwrap();
        let read: std::collections::BTreeMap<String, String> = decode(&body).unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("__type", "ValidationException"), ("message", "too long")]);
    }
}
