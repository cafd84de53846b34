//! Deployment packages, as requests name them.

use anabranch_ports::PortErrorKind;
use anabranch_protocol::{ApiError, Blob, ErrorKind};
use bytes::Bytes;
use serde::Deserialize;

use crate::Lambda;
use crate::code::{HeldPackage, ZIPPED_BYTES_MAX};
use crate::configuration::{Code, CodeKind};
use crate::error::{invalid_parameter, not_supported, service_exception};

/// `Code` of CreateFunction, and `Content` of PublishLayerVersion.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CodeRequest {
    zip_file: Option<Blob>,
    #[serde(rename = "S3Bucket")]
    s3_bucket: Option<String>,
    #[serde(rename = "S3Key")]
    s3_key: Option<String>,
    #[serde(rename = "S3ObjectVersion")]
    s3_object_version: Option<String>,
    image_uri: Option<String>,
}

impl CodeRequest {
    pub(super) fn new(
        zip_file: Option<Blob>,
        s3_bucket: Option<String>,
        s3_key: Option<String>,
        s3_object_version: Option<String>,
        image_uri: Option<String>,
    ) -> Self {
        Self { zip_file, s3_bucket, s3_key, s3_object_version, image_uri }
    }

    /// Fetches and unpacks the package. It is durable when this returns.
    ///
    /// # Errors
    /// `InvalidParameterValueException` for a source that is none, or holds no archive;
    /// `RequestTooLargeException`.
    pub(super) async fn unpack(self, lambda: &Lambda, operation: &str) -> Result<HeldPackage, ApiError> {
        let archive = self.fetch(lambda, operation).await?;
        lambda.functions.code.add(archive).await
    }

    async fn fetch(self, lambda: &Lambda, operation: &str) -> Result<Bytes, ApiError> {
        if self.image_uri.is_some() {
            return Err(not_supported("functions of container images (ImageUri)"));
        }
        match (self.zip_file, self.s3_bucket, self.s3_key) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                Err(invalid_parameter("Please do not provide other FunctionCode parameters when providing a ZipFile."))
            }
            (Some(Blob(archive)), None, None) if archive.len() > ZIPPED_BYTES_MAX => Err(ApiError::new(
                ErrorKind::TooLarge,
                "RequestTooLargeException",
                format!("Request must be smaller than {ZIPPED_BYTES_MAX} bytes for the {operation} operation"),
            )),
            (Some(Blob(archive)), None, None) => Ok(archive),
            (None, Some(bucket), Some(key)) => {
                let version = self.s3_object_version.as_deref();
                let found = lambda.packages.get_object(&bucket, &key, version, ZIPPED_BYTES_MAX).await;
                found.map_err(|error| match error.kind {
                    PortErrorKind::NotFound => invalid_parameter(format!(
                        "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {}",
                        error.code, error.message
                    )),
                    PortErrorKind::Refused => invalid_parameter(error.message),
                    _ => service_exception(error.to_string()),
                })
            }
            _ => Err(invalid_parameter("Please provide a source for function code.")),
        }
    }
}

/// What a version keeps of a package.
pub(super) fn code(package: &HeldPackage) -> Code {
    Code { kind: CodeKind::Package, sha256: package.sha256.clone(), bytes: package.bytes }
}
