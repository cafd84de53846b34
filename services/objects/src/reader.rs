//! Objects that other services read from inside the program.

use anabranch_ports::{ObjectReader, PortError, PortErrorKind};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use s3s::{S3Result, s3_error};

use crate::error::disk_failure;
use crate::store::Objects;
use crate::writer::port_error;

/// What the only version of an object is called in a bucket without versions.
const NULL_VERSION: &str = "null";

#[async_trait]
impl ObjectReader for Objects {
    async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        bytes_max: usize,
    ) -> Result<Bytes, PortError> {
        let found = self.read_whole(bucket, key, version, bytes_max).await.map_err(|error| port_error(&error))?;
        found.ok_or_else(|| {
            let message = format!("s3://{bucket}/{key} has more than {bytes_max} bytes");
            PortError::new(PortErrorKind::Refused, "EntityTooLarge", message)
        })
    }
}

impl Objects {
    /// None if the object is too large.
    async fn read_whole(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        bytes_max: usize,
    ) -> S3Result<Option<Bytes>> {
        let (object, hold) = self.held_object(bucket, key).await?;
        if version.is_some_and(|version| version != NULL_VERSION) {
            return Err(s3_error!(NoSuchVersion, "The specified version does not exist."));
        }
        let Ok(size) = usize::try_from(object.size) else { return Ok(None) };
        if size > bytes_max {
            return Ok(None);
        }
        let mut body = BytesMut::with_capacity(size);
        let mut pieces = std::pin::pin!(self.read(bucket, key, &object.blobs, 0..object.size, hold).await?);
        while let Some(piece) = pieces.try_next().await.map_err(|error| disk_failure(&error))? {
            body.extend_from_slice(&piece);
        }
        Ok(Some(body.freeze()))
    }
}
