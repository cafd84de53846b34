//! DescribeDeliveryStream.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Firehose;
use crate::delivery_stream::Destination;
use crate::shapes::{DELIVERY_STREAM_NAME, LIST_LIMIT};

/// A delivery stream has one destination, and it is always called this.
const DESTINATION_ID: &str = "destinationId-000000000001";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeDeliveryStreamRequest {
    delivery_stream_name: Option<String>,
    limit: Option<i64>,
    exclusive_start_destination_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeDeliveryStreamResponse {
    delivery_stream_description: DeliveryStreamDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeliveryStreamDescription {
    delivery_stream_name: String,
    #[serde(rename = "DeliveryStreamARN")]
    delivery_stream_arn: String,
    delivery_stream_status: &'static str,
    delivery_stream_encryption_configuration: Value,
    delivery_stream_type: &'static str,
    version_id: String,
    create_timestamp: Timestamp,
    destinations: Vec<Value>,
    has_more_destinations: bool,
}

/// Describes a delivery stream. It is `ACTIVE` from the moment it exists.
pub(crate) fn describe_delivery_stream(
    firehose: &Firehose,
    context: &RequestContext,
    request: DescribeDeliveryStreamRequest,
) -> Result<DescribeDeliveryStreamResponse, ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.integer("limit", request.limit, &LIST_LIMIT);
    violations.finish()?;
    let hose = firehose.hose(context, &name.unwrap_or_default())?;
    let stream = &hose.stream;
    let after = request.exclusive_start_destination_id.unwrap_or_default();
    let destinations =
        if after.as_str() < DESTINATION_ID { vec![destination(&stream.destination)] } else { Vec::new() };
    Ok(DescribeDeliveryStreamResponse {
        delivery_stream_description: DeliveryStreamDescription {
            delivery_stream_name: stream.name.clone(),
            delivery_stream_arn: stream.arn.clone(),
            delivery_stream_status: "ACTIVE",
            delivery_stream_encryption_configuration: json!({ "Status": "DISABLED" }),
            delivery_stream_type: "DirectPut",
            version_id: stream.version.to_string(),
            create_timestamp: Timestamp(stream.created_ms),
            destinations,
            has_more_destinations: false,
        },
    })
}

/// The destination in its old form and in its extended one, as AWS gives both.
fn destination(destination: &Destination) -> Value {
    let mut plain = Map::new();
    plain.insert("RoleARN".into(), json!(destination.role_arn));
    plain.insert("BucketARN".into(), json!(destination.bucket_arn));
    insert(&mut plain, "Prefix", destination.prefix.as_ref());
    insert(&mut plain, "ErrorOutputPrefix", destination.error_output_prefix.as_ref());
    let hints = json!({
        "SizeInMBs": destination.size_in_mbs,
        "IntervalInSeconds": destination.interval_in_seconds,
    });
    plain.insert("BufferingHints".into(), hints);
    plain.insert("CompressionFormat".into(), json!(destination.compression.name()));
    plain.insert("EncryptionConfiguration".into(), json!({ "NoEncryptionConfig": "NoEncryption" }));
    plain.insert("CloudWatchLoggingOptions".into(), json!({ "Enabled": false }));
    let mut extended = plain.clone();
    extended.insert("S3BackupMode".into(), json!("Disabled"));
    insert(&mut extended, "FileExtension", destination.file_extension.as_ref());
    insert(&mut extended, "CustomTimeZone", destination.custom_time_zone.as_ref());
    json!({
        "DestinationId": DESTINATION_ID,
        "S3DestinationDescription": plain,
        "ExtendedS3DestinationDescription": extended,
    })
}

fn insert(members: &mut Map<String, Value>, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        members.insert(name.into(), json!(value));
    }
}
