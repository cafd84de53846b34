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
mod untag_resource;
mod update_account_settings;
mod update_max_record_size;
mod update_shard_count;
mod update_stream_mode;
mod update_stream_warm_throughput;
mod view;

use anabranch_protocol::{ApiError, Encoding, EventStream, JsonService, RequestContext};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

use crate::quota::Limits;
use crate::streams::Streams;
use addressed::FromBody;

/// Operations that later models of the service have beside the 39 here: refused by name.
const NOT_SUPPORTED: &[&str] = &[
    "CreateChannel",
    "DeleteChannel",
    "DescribeChannel",
    "ListChannels",
    "UpdateChannel",
    "UpdateStreamRecordDistributionStrategy",
];

#[async_trait]
impl JsonService for Streams {
    fn target_prefix(&self) -> &'static str {
        "Kinesis_20131202"
    }

    fn speaks(&self, _encoding: Encoding) -> bool {
        true
    }

    async fn call(
        &self,
        context: &RequestContext,
        operation: &str,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        if self.config.limits == Limits::Aws {
            self.call_rates.admit(context, operation, encoding, &body, self.clock.now_ms())?;
        }
        match operation {
            "GetRecords" => return get_records::get_records(self, encoding, &body).await,
            "PutRecord" => {
                let answer = put_record::put_record(self, context, encoding.decode(&body)?).await?;
                return encode(encoding, &answer);
            }
            "PutRecords" => {
                let answer = put_records::put_records(self, context, encoding.decode(&body)?).await?;
                return encode(encoding, &answer);
            }
            _ => {}
        }
        // All others may wait for control state, or for a log that is opened.
        let (streams, context, operation) = (self.shared()?, context.clone(), operation.to_string());
        blocking(move || perform(&Call { streams: &streams, context: &context, encoding, body: &body }, &operation))
            .await
    }

    fn answers_with_events(&self, operation: &str) -> bool {
        operation == "SubscribeToShard"
    }

    async fn subscribe(
        &self,
        _context: &RequestContext,
        _operation: &str,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<EventStream, ApiError> {
        let streams = self.shared()?;
        blocking(move || subscribe_to_shard::subscribe_to_shard(streams, encoding, encoding.decode(&body)?)).await
    }
}

/// Performs an operation other than those on records.
fn perform(call: &Call<'_>, operation: &str) -> Result<Bytes, ApiError> {
    match operation {
        "AddTagsToStream" => call.void(add_tags_to_stream::add_tags_to_stream),
        "CreateStream" => call.void(create_stream::create_stream),
        "DecreaseStreamRetentionPeriod" => {
            call.void(decrease_stream_retention_period::decrease_stream_retention_period)
        }
        "DeleteResourcePolicy" => call.void(delete_resource_policy::delete_resource_policy),
        "DeleteStream" => call.void(delete_stream::delete_stream),
        "DeregisterStreamConsumer" => call.void(deregister_stream_consumer::deregister_stream_consumer),
        "DescribeAccountSettings" => call.answer(describe_account_settings::describe_account_settings),
        "DescribeLimits" => call.answer(describe_limits::describe_limits),
        "DescribeStream" => call.answer(describe_stream::describe_stream),
        "DescribeStreamConsumer" => call.answer(describe_stream_consumer::describe_stream_consumer),
        "DescribeStreamSummary" => call.answer(describe_stream_summary::describe_stream_summary),
        "DisableEnhancedMonitoring" => call.answer(disable_enhanced_monitoring::disable_enhanced_monitoring),
        "EnableEnhancedMonitoring" => call.answer(enable_enhanced_monitoring::enable_enhanced_monitoring),
        "GetResourcePolicy" => call.answer(get_resource_policy::get_resource_policy),
        "GetShardIterator" => call.answer(get_shard_iterator::get_shard_iterator),
        "IncreaseStreamRetentionPeriod" => {
            call.void(increase_stream_retention_period::increase_stream_retention_period)
        }
        "ListShards" => call.answer(list_shards::list_shards),
        "ListStreamConsumers" => call.answer(list_stream_consumers::list_stream_consumers),
        "ListStreams" => call.answer(list_streams::list_streams),
        "ListTagsForResource" => call.answer(list_tags_for_resource::list_tags_for_resource),
        "ListTagsForStream" => call.answer(list_tags_for_stream::list_tags_for_stream),
        "MergeShards" => call.void(merge_shards::merge_shards),
        "PutResourcePolicy" => call.void(put_resource_policy::put_resource_policy),
        "RegisterStreamConsumer" => call.answer(register_stream_consumer::register_stream_consumer),
        "RemoveTagsFromStream" => call.void(remove_tags_from_stream::remove_tags_from_stream),
        "SplitShard" => call.void(split_shard::split_shard),
        "StartStreamEncryption" => call.void(start_stream_encryption::start_stream_encryption),
        "StopStreamEncryption" => call.void(stop_stream_encryption::stop_stream_encryption),
        "TagResource" => call.void(tag_resource::tag_resource),
        "UntagResource" => call.void(untag_resource::untag_resource),
        "UpdateAccountSettings" => call.answer(update_account_settings::update_account_settings),
        "UpdateMaxRecordSize" => call.void(update_max_record_size::update_max_record_size),
        "UpdateShardCount" => call.answer(update_shard_count::update_shard_count),
        "UpdateStreamMode" => call.void(update_stream_mode::update_stream_mode),
        "UpdateStreamWarmThroughput" => call.answer(update_stream_warm_throughput::update_stream_warm_throughput),
        _ if NOT_SUPPORTED.contains(&operation) => Err(ApiError::client(
            "UnknownOperationException",
            format!("Anabranch does not support the operation {operation} of Kinesis Data Streams."),
        )),
        _ => Err(ApiError::unknown_operation(operation)),
    }
}

/// Does work that may block, where it holds up no other call.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(error.to_string()))?
}

/// A request on its way to its operation.
struct Call<'a> {
    streams: &'a Streams,
    context: &'a RequestContext,
    encoding: Encoding,
    body: &'a Bytes,
}

impl<'a> Call<'a> {
    fn answer<Request: FromBody<'a>, Answer: Serialize>(
        &self,
        operation: impl FnOnce(&Streams, &RequestContext, Request) -> Result<Answer, ApiError>,
    ) -> Result<Bytes, ApiError> {
        let answer = operation(self.streams, self.context, Request::from_body(self.encoding, self.body)?)?;
        encode(self.encoding, &answer)
    }

    fn void<Request: FromBody<'a>>(
        &self,
        operation: impl FnOnce(&Streams, &RequestContext, Request) -> Result<(), ApiError>,
    ) -> Result<Bytes, ApiError> {
        operation(self.streams, self.context, Request::from_body(self.encoding, self.body)?).map(|()| Bytes::new())
    }
}

fn encode(encoding: Encoding, answer: &impl Serialize) -> Result<Bytes, ApiError> {
    encoding.encode(answer).map(Bytes::from)
}
