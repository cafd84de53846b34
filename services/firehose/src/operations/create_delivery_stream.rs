//! CreateDeliveryStream.

use anabranch_protocol::{ApiError, ErrorKind, RequestContext, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::delivery_stream::{Compression, DeliveryStream, Destination};
use crate::error::{invalid_argument, unsupported};
use crate::limits::{DELIVERY_STREAMS_MAX, INTERVAL_IN_SECONDS_DEFAULT, SIZE_IN_MBS_DEFAULT};
use crate::shapes::{
    BUCKET_ARN, COMPRESSION_FORMAT, CUSTOM_TIME_ZONE, DELIVERY_STREAM_NAME, DELIVERY_STREAM_TYPE, ERROR_OUTPUT_PREFIX,
    FILE_EXTENSION, INTERVAL_IN_SECONDS, PREFIX, ROLE_ARN, SIZE_IN_MBS,
};
use crate::{Firehose, arn, key};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateDeliveryStreamRequest {
    delivery_stream_name: Option<String>,
    delivery_stream_type: Option<String>,
    #[serde(rename = "S3DestinationConfiguration")]
    s3: Option<S3DestinationConfiguration>,
    #[serde(rename = "ExtendedS3DestinationConfiguration")]
    extended_s3: Option<S3DestinationConfiguration>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Both forms of the S3 destination; the old one has fewer members.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3DestinationConfiguration {
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

#[derive(Debug, Serialize)]
pub(crate) struct CreateDeliveryStreamResponse {
    #[serde(rename = "DeliveryStreamARN")]
    delivery_stream_arn: String,
}

/// Makes a delivery stream, which is `ACTIVE` at once.
pub(crate) async fn create_delivery_stream(
    firehose: &Firehose,
    context: &RequestContext,
    request: CreateDeliveryStreamRequest,
) -> Result<CreateDeliveryStreamResponse, ApiError> {
    let now_ms = firehose.fleet.clock.now_ms();
    let (name, destination) = checked(request, now_ms)?;
    let stream = DeliveryStream {
        arn: arn(context, &name),
        name,
        id: Uuid::new_v4(),
        created_ms: now_ms,
        version: 1,
        destination,
    };
    let delivery_stream_arn = stream.arn.clone();

    let changing = firehose.fleet.changing.clone().lock_owned().await;
    if firehose.fleet.hoses.read().contains_key(&stream.arn) {
        let message = format!("Firehose {} under accountId {} already exists", stream.name, context.account);
        return Err(ApiError::conflict("ResourceInUseException", message));
    }
    if firehose.fleet.hoses.read().len() >= DELIVERY_STREAMS_MAX {
        let message = format!("You have already consumed your firehose quota of {DELIVERY_STREAMS_MAX} hoses.");
        return Err(ApiError::new(ErrorKind::LimitExceeded, "LimitExceededException", message));
    }
    firehose.fleet.make(stream, changing).await?;
    Ok(CreateDeliveryStreamResponse { delivery_stream_arn })
}

fn checked(request: CreateDeliveryStreamRequest, now_ms: u64) -> Result<(String, Destination), ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.text("deliveryStreamType", request.delivery_stream_type.as_deref(), &DELIVERY_STREAM_TYPE);
    let configuration = match (request.s3, request.extended_s3) {
        (Some(s3), None) => Some((s3, "s3DestinationConfiguration")),
        (None, Some(extended)) => Some((extended, "extendedS3DestinationConfiguration")),
        _ => None,
    };
    let destination = configuration.map(|(configuration, path)| configuration.checked(path, &mut violations));
    violations.finish()?;

    refuse_others(&request.others, "")?;
    match request.delivery_stream_type.as_deref() {
        None | Some("DirectPut") => {}
        Some(other) => return Err(unsupported(&format!("DeliveryStreamType {other}"))),
    }
    let Some(destination) = destination else {
        return Err(invalid_argument("Exactly one destination configuration is supported for a Firehose"));
    };
    let destination = destination?;
    key::check(&destination, now_ms).map_err(invalid_argument)?;
    Ok((name.unwrap_or_default(), destination))
}

impl S3DestinationConfiguration {
    /// Checks the model's constraints into `violations`, then what is offered here.
    fn checked(self, path: &str, violations: &mut Violations) -> Result<Destination, ApiError> {
        violations.required_text(format_args!("{path}.roleARN"), self.role_arn.as_deref(), &ROLE_ARN);
        violations.required_text(format_args!("{path}.bucketARN"), self.bucket_arn.as_deref(), &BUCKET_ARN);
        let texts = [
            ("prefix", &self.prefix, &PREFIX),
            ("errorOutputPrefix", &self.error_output_prefix, &ERROR_OUTPUT_PREFIX),
            ("fileExtension", &self.file_extension, &FILE_EXTENSION),
            ("customTimeZone", &self.custom_time_zone, &CUSTOM_TIME_ZONE),
        ];
        for (member, value, shape) in texts {
            violations.text(format_args!("{path}.{member}"), value.as_deref(), shape);
        }
        let hints = self.buffering_hints.unwrap_or_default();
        let size = hints.size_in_mbs.unwrap_or(SIZE_IN_MBS_DEFAULT);
        violations.integer(format_args!("{path}.bufferingHints.sizeInMBs"), Some(size), &SIZE_IN_MBS);
        let interval = hints.interval_in_seconds.unwrap_or(INTERVAL_IN_SECONDS_DEFAULT);
        let interval_path = format_args!("{path}.bufferingHints.intervalInSeconds");
        violations.integer(interval_path, Some(interval), &INTERVAL_IN_SECONDS);
        let compression = compression(self.compression_format.as_deref(), path, violations);
        refuse_others(&self.others, path)?;
        Ok(Destination {
            role_arn: self.role_arn.unwrap_or_default(),
            bucket_arn: self.bucket_arn.unwrap_or_default(),
            prefix: self.prefix,
            error_output_prefix: self.error_output_prefix,
            size_in_mbs: size as u64,
            interval_in_seconds: interval as u64,
            compression: compression?,
            file_extension: self.file_extension,
            custom_time_zone: self.custom_time_zone,
        })
    }
}

fn compression(format: Option<&str>, path: &str, violations: &mut Violations) -> Result<Compression, ApiError> {
    violations.text(format_args!("{path}.compressionFormat"), format, &COMPRESSION_FORMAT);
    match format {
        None | Some("UNCOMPRESSED") => Ok(Compression::Uncompressed),
        Some("GZIP") => Ok(Compression::Gzip),
        Some(other) => Err(unsupported(&format!("CompressionFormat {other}"))),
    }
}

/// Refuses members by name, except those that say what is so anyway.
fn refuse_others(others: &Map<String, Value>, parent: &str) -> Result<(), ApiError> {
    let says_nothing = |name: &str, value: &Value| match name {
        "EncryptionConfiguration" => *value == json!({ "NoEncryptionConfig": "NoEncryption" }),
        "S3BackupMode" => *value == json!("Disabled"),
        "CloudWatchLoggingOptions"
        | "ProcessingConfiguration"
        | "DynamicPartitioningConfiguration"
        | "DataFormatConversionConfiguration" => value.get("Enabled") == Some(&Value::Bool(false)),
        _ => false,
    };
    match others.iter().find(|(name, value)| !value.is_null() && !says_nothing(name, value)) {
        Some((name, _)) if parent.is_empty() => Err(unsupported(name)),
        Some((name, _)) => Err(unsupported(&format!("{name} in {parent}"))),
        None => Ok(()),
    }
}
