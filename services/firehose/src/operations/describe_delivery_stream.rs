//! DescribeDeliveryStream.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::delivery_stream::Status;
use crate::destinations::Destination;
use crate::registry::Registry;
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
    delivery_stream_status: Status,
    delivery_stream_encryption_configuration: Value,
    delivery_stream_type: &'static str,
    version_id: String,
    create_timestamp: Timestamp,
    destinations: Vec<Value>,
    has_more_destinations: bool,
}

/// Describes a delivery stream. It is `ACTIVE` from the moment it exists.
pub(crate) fn describe_delivery_stream(
    registry: &Registry,
    context: &RequestContext,
    request: DescribeDeliveryStreamRequest,
) -> Result<DescribeDeliveryStreamResponse, ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.integer("limit", request.limit, &LIST_LIMIT);
    violations.finish()?;
    let active = registry.find(context, &name.unwrap_or_default())?;
    let stream = &active.stream;
    let after = request.exclusive_start_destination_id.unwrap_or_default();
    let destinations =
        if after.as_str() < DESTINATION_ID { vec![destination(&stream.destination)] } else { Vec::new() };
    Ok(DescribeDeliveryStreamResponse {
        delivery_stream_description: DeliveryStreamDescription {
            delivery_stream_name: stream.name.clone(),
            delivery_stream_arn: stream.arn.clone(),
            delivery_stream_status: active.status(),
            delivery_stream_encryption_configuration: json!({ "Status": "DISABLED" }),
            delivery_stream_type: stream.source.type_name(),
            version_id: stream.version.to_string(),
            create_timestamp: Timestamp(stream.created_ms),
            destinations,
            has_more_destinations: false,
        },
    })
}

fn destination(destination: &Destination) -> Value {
    let mut members = destination.settings().describe();
    members.insert("DestinationId".into(), json!(DESTINATION_ID));
    Value::Object(members)
}
