//! Body encodings, and the two types whose form depends on the encoding: blobs and timestamps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

use crate::ApiError;

/// How a request's body is written; the answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-amz-json-1.1` (and 1.0, whose bodies are the same).
    Json,
}

impl Encoding {
    /// Reads a request. An empty body reads as an empty structure, as AWS does.
    ///
    /// # Errors
    /// `SerializationException` when the body is not of the request's shape.
    pub fn decode<'body, T: Deserialize<'body>>(self, body: &'body [u8]) -> Result<T, ApiError> {
        let body = if body.is_empty() { b"{}" } else { body };
        serde_json::from_slice(body).map_err(|error| ApiError::serialization(error.to_string()))
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// `InternalFailure` when the value has no form in this encoding.
    pub fn encode<T: Serialize>(self, value: &T) -> Result<Vec<u8>, ApiError> {
        serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))
    }
}

/// Binary data: base64 text in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob(pub Bytes);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&base64::display::Base64Display::new(&self.0, &STANDARD))
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
                formatter.write_str("base64 text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Blob, E> {
                let bytes = STANDARD.decode(text).map_err(|error| E::custom(format!("not base64: {error}")))?;
                Ok(Blob(Bytes::from(bytes)))
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(Bytes::copy_from_slice(bytes)))
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(BlobVisitor)
        } else {
            deserializer.deserialize_bytes(BlobVisitor)
        }
    }
}

/// A moment, in milliseconds since the Unix epoch: seconds with a fraction in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=253_402_300_799.0).contains(&seconds) {
            return Err(D::Error::custom("not a timestamp in seconds since the epoch"));
        }
        Ok(Self((seconds * 1000.0).round() as u64))
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
