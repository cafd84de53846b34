//! The operations, in the order of the API reference: one file each, with request, answer,
//! function and tests.

mod account_settings;
mod add_tags_to_stream;
mod addressed;
mod consumer_reference;
mod create_stream;
mod decrease_stream_retention_period;
mod delete_resource_policy;
mod delete_stream;
mod deregister_stream_consumer;
mod describe_account_settings;
mod describe_limits;
mod describe_stream;
mod describe_stream_consumer;
mod describe_stream_summary;
mod disable_enhanced_monitoring;
mod enable_enhanced_monitoring;
mod encryption;
mod enhanced_monitoring;
mod get_records;
mod get_resource_policy;
mod get_shard_iterator;
mod increase_stream_retention_period;
mod list_shards;
mod list_stream_consumers;
mod list_streams;
mod list_tags_for_resource;
mod list_tags_for_stream;
mod merge_shards;
mod page_token;
mod put_record;
mod put_records;
mod put_resource_policy;
mod record_view;
mod register_stream_consumer;
mod remove_tags_from_stream;
mod resource;
mod retention;
mod split_shard;
mod start_stream_encryption;
mod starting_position;
mod stop_stream_encryption;
mod stream_reference;
mod subscribe_to_shard;
mod tag_resource;
mod target;
mod untag_resource;
mod update_account_settings;
mod update_max_record_size;
mod update_shard_count;
mod update_stream_mode;
mod update_stream_warm_throughput;
mod view;

use anabranch_protocol::{
    Answer, ApiError, Call, Operation, Problem, RequestContext, ResourceReference, ResourceType, Section, Service,
    ServiceModel, Wire,
};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::error::Error;
use crate::quota::Limits;
use crate::section::section;
use crate::service::Streams;
use addressed::FromCall;

const STREAM_ARN: &[ResourceReference] = &[ResourceReference::Arn("StreamARN")];
const CONSUMER_ARN: &[ResourceReference] = &[ResourceReference::Arn("ConsumerARN")];
const RESOURCE: &[ResourceReference] = &[ResourceReference::Arn("ResourceARN")];
const NAMED: ResourceReference = ResourceReference::Name { member: "StreamName", resource: "stream/{}" };
const NEW_STREAM: &[ResourceReference] = &[NAMED];
const STREAM: &[ResourceReference] = &[ResourceReference::Arn("StreamARN"), NAMED];
/// A consumer by its own ARN, or by its stream's and its name.
const CONSUMER: &[ResourceReference] = &[ResourceReference::Arn("ConsumerARN"), ResourceReference::Arn("StreamARN")];

/// Names, wires and operations of Kinesis Data Streams. Those that later models of the service
/// have beside the 39 of this one are refused by name.
const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["Kinesis_20131202"],
    scopes: &["kinesis"],
    resource_types: &[ResourceType {
        name: "AWS::Kinesis::Stream",
        properties: &["Name", "RetentionPeriodHours", "ShardCount", "StreamModeDetails"],
        attributes: &["Arn"],
    }],
    wires: &[Wire::Json, Wire::Cbor],
    operations: &[
        Operation::new("AddTagsToStream").on(STREAM),
        Operation::new("CreateStream").on(NEW_STREAM),
        Operation::new("DecreaseStreamRetentionPeriod").on(STREAM),
        Operation::new("DeleteResourcePolicy").on(RESOURCE),
        Operation::new("DeleteStream").on(STREAM),
        Operation::new("DeregisterStreamConsumer").on(CONSUMER),
        Operation::new("DescribeAccountSettings"),
        Operation::new("DescribeLimits"),
        Operation::new("DescribeStream").on(STREAM),
        Operation::new("DescribeStreamConsumer").on(CONSUMER),
        Operation::new("DescribeStreamSummary").on(STREAM),
        Operation::new("DisableEnhancedMonitoring").on(STREAM),
        Operation::new("EnableEnhancedMonitoring").on(STREAM),
        Operation::new("GetRecords").on(STREAM_ARN),
        Operation::new("GetResourcePolicy").on(RESOURCE),
        Operation::new("GetShardIterator").on(STREAM),
        Operation::new("IncreaseStreamRetentionPeriod").on(STREAM),
        Operation::new("ListShards").on(STREAM),
        Operation::new("ListStreamConsumers").on(STREAM_ARN),
        Operation::new("ListStreams"),
        Operation::new("ListTagsForResource").on(RESOURCE),
        Operation::new("ListTagsForStream").on(STREAM),
        Operation::new("MergeShards").on(STREAM),
        Operation::new("PutRecord").on(STREAM),
        Operation::new("PutRecords").on(STREAM),
        Operation::new("PutResourcePolicy").on(RESOURCE),
        Operation::new("RegisterStreamConsumer").on(STREAM_ARN),
        Operation::new("RemoveTagsFromStream").on(STREAM),
        Operation::new("SplitShard").on(STREAM),
        Operation::new("StartStreamEncryption").on(STREAM),
        Operation::new("StopStreamEncryption").on(STREAM),
        Operation::new("SubscribeToShard").on(CONSUMER_ARN).with_events(),
        Operation::new("TagResource").on(RESOURCE),
        Operation::new("UntagResource").on(RESOURCE),
        Operation::new("UpdateAccountSettings"),
        Operation::new("UpdateMaxRecordSize").on(STREAM_ARN),
        Operation::new("UpdateShardCount").on(STREAM),
        Operation::new("UpdateStreamMode").on(STREAM_ARN),
        Operation::new("UpdateStreamWarmThroughput").on(STREAM),
        Operation::not_offered("CreateChannel"),
        Operation::not_offered("DeleteChannel"),
        Operation::not_offered("DescribeChannel"),
        Operation::not_offered("ListChannels"),
        Operation::not_offered("UpdateChannel"),
        Operation::not_offered("UpdateStreamRecordDistributionStrategy"),
    ],
    ..ServiceModel::new("kinesis", "Kinesis Data Streams")
};

#[async_trait]
impl Service for Streams {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        let (context, operation) = (&call.context, call.operation.name);
        if self.registry.config.limits == Limits::Aws && !call.operation.answers_with_events {
            let admitted =
                self.call_rates.admit(context, operation, call.encoding(), &call.body(), self.clock.now_ms());
            admitted.map_err(Error::from)?;
        }
        match operation {
            "GetRecords" => {
                let body = get_records::get_records(self, call.encoding(), &call.body()).await?;
                return Ok(Answer::Whole(body));
            }
            "PutRecord" => return call.answer(&put_record::put_record(self, context, call.input()?).await?),
            "PutRecords" => return call.answer(&put_records::put_records(self, context, call.input()?).await?),
            _ => {}
        }
        // All others may wait for control state, or for a log that is opened.
        let operations = Operations { streams: self.shared()?, call: call.clone() };
        let performed = tokio::task::spawn_blocking(move || perform(&operations)).await;
        performed.map_err(|error| ApiError::internal(error.to_string()))?
    }

    fn metrics(&self) -> Vec<anabranch_protocol::Measured> {
        self.measured().into_iter().flat_map(|measured| measured.figures()).collect()
    }

    fn problems(&self) -> Vec<Problem> {
        Streams::problems(self)
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section(self.stat())]
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}

/// Performs an operation other than those on records. It may block.
fn perform(to: &Operations) -> Result<Answer, ApiError> {
    match to.call.operation.name {
        "AddTagsToStream" => to.void(add_tags_to_stream::add_tags_to_stream),
        "CreateStream" => to.void(create_stream::create_stream),
        "DecreaseStreamRetentionPeriod" => to.void(decrease_stream_retention_period::decrease_stream_retention_period),
        "DeleteResourcePolicy" => to.void(delete_resource_policy::delete_resource_policy),
        "DeleteStream" => to.void(delete_stream::delete_stream),
        "DeregisterStreamConsumer" => to.void(deregister_stream_consumer::deregister_stream_consumer),
        "DescribeAccountSettings" => to.answer(describe_account_settings::describe_account_settings),
        "DescribeLimits" => to.answer(describe_limits::describe_limits),
        "DescribeStream" => to.answer(describe_stream::describe_stream),
        "DescribeStreamConsumer" => to.answer(describe_stream_consumer::describe_stream_consumer),
        "DescribeStreamSummary" => to.answer(describe_stream_summary::describe_stream_summary),
        "DisableEnhancedMonitoring" => to.answer(disable_enhanced_monitoring::disable_enhanced_monitoring),
        "EnableEnhancedMonitoring" => to.answer(enable_enhanced_monitoring::enable_enhanced_monitoring),
        "GetResourcePolicy" => to.answer(get_resource_policy::get_resource_policy),
        "GetShardIterator" => to.answer(get_shard_iterator::get_shard_iterator),
        "IncreaseStreamRetentionPeriod" => to.void(increase_stream_retention_period::increase_stream_retention_period),
        "ListShards" => to.answer(list_shards::list_shards),
        "ListStreamConsumers" => to.answer(list_stream_consumers::list_stream_consumers),
        "ListStreams" => to.answer(list_streams::list_streams),
        "ListTagsForResource" => to.answer(list_tags_for_resource::list_tags_for_resource),
        "ListTagsForStream" => to.answer(list_tags_for_stream::list_tags_for_stream),
        "MergeShards" => to.void(merge_shards::merge_shards),
        "PutResourcePolicy" => to.void(put_resource_policy::put_resource_policy),
        "RegisterStreamConsumer" => to.answer(register_stream_consumer::register_stream_consumer),
        "RemoveTagsFromStream" => to.void(remove_tags_from_stream::remove_tags_from_stream),
        "SplitShard" => to.void(split_shard::split_shard),
        "StartStreamEncryption" => to.void(start_stream_encryption::start_stream_encryption),
        "StopStreamEncryption" => to.void(stop_stream_encryption::stop_stream_encryption),
        "SubscribeToShard" => {
            let events =
                subscribe_to_shard::subscribe_to_shard(to.streams.clone(), to.call.encoding(), to.call.input()?)?;
            Ok(Answer::Events(events))
        }
        "TagResource" => to.void(tag_resource::tag_resource),
        "UntagResource" => to.void(untag_resource::untag_resource),
        "UpdateAccountSettings" => to.answer(update_account_settings::update_account_settings),
        "UpdateMaxRecordSize" => to.void(update_max_record_size::update_max_record_size),
        "UpdateShardCount" => to.answer(update_shard_count::update_shard_count),
        "UpdateStreamMode" => to.void(update_stream_mode::update_stream_mode),
        "UpdateStreamWarmThroughput" => to.answer(update_stream_warm_throughput::update_stream_warm_throughput),
        other => Err(ApiError::unknown_operation(other)),
    }
}

/// A call on its way to its operation.
struct Operations {
    streams: Arc<Streams>,
    call: Call,
}

impl Operations {
    fn answer<'a, Request: FromCall<'a>, Output: Serialize>(
        &'a self,
        operation: impl FnOnce(&Streams, &RequestContext, Request) -> Result<Output, Error>,
    ) -> Result<Answer, ApiError> {
        self.call.answer(&operation(&self.streams, &self.call.context, Request::from_call(&self.call)?)?)
    }

    fn void<'a, Request: FromCall<'a>>(
        &'a self,
        operation: impl FnOnce(&Streams, &RequestContext, Request) -> Result<(), Error>,
    ) -> Result<Answer, ApiError> {
        operation(&self.streams, &self.call.context, Request::from_call(&self.call)?)?;
        self.call.done()
    }
}
