//! The object store, as Firehose and Lambda write to it.

use anabranch_firehose as firehose;
use anabranch_lambda::ports as lambda;
use async_trait::async_trait;
use bytes::Bytes;

/// Gives other services the objects of this server.
pub(super) struct ObjectWriter;

#[async_trait]
impl firehose::ObjectWriter for ObjectWriter {
    async fn put_object(
        &self,
        _: &str,
        _: &str,
        _: Bytes,
        _: &str,
        _: Option<&str>,
    ) -> Result<(), firehose::PortError> {
        Err(firehose::PortError { code: "NotImplemented".into(), message: "S3 is not offered".into() })
    }
}

#[async_trait]
impl lambda::ObjectWriter for ObjectWriter {
    async fn put_object(&self, _: &str, _: &str, _: Bytes, _: &str) -> Result<(), lambda::PortError> {
        Err(lambda::PortError::Failed("S3 is not offered".into()))
    }
}
