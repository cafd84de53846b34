//! Objects that other services write from inside the program.

use anabranch_ports::{NewObject, ObjectWriter, PortError, PortErrorKind};
use async_trait::async_trait;
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::blob::Incoming;
use crate::conditions::Conditions;
use crate::index::Headers;
use crate::limits::check_key;
use crate::store::Objects;

#[async_trait]
impl ObjectWriter for Objects {
    async fn put_object(&self, bucket: &str, key: &str, object: NewObject) -> Result<(), PortError> {
        self.put_new(bucket, key, object).await.map_err(|error| port_error(&error))
    }
}

impl Objects {
    async fn put_new(&self, bucket: &str, key: &str, new: NewObject) -> S3Result<()> {
        check_key(key)?;
        self.bucket(bucket).await?;
        let body = futures::stream::iter([Ok::<_, std::io::Error>(new.body)]);
        let written = self.write(body, &Incoming::default()).await?;
        let headers =
            Headers { content_type: new.content_type, content_encoding: new.content_encoding, ..Headers::default() };
        self.put_written(bucket, key, written, headers, "ObjectCreated:Put", Conditions::default()).await?;
        Ok(())
    }
}

pub(crate) fn port_error(error: &S3Error) -> PortError {
    let kind = match error.code() {
        S3ErrorCode::NoSuchBucket | S3ErrorCode::NoSuchKey | S3ErrorCode::NoSuchVersion => PortErrorKind::NotFound,
        S3ErrorCode::SlowDown => PortErrorKind::Throttled,
        _ if error.status_code().is_some_and(|status| status.is_client_error()) => PortErrorKind::Refused,
        _ => PortErrorKind::Failed,
    };
    PortError::new(kind, error.code().as_str().to_string(), error.message().unwrap_or_default())
}
