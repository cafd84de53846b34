//! Objects, as other services write and read them.

use async_trait::async_trait;
use bytes::Bytes;

use crate::PortError;

/// An object to be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewObject {
    /// Its bytes.
    pub body: Bytes,
    /// Its media type, if it has one.
    pub content_type: Option<String>,
    /// How it is compressed, if it is, such as `gzip`.
    pub content_encoding: Option<String>,
}

impl NewObject {
    /// An object of a media type, not compressed.
    pub fn new(body: Bytes, content_type: &str) -> Self {
        Self { body, content_type: Some(content_type.into()), content_encoding: None }
    }
}

/// Writes objects, as S3's PutObject does.
#[async_trait]
pub trait ObjectWriter: Send + Sync + 'static {
    /// Stores `object` as `key` in `bucket`, replacing what was there. It is durable once this
    /// returns.
    ///
    /// # Errors
    /// [`PortError`]: `NotFound` when there is no such bucket. The same object may be written again.
    async fn put_object(&self, bucket: &str, key: &str, object: NewObject) -> Result<(), PortError>;
}

/// Reads objects, as S3's GetObject does.
#[async_trait]
pub trait ObjectReader: Send + Sync + 'static {
    /// The whole object `key` of `bucket`; of several versions the one called `version`, if given.
    ///
    /// # Errors
    /// [`PortError`]: `NotFound` when there is no such object or version, `Refused` when it has more than
    /// `bytes_max` bytes.
    async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        bytes_max: usize,
    ) -> Result<Bytes, PortError>;
}

/// Reads and writes objects.
pub trait ObjectStore: ObjectReader + ObjectWriter {}

impl<T: ObjectReader + ObjectWriter> ObjectStore for T {}
