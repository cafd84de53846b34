//! The operations, in the order of the API reference.

mod create_delivery_stream;
mod delete_delivery_stream;
mod describe_delivery_stream;
mod list_delivery_streams;
mod put_record;
mod put_record_batch;

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Operation, ResourceReference, ResourceType, ServiceModel, Wire};

use crate::error::invalid_argument;
use crate::limits::CONTROL_BODY_BYTES_MAX;
use crate::registry::Registry;

const DELIVERY_STREAM: &[ResourceReference] =
    &[ResourceReference::Name { member: "DeliveryStreamName", resource: "deliverystream/{}" }];

/// Names, wires and operations of Amazon Data Firehose.
pub(crate) const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["Firehose_20150804"],
    scopes: &["firehose"],
    resource_types: &[ResourceType {
        name: "AWS::KinesisFirehose::DeliveryStream",
        properties: &[
            "DeliveryStreamName",
            "DeliveryStreamType",
            "ExtendedS3DestinationConfiguration",
            "S3DestinationConfiguration",
        ],
        attributes: &["Arn"],
    }],
    wires: &[Wire::Json],
    operations: &[
        Operation::new("CreateDeliveryStream").on(DELIVERY_STREAM),
        Operation::new("DeleteDeliveryStream").on(DELIVERY_STREAM),
        Operation::new("DescribeDeliveryStream").on(DELIVERY_STREAM),
        Operation::new("ListDeliveryStreams"),
        Operation::not_offered("ListTagsForDeliveryStream").on(DELIVERY_STREAM),
        Operation::new("PutRecord").on(DELIVERY_STREAM),
        Operation::new("PutRecordBatch").on(DELIVERY_STREAM),
        Operation::not_offered("StartDeliveryStreamEncryption").on(DELIVERY_STREAM),
        Operation::not_offered("StopDeliveryStreamEncryption").on(DELIVERY_STREAM),
        Operation::not_offered("TagDeliveryStream").on(DELIVERY_STREAM),
        Operation::not_offered("UntagDeliveryStream").on(DELIVERY_STREAM),
        Operation::not_offered("UpdateDestination").on(DELIVERY_STREAM),
    ],
    ..ServiceModel::new("firehose", "Amazon Data Firehose")
};

/// Performs an operation of [`MODEL`].
pub(crate) async fn perform(registry: &Arc<Registry>, call: &Call) -> Result<Answer, ApiError> {
    let (context, operation) = (&call.context, call.operation.name);
    if !matches!(operation, "PutRecord" | "PutRecordBatch") && call.body().len() > CONTROL_BODY_BYTES_MAX {
        let most = format!("The request must be smaller than {CONTROL_BODY_BYTES_MAX} bytes");
        return Err(invalid_argument(most));
    }
    match operation {
        "CreateDeliveryStream" => {
            let request = call.input()?;
            call.answer(&create_delivery_stream::create_delivery_stream(registry, context, request).await?)
        }
        "DeleteDeliveryStream" => {
            let request = call.input()?;
            call.answer(&delete_delivery_stream::delete_delivery_stream(registry, context, request).await?)
        }
        "DescribeDeliveryStream" => call
            .perform(|context, request| describe_delivery_stream::describe_delivery_stream(registry, context, request)),
        "ListDeliveryStreams" => {
            call.perform(|context, request| list_delivery_streams::list_delivery_streams(registry, context, request))
        }
        "PutRecord" => call.answer(&put_record::put_record(registry, context, call.input()?).await?),
        "PutRecordBatch" => call.answer(&put_record_batch::put_record_batch(registry, context, call.input()?).await?),
        other => Err(ApiError::unknown_operation(other)),
    }
}
