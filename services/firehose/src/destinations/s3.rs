//! The S3 destination: a batch becomes an object.

use std::io::Write;
use std::time::Duration;

use anabranch_ports::NewObject;
use anabranch_protocol::{ApiError, Violations};
use async_trait::async_trait;
use bytes::Bytes;
use flate2::GzBuilder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::contract::{Batch, Buffering, DestinationError, DestinationKind, DestinationSettings, Outlets, StreamName};
use super::s3_key::{check, object_key};
use super::s3_settings::{Compression, S3};
use crate::error::{invalid_argument, refuse_others, unsupported};
use crate::limits::{INTERVAL_IN_SECONDS_DEFAULT, SIZE_IN_MBS_DEFAULT};
use crate::progress::DeliveryPlan;
use crate::shapes::{
    BUCKET_ARN, COMPRESSION_FORMAT, CUSTOM_TIME_ZONE, ERROR_OUTPUT_PREFIX, FILE_EXTENSION, INTERVAL_IN_SECONDS, PREFIX,
    ROLE_ARN, SIZE_IN_MBS,
};
use crate::sources::Pending;

const CONTENT_TYPE: &str = "application/octet-stream";

/// The object of a batch, as a plan keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Object {
    bucket: String,
    key: String,
    compression: Compression,
}

/// `S3DestinationConfiguration` and `ExtendedS3DestinationConfiguration`; the former has fewer
/// members.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct S3DestinationConfiguration {
    #[serde(rename = "RoleARN")]
    role_arn: Option<String>,
    #[serde(rename = "BucketARN")]
    bucket_arn: Option<String>,
    prefix: Option<String>,
    error_output_prefix: Option<String>,
    buffering_hints: Option<BufferingHints>,
    compression_format: Option<String>,
    file_extension: Option<String>,
    custom_time_zone: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct BufferingHints {
    #[serde(rename = "SizeInMBs")]
    size_in_mbs: Option<i64>,
    #[serde(rename = "IntervalInSeconds")]
    interval_in_seconds: Option<i64>,
}

impl DestinationKind for S3 {
    const MEMBERS: &'static [&'static str] = &["S3DestinationConfiguration", "ExtendedS3DestinationConfiguration"];

    type Configuration = S3DestinationConfiguration;

    fn configured(
        configuration: S3DestinationConfiguration,
        path: &str,
        now_ms: u64,
        violations: &mut Violations,
    ) -> Result<Self, ApiError> {
        violations.required_text(format_args!("{path}.roleARN"), configuration.role_arn.as_deref(), &ROLE_ARN);
        violations.required_text(format_args!("{path}.bucketARN"), configuration.bucket_arn.as_deref(), &BUCKET_ARN);
        let texts = [
            ("prefix", &configuration.prefix, &PREFIX),
            ("errorOutputPrefix", &configuration.error_output_prefix, &ERROR_OUTPUT_PREFIX),
            ("fileExtension", &configuration.file_extension, &FILE_EXTENSION),
            ("customTimeZone", &configuration.custom_time_zone, &CUSTOM_TIME_ZONE),
        ];
        for (member, value, shape) in texts {
            violations.text(format_args!("{path}.{member}"), value.as_deref(), shape);
        }
        let hints = configuration.buffering_hints.unwrap_or_default();
        let size = hints.size_in_mbs.unwrap_or(SIZE_IN_MBS_DEFAULT);
        violations.integer(format_args!("{path}.bufferingHints.sizeInMBs"), Some(size), &SIZE_IN_MBS);
        let interval = hints.interval_in_seconds.unwrap_or(INTERVAL_IN_SECONDS_DEFAULT);
        let interval_path = format_args!("{path}.bufferingHints.intervalInSeconds");
        violations.integer(interval_path, Some(interval), &INTERVAL_IN_SECONDS);
        let compression = Compression::checked(configuration.compression_format.as_deref(), path, violations);
        refuse_others(&configuration.others, path)?;
        let settings = Self {
            role_arn: configuration.role_arn.unwrap_or_default(),
            bucket_arn: configuration.bucket_arn.unwrap_or_default(),
            prefix: configuration.prefix,
            error_output_prefix: configuration.error_output_prefix,
            size_in_mbs: size as u64,
            interval_in_seconds: interval as u64,
            compression: compression?,
            file_extension: configuration.file_extension,
            custom_time_zone: configuration.custom_time_zone,
        };
        check(&settings, now_ms).map_err(invalid_argument)?;
        Ok(settings)
    }
}

impl Compression {
    fn checked(format: Option<&str>, path: &str, violations: &mut Violations) -> Result<Self, ApiError> {
        violations.text(format_args!("{path}.compressionFormat"), format, &COMPRESSION_FORMAT);
        match format {
            None | Some("UNCOMPRESSED") => Ok(Self::Uncompressed),
            Some("GZIP") => Ok(Self::Gzip),
            Some(other) => Err(unsupported(&format!("CompressionFormat {other}"))),
        }
    }

    /// The name in the API.
    fn name(self) -> &'static str {
        match self {
            Self::Uncompressed => "UNCOMPRESSED",
            Self::Gzip => "GZIP",
        }
    }

    /// `Content-Encoding` of objects.
    fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::Uncompressed => None,
            Self::Gzip => Some("gzip"),
        }
    }

    /// The content of the object that a batch becomes: the same bytes every time.
    fn content(self, batch: &Batch, bytes: u64) -> Result<Bytes, DestinationError> {
        match self {
            Self::Uncompressed => {
                let mut content = Vec::with_capacity(bytes as usize);
                batch.read(|record| content.write_all(record))?;
                Ok(Bytes::from(content))
            }
            Self::Gzip => {
                // Without a time in its header, so that a retry is equal to the byte.
                let mut encoder: GzEncoder<Vec<u8>> =
                    GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
                batch.read(|record| encoder.write_all(record))?;
                Ok(Bytes::from(encoder.finish()?))
            }
        }
    }
}

impl S3 {
    /// The bucket's name, which is the last part of its ARN.
    fn bucket(&self) -> &str {
        self.bucket_arn.rsplit(':').next().unwrap_or_default()
    }
}

#[async_trait]
impl DestinationSettings for S3 {
    fn buffering(&self) -> Buffering {
        Buffering { size_bytes: self.size_in_mbs << 20, interval: Duration::from_secs(self.interval_in_seconds) }
    }

    fn plan(&self, stream: StreamName<'_>, batch: &Pending) -> Result<Value, String> {
        let key = object_key(self, stream, batch.oldest_ms.unwrap_or_default())?;
        let object = Object { bucket: self.bucket().to_string(), key, compression: self.compression };
        serde_json::to_value(object).map_err(|error| error.to_string())
    }

    async fn deliver(&self, plan: &DeliveryPlan, batch: Batch, to: &Outlets) -> Result<(), DestinationError> {
        let Object { bucket, key, compression } = serde_json::from_value(plan.target.clone())?;
        let bytes = plan.bytes;
        let body = tokio::task::spawn_blocking(move || compression.content(&batch, bytes)).await??;
        let content_encoding = compression.content_encoding().map(str::to_string);
        let object = NewObject { content_encoding, ..NewObject::new(body, CONTENT_TYPE) };
        let written = to.objects.put_object(&bucket, &key, object).await;
        written.map_err(|source| DestinationError::Write { target: format!("s3://{bucket}/{key}"), source })
    }

    /// The destination in its old form and in its extended one, as AWS gives both.
    fn describe(&self) -> Map<String, Value> {
        let mut plain = Map::new();
        plain.insert("RoleARN".into(), json!(self.role_arn));
        plain.insert("BucketARN".into(), json!(self.bucket_arn));
        insert(&mut plain, "Prefix", self.prefix.as_ref());
        insert(&mut plain, "ErrorOutputPrefix", self.error_output_prefix.as_ref());
        let hints = json!({ "SizeInMBs": self.size_in_mbs, "IntervalInSeconds": self.interval_in_seconds });
        plain.insert("BufferingHints".into(), hints);
        plain.insert("CompressionFormat".into(), json!(self.compression.name()));
        plain.insert("EncryptionConfiguration".into(), json!({ "NoEncryptionConfig": "NoEncryption" }));
        plain.insert("CloudWatchLoggingOptions".into(), json!({ "Enabled": false }));
        let mut extended = plain.clone();
        extended.insert("S3BackupMode".into(), json!("Disabled"));
        insert(&mut extended, "FileExtension", self.file_extension.as_ref());
        insert(&mut extended, "CustomTimeZone", self.custom_time_zone.as_ref());
        Map::from_iter([
            ("S3DestinationDescription".into(), Value::Object(plain)),
            ("ExtendedS3DestinationDescription".into(), Value::Object(extended)),
        ])
    }
}

fn insert(members: &mut Map<String, Value>, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        members.insert(name.into(), json!(value));
    }
}
