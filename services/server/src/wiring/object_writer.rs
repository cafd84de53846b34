//! The object store, as Firehose and Lambda write to it.

use std::sync::Arc;

use anabranch_firehose as firehose;
use anabranch_lambda::ports as lambda;
use anabranch_objects::{NewObject, Objects};
use async_trait::async_trait;
use bytes::Bytes;

/// Gives other services the objects of this server.
pub(super) struct ObjectWriter(pub(super) Arc<Objects>);

#[async_trait]
impl firehose::ObjectWriter for ObjectWriter {
    async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        content_type: &str,
        content_encoding: Option<&str>,
    ) -> Result<(), firehose::PortError> {
        let object = NewObject {
            body,
            content_type: Some(content_type.into()),
            content_encoding: content_encoding.map(str::to_string),
            ..NewObject::default()
        };
        self.0.put_object(bucket, key, object).await.map_err(|error| firehose::PortError {
            code: error.code().as_str().into(),
            message: error.message().unwrap_or_default().into(),
        })
    }
}

#[async_trait]
impl lambda::ObjectWriter for ObjectWriter {
    async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        content_type: &str,
    ) -> Result<(), lambda::PortError> {
        let object = NewObject { body, content_type: Some(content_type.into()), ..NewObject::default() };
        self.0.put_object(bucket, key, object).await.map_err(|error| {
            let message = format!("{}: {}", error.code().as_str(), error.message().unwrap_or_default());
            match error.code().as_str() {
                "NoSuchBucket" => lambda::PortError::NotFound(message),
                _ => lambda::PortError::Failed(message),
            }
        })
    }
}
