//! S3 as an [`ObjectStore`].

use crate::store::{ObjectStore, StoreError};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use bytes::Bytes;

/// Objects in S3.
pub struct S3Objects {
    client: Client,
}

impl S3Objects {
    /// Objects of the account that `config` is for. With a custom endpoint, buckets are addressed by
    /// path: a local resolver does not know their host names.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(own_endpoint).build();
        Self { client: Client::from_conf(s3) }
    }
}

impl ObjectStore for S3Objects {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, StoreError> {
        let output = match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) if error.as_service_error().is_some_and(|cause| cause.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(StoreError(DisplayErrorContext(error).to_string())),
        };
        let body = output.body.collect().await.map_err(|error| StoreError(error.to_string()))?;
        Ok(Some(body.into_bytes()))
    }

    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), StoreError> {
        let call = self.client.put_object().bucket(bucket).key(key).body(body.into());
        let call = call.content_type("application/x-ndjson");
        call.send().await.map(drop).map_err(|error| StoreError(DisplayErrorContext(error).to_string()))
    }
}
