//! How much a request may hold, apart from what is streamed to the disk.

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::request::Parts;
use http::{HeaderMap, Method};
use s3s::{S3Result, s3_error};

use crate::answer::Refused;
use crate::error::body_failure;

/// Buckets of the store (S3 User Guide, "Bucket quotas": 10,000 in an account unless raised).
pub(crate) const BUCKETS_MAX: usize = 10_000;
/// Bytes of an object's key in UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// Bytes of the names and values of an object's user metadata (S3 User Guide, "Working with
/// object metadata").
const METADATA_BYTES_MAX: usize = 2 << 10;
/// Keys that one DeleteObjects names (S3 API reference, `DeleteObjects`).
pub(crate) const DELETED_OBJECTS_MAX: usize = 1_000;
/// Number of the last part of an upload, and parts that one has (S3 User Guide, "Multipart upload limits").
pub(crate) const PARTS_MAX: usize = 10_000;
/// Bytes of the largest document that is taken: a DeleteObjects of as many keys as may be, each as
/// long as may be and with all its characters escaped.
pub(crate) const XML_BYTES_MAX: usize = 6 << 20;
/// Bytes of a document that completes an upload.
const COMPLETION_BYTES_MAX: usize = 4 << 20;
/// Bytes of a bucket's CORS configuration (S3 User Guide, "CORS configuration").
const CORS_BYTES_MAX: usize = 64 << 10;
/// Bytes of any other document, such as a notification configuration.
const CONFIGURATION_BYTES_MAX: usize = 256 << 10;
/// Elements of such a document.
const CONFIGURATION_ELEMENTS_MAX: usize = 10_000;
/// Elements of one entry of DeleteObjects: itself, key, version, ETag, time and size.
const DELETED_OBJECT_ELEMENTS: usize = 6;
/// Elements of one part of a completion: itself, number, ETag and five checksums.
const COMPLETED_PART_ELEMENTS: usize = 8;

/// Checks a key that did not come in a path.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    match key.len() {
        0 => Err(s3_error!(UserKeyMustBeSpecified, "The bucket POST must contain the specified field name.")),
        1..=KEY_BYTES_MAX => Ok(()),
        _ => Err(s3_error!(KeyTooLongError, "Your key is too long")),
    }
}

/// Checks the user metadata among the headers of a request.
pub(crate) fn check_metadata(headers: &HeaderMap) -> Result<(), Refused> {
    let bytes: usize = headers
        .iter()
        .filter_map(|(name, value)| Some(name.as_str().strip_prefix("x-amz-meta-")?.len() + value.len()))
        .sum();
    check_metadata_bytes(bytes)
}

pub(crate) fn check_metadata_bytes(bytes: usize) -> Result<(), Refused> {
    if bytes <= METADATA_BYTES_MAX {
        return Ok(());
    }
    Err(Refused::new(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
        .with("Size", &bytes.to_string())
        .with("MaxSizeAllowed", &METADATA_BYTES_MAX.to_string()))
}

/// How large the document in a request's body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentLimits {
    bytes_max: usize,
    elements_max: usize,
}

impl DocumentLimits {
    /// The limits for a request, or `None` if its body is an object instead of a document, or is not read.
    pub(crate) fn of(head: &Parts, has_key: bool) -> Option<Self> {
        let query = head.uri.query().unwrap_or_default();
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let is_document = match head.method {
            Method::POST => true,
            Method::PUT => !has_key || ["acl", "legal-hold", "retention", "tagging"].into_iter().any(has),
            _ => false,
        };
        let (bytes_max, elements_max) = match () {
            () if head.method == Method::POST && has("delete") => {
                (XML_BYTES_MAX, DELETED_OBJECTS_MAX * DELETED_OBJECT_ELEMENTS + 2)
            }
            () if head.method == Method::POST && has("uploadId") => {
                (COMPLETION_BYTES_MAX, PARTS_MAX * COMPLETED_PART_ELEMENTS + 2)
            }
            () if has("cors") => (CORS_BYTES_MAX, CONFIGURATION_ELEMENTS_MAX),
            () => (CONFIGURATION_BYTES_MAX, CONFIGURATION_ELEMENTS_MAX),
        };
        is_document.then_some(Self { bytes_max, elements_max })
    }

    /// Reads a document, whose length is `length` if the request says so, before anything is made of it.
    pub(crate) async fn read<E>(
        self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        length: Option<u64>,
    ) -> Result<Bytes, Refused>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let too_long = || {
            let message =
                format!("Your request was too big: a document of this kind has at most {} bytes.", self.bytes_max);
            Refused::new(400, "MaxMessageLengthExceeded", message)
        };
        if length.is_some_and(|length| length > self.bytes_max as u64) {
            return Err(too_long());
        }
        let mut document = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Refused::from(&body_failure(&*error.into())))?;
            if document.len() + chunk.len() > self.bytes_max {
                return Err(too_long());
            }
            document.extend_from_slice(&chunk);
        }
        if length.is_some_and(|length| length != document.len() as u64) {
            let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
            return Err(Refused::new(400, "IncompleteBody", message));
        }
        if elements(&document) > self.elements_max {
            let message = "The XML you provided was not well-formed or did not validate against our published schema";
            return Err(Refused::new(400, "MalformedXML", message));
        }
        Ok(document.into())
    }
}

/// Elements that a document begins.
fn elements(document: &[u8]) -> usize {
    document.windows(2).filter(|pair| pair[0] == b'<' && !matches!(pair[1], b'/' | b'?' | b'!')).count()
}

/// Reads what is left of a body that is refused, within reason, so that the client gets its answer.
pub(crate) async fn discard(body: Body) {
    /// Bytes of a refused body that are read and thrown away.
    const DISCARDED_BYTES_MAX: usize = 1 << 20;
    let mut left = DISCARDED_BYTES_MAX;
    let mut body = body.into_data_stream();
    while let Some(Ok(chunk)) = body.next().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    async fn read(uri: &str, document: &[u8], length: Option<u64>) -> Result<Bytes, Refused> {
        let (head, ()) = Request::post(uri).body(()).unwrap().into_parts();
        let pieces = document.chunks(1000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
        let pieces = futures::stream::iter(pieces.collect::<Vec<_>>());
        DocumentLimits::of(&head, false).unwrap().read(pieces, length).await
    }

    #[tokio::test]
    async fn documents_are_refused_before_they_are_decoded() {
        let entries = |number: usize| format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(number));
        assert!(read("/bucket?delete", entries(1_000).as_bytes(), None).await.is_ok());
        assert_eq!(read("/bucket?delete", entries(4_000).as_bytes(), None).await.unwrap_err().code, "MalformedXML");
        let long = vec![b' '; XML_BYTES_MAX + 1];
        assert_eq!(read("/bucket?delete", &long, None).await.unwrap_err().code, "MaxMessageLengthExceeded");
        assert_eq!(read("/bucket?delete", b"", Some(1 << 40)).await.unwrap_err().code, "MaxMessageLengthExceeded");
        assert_eq!(read("/bucket?delete", b"<a/>", Some(5)).await.unwrap_err().code, "IncompleteBody");
    }

    #[test]
    fn objects_are_no_documents() {
        let limits = |method: Method, uri: &str, has_key: bool| {
            let (head, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
            DocumentLimits::of(&head, has_key)
        };
        assert_eq!(limits(Method::PUT, "/bucket/key", true), None);
        assert_eq!(limits(Method::PUT, "/bucket/key?partNumber=1&uploadId=a", true), None);
        assert!(limits(Method::PUT, "/bucket/key?tagging", true).is_some());
        assert!(limits(Method::PUT, "/bucket", false).is_some());
        assert_eq!(limits(Method::GET, "/bucket", false), None);
    }

    #[test]
    fn metadata_is_measured_by_names_and_values() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-meta-a", "b".repeat(2_047).parse().unwrap());
        assert!(check_metadata(&headers).is_ok());
        headers.insert("x-amz-meta-b", "".parse().unwrap());
        assert_eq!(check_metadata(&headers).unwrap_err().code, "MetadataTooLarge");
    }
}
