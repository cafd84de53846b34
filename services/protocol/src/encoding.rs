//! Body encodings, and the two types whose form depends on the encoding: blobs and timestamps.

use base64_simd::STANDARD;
use bytes::Bytes;
use ciborium::tag::Required;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

use crate::mismatch::{BLOB, TIMESTAMP};
use crate::{ApiError, Clipped, cbor, json};

/// How a request's body is written; the answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-amz-json-1.1` (and 1.0, whose bodies are the same).
    Json,
    /// `application/x-amz-cbor-1.1`.
    Cbor,
}

impl Encoding {
    /// The encoding that a `Content-Type` names, its parameters aside.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        match media_type {
            "application/x-amz-json-1.1" | "application/x-amz-json-1.0" | "application/json" => Some(Self::Json),
            "application/x-amz-cbor-1.1" | "application/cbor" => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Reads a request. An empty body reads as an empty structure, as AWS does.
    ///
    /// # Errors
    /// `SerializationException` when the body is not of the request's shape.
    pub fn decode<'body, T: Deserialize<'body>>(self, body: &'body [u8]) -> Result<T, ApiError> {
        match self {
            Self::Json => json::decode(if body.is_empty() { b"{}" } else { body }),
            Self::Cbor => cbor::decode(body),
        }
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// `InternalFailure` when the value has no form in this encoding.
    pub fn encode<T: Serialize>(self, value: &T) -> Result<Vec<u8>, ApiError> {
        self.encode_long(value, 256)
    }

    /// As [`Encoding::encode`], for an answer of which about so many bytes are known to come. What
    /// is serialized as bytes is base64 in JSON.
    ///
    /// # Errors
    /// As those of [`Encoding::encode`].
    pub fn encode_long<T: Serialize>(self, value: &T, bytes: usize) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Json => json::encode(value, bytes).map_err(|error| ApiError::internal(error.to_string())),
            Self::Cbor => cbor::encode(value, bytes),
        }
    }
}

impl ApiError {
    /// The body of the AWS JSON protocols: `{"__type": …, "message": …}` and the details.
    ///
    /// # Errors
    /// `InternalFailure` when the details have no form in it.
    pub fn to_body(&self, encoding: Encoding) -> Result<Vec<u8>, Self> {
        encoding.encode(&self.members())
    }
}

/// Binary data: base64 text in JSON, a byte string in CBOR.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob(pub Bytes);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode_to_string(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BlobVisitor;
        impl Visitor<'_> for BlobVisitor {
            type Value = Blob;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str(BLOB)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Blob, E> {
                let bytes = STANDARD.decode_to_vec(text).map_err(|_| E::custom(NotBase64(text)))?;
                Ok(Blob(Bytes::from(bytes)))
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(Bytes::copy_from_slice(bytes)))
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(BlobVisitor)
        } else {
            deserializer.deserialize_byte_buf(BlobVisitor)
        }
    }
}

/// Why a text is not a blob, in AWS's words (the last with its misspelling).
struct NotBase64<'a>(&'a str);

impl fmt::Display for NotBase64<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        write!(formatter, "'{}' can not be converted to a Blob: ", Clipped(text))?;
        if !text.len().is_multiple_of(4) {
            let length = text.len();
            return write!(formatter, "Base64 encoded length is expected a multiple of 4 bytes but found: {length}");
        }
        let digits = text.trim_end_matches('=');
        let digits = if text.len() - digits.len() > 2 { text } else { digits };
        match digits.chars().find(|letter| !letter.is_ascii_alphanumeric() && !"+/".contains(*letter)) {
            Some(letter) => write!(formatter, "Invalid Base64 character: '{letter}'"),
            None => formatter.write_str("Invalid last non-pad Base64 character dectected"),
        }
    }
}

/// A moment, in milliseconds since the Unix epoch: seconds with a fraction in JSON, tagged whole
/// milliseconds in CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// Name of the newtype as which a moment is written and read where people read it, for formats
/// that have a form of their own for moments.
pub(crate) const MOMENT: &str = "Timestamp";
/// CBOR's tag of moments that are told from the epoch.
const EPOCH_TAG: u64 = 1;
/// The end of the year 9999.
const SECONDS_MAX: u64 = 253_402_300_799;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_newtype_struct(MOMENT, &(self.0 as f64 / 1000.0))
        } else {
            Required::<u64, EPOCH_TAG>(self.0).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_newtype_struct(MOMENT, TimestampVisitor { whole_is_ms: false });
        }
        deserializer.deserialize_any(TimestampVisitor { whole_is_ms: true })
    }
}

/// Reads a number; a fraction always means seconds.
struct TimestampVisitor {
    whole_is_ms: bool,
}

impl<'de> Visitor<'de> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(TIMESTAMP)
    }

    fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
        if !(0.0..=SECONDS_MAX as f64).contains(&seconds) {
            return Err(E::custom("not a timestamp in seconds since the epoch"));
        }
        Ok(Timestamp((seconds * 1000.0).round() as u64))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_u64<E: serde::de::Error>(self, whole: u64) -> Result<Timestamp, E> {
        if !self.whole_is_ms {
            return self.visit_f64(whole as f64);
        }
        if whole > SECONDS_MAX * 1000 {
            return Err(E::custom("not a timestamp in milliseconds since the epoch"));
        }
        Ok(Timestamp(whole))
    }

    fn visit_i64<E: serde::de::Error>(self, whole: i64) -> Result<Timestamp, E> {
        let whole = u64::try_from(whole).map_err(|_| E::custom("a timestamp before the epoch"))?;
        self.visit_u64(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_base64_in_json() {
        let blob = Blob(Bytes::from_static(b"\x00\xffclick"));
        let text = serde_json::to_string(&blob).unwrap();
        assert_eq!(text, "\"AP9jbGljaw==\"");
        assert_eq!(serde_json::from_str::<Blob>(&text).unwrap(), blob);
        assert!(serde_json::from_str::<Blob>("\"not base64!\"").is_err());
    }

    #[test]
    fn timestamps_are_fractional_seconds() {
        assert_eq!(serde_json::to_string(&Timestamp(1_500)).unwrap(), "1.5");
        assert_eq!(serde_json::from_str::<Timestamp>("1431857103.25").unwrap(), Timestamp(1_431_857_103_250));
        assert!(serde_json::from_str::<Timestamp>("-1").is_err());
    }
}
