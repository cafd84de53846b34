//! Every operation of Kinesis Data Streams through the AWS SDK for Rust. Argument: the endpoint.
//! Prints how often each operation was answered as expected.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    ConsumerStatus, EncryptionType, MetricsName, MinimumThroughputBillingCommitmentInput,
    MinimumThroughputBillingCommitmentInputStatus, PutRecordsRequestEntry, ScalingType, ShardIteratorType,
    StartingPosition, StreamDescriptionSummary, StreamMode, StreamModeDetails, StreamStatus,
    SubscribeToShardEventStream,
};

const SHARD: &str = "shardId-000000000000";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kinesis:PutRecord","Resource":"*"}]}"#;

struct Conformance {
    kinesis: Client,
    counts: BTreeMap<&'static str, u32>,
}

/// Calls an operation that must succeed, and counts it.
macro_rules! call {
    ($self:ident, $name:literal, $operation:ident $(.$member:ident($($value:expr),+))*) => {{
        let answer = $self.kinesis.$operation()$(.$member($($value),+))*.send().await.expect($name);
        *$self.counts.entry($name).or_default() += 1;
        answer
    }};
}

fn main() {
    let endpoint = std::env::args().nth(1).expect("the endpoint");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(aws_sdk_kinesis::config::SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "test",
            )))
            .build();
        let mut conformance = Conformance { kinesis: Client::new(&config), counts: BTreeMap::new() };
        conformance.streams().await;
        conformance.records().await;
        conformance.shards().await;
        conformance.settings().await;
        conformance.tags_and_policies().await;
        conformance.consumers().await;
        println!("{}", serde_json::to_string(&conformance.counts).unwrap());
    });
}

impl Conformance {
    async fn summary(&mut self, stream: &str) -> StreamDescriptionSummary {
        let answer = call!(self, "DescribeStreamSummary", describe_stream_summary.stream_name(stream));
        answer.stream_description_summary.unwrap()
    }

    async fn active(&mut self, stream: &str) {
        for _ in 0..1_500 {
            if self.summary(stream).await.stream_status == StreamStatus::Active {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{stream} is not active after 30 s");
    }

    async fn create(&mut self, name: &str, shards: i32) -> String {
        let stream = format!("rust-{name}");
        call!(self, "CreateStream", create_stream.stream_name(&stream).shard_count(shards));
        self.active(&stream).await;
        stream
    }

    async fn streams(&mut self) {
        let stream = self.create("streams", 3).await;
        let described = call!(self, "DescribeStream", describe_stream.stream_name(&stream).limit(2));
        let description = described.stream_description.unwrap();
        assert_eq!((description.shards.len(), description.has_more_shards), (2, true));
        let range = description.shards[1].hash_key_range.as_ref().unwrap();
        assert_eq!(range.starting_hash_key, "113427455640312821154458202477256070485");
        assert!(call!(self, "ListStreams", list_streams).stream_names.contains(&stream));
        let shards = call!(self, "ListShards", list_shards.stream_arn(description.stream_arn));
        assert_eq!(shards.shards().len(), 3);
        call!(self, "DeleteStream", delete_stream.stream_name(&stream));
        while call!(self, "ListStreams", list_streams).stream_names.contains(&stream) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let error = self.kinesis.describe_stream().stream_name(&stream).send().await.unwrap_err().into_service_error();
        assert!(error.is_resource_not_found_exception(), "{error:?}");
        assert!(error.message().unwrap().contains("not found"), "{error:?}");
    }

    async fn read(&mut self, stream: &str, kind: ShardIteratorType, number: Option<&str>) -> GetRecordsOutput {
        let iterator = call!(
            self,
            "GetShardIterator",
            get_shard_iterator
                .stream_name(stream)
                .shard_id(SHARD)
                .shard_iterator_type(kind)
                .set_starting_sequence_number(number.map(String::from))
        );
        call!(self, "GetRecords", get_records.set_shard_iterator(iterator.shard_iterator))
    }

    async fn put(&mut self, stream: &str, key: &str) {
        let data = Blob::new("click");
        call!(self, "PutRecord", put_record.stream_name(stream).partition_key(key).data(data));
    }

    async fn records(&mut self) {
        let stream = self.create("records", 1).await;
        let data = Blob::new([0, 255, 99]);
        let first =
            call!(self, "PutRecord", put_record.stream_name(&stream).partition_key("schlüssel").data(data.clone()));
        let entry = |number: i32| {
            let entry = PutRecordsRequestEntry::builder().partition_key(format!("key-{number}"));
            entry.data(Blob::new(format!("click {number}"))).build().unwrap()
        };
        let entries = (0..50).map(entry).collect();
        let put = call!(self, "PutRecords", put_records.stream_name(&stream).set_records(Some(entries)));
        assert_eq!((put.failed_record_count, put.records.len()), (Some(0), 50));
        let all = self.read(&stream, ShardIteratorType::TrimHorizon, None).await;
        assert_eq!((all.records.len(), all.millis_behind_latest), (51, Some(0)));
        assert_eq!((&all.records[0].data, all.records[0].partition_key.as_deref()), (&data, Some("schlüssel")));
        assert_eq!(all.records[50].data.as_ref(), b"click 49");
        let after = self.read(&stream, ShardIteratorType::AfterSequenceNumber, Some(&first.sequence_number)).await;
        assert_eq!(after.records.len(), 50);
    }

    async fn shards(&mut self) {
        let stream = self.create("shards", 1).await;
        let half = (1_u128 << 127).to_string();
        call!(self, "SplitShard", split_shard.stream_name(&stream).shard_to_split(SHARD).new_starting_hash_key(half));
        self.active(&stream).await;
        let end = self.read(&stream, ShardIteratorType::TrimHorizon, None).await;
        let children: Vec<_> = end.child_shards().iter().map(|child| child.shard_id.clone()).collect();
        assert_eq!((children.len(), end.next_shard_iterator), (2, None));
        call!(
            self,
            "MergeShards",
            merge_shards.stream_name(&stream).shard_to_merge(&children[0]).adjacent_shard_to_merge(&children[1])
        );
        self.active(&stream).await;
        let scaling = ScalingType::UniformScaling;
        call!(
            self,
            "UpdateShardCount",
            update_shard_count.stream_name(&stream).target_shard_count(2).scaling_type(scaling)
        );
        self.active(&stream).await;
        assert_eq!(self.summary(&stream).await.open_shard_count, 2);
    }

    async fn settings(&mut self) {
        let stream = self.create("settings", 1).await;
        let arn = self.summary(&stream).await.stream_arn;
        call!(
            self,
            "IncreaseStreamRetentionPeriod",
            increase_stream_retention_period.stream_name(&stream).retention_period_hours(48)
        );
        self.active(&stream).await;
        assert_eq!(self.summary(&stream).await.retention_period_hours, 48);
        call!(
            self,
            "DecreaseStreamRetentionPeriod",
            decrease_stream_retention_period.stream_name(&stream).retention_period_hours(24)
        );
        self.active(&stream).await;
        let metrics = MetricsName::All;
        call!(
            self,
            "EnableEnhancedMonitoring",
            enable_enhanced_monitoring.stream_name(&stream).shard_level_metrics(metrics)
        );
        self.active(&stream).await;
        let metrics = MetricsName::IncomingBytes;
        let left = call!(
            self,
            "DisableEnhancedMonitoring",
            disable_enhanced_monitoring.stream_name(&stream).shard_level_metrics(metrics)
        );
        assert_eq!(left.desired_shard_level_metrics().len(), 6);
        self.active(&stream).await;
        let (kms, key) = (EncryptionType::Kms, "alias/aws/kinesis");
        call!(
            self,
            "StartStreamEncryption",
            start_stream_encryption.stream_name(&stream).encryption_type(kms.clone()).key_id(key)
        );
        self.active(&stream).await;
        assert_eq!(self.summary(&stream).await.encryption_type, Some(EncryptionType::Kms));
        call!(
            self,
            "StopStreamEncryption",
            stop_stream_encryption.stream_name(&stream).encryption_type(kms).key_id(key)
        );
        self.active(&stream).await;
        call!(self, "UpdateMaxRecordSize", update_max_record_size.stream_arn(&arn).max_record_size_in_kib(2048));
        self.active(&stream).await;
        let mode = StreamModeDetails::builder().stream_mode(StreamMode::OnDemand).build().unwrap();
        call!(self, "UpdateStreamMode", update_stream_mode.stream_arn(&arn).stream_mode_details(mode));
        self.active(&stream).await;
        let enabled = MinimumThroughputBillingCommitmentInputStatus::Enabled;
        let commitment = MinimumThroughputBillingCommitmentInput::builder().status(enabled).build().unwrap();
        call!(self, "UpdateAccountSettings", update_account_settings.minimum_throughput_billing_commitment(commitment));
        let account = call!(self, "DescribeAccountSettings", describe_account_settings);
        assert!(account.minimum_throughput_billing_commitment.is_some());
        let warm = call!(
            self,
            "UpdateStreamWarmThroughput",
            update_stream_warm_throughput.stream_arn(&arn).warm_throughput_mibps(100)
        );
        assert_eq!(warm.warm_throughput.unwrap().target_mibps, Some(100));
        let limits = call!(self, "DescribeLimits", describe_limits);
        assert!(limits.open_shard_count <= limits.shard_limit);
    }

    async fn tags_and_policies(&mut self) {
        let stream = self.create("tags", 1).await;
        let arn = self.summary(&stream).await.stream_arn;
        call!(self, "AddTagsToStream", add_tags_to_stream.stream_name(&stream).tags("team", "shop"));
        let tags = call!(self, "ListTagsForStream", list_tags_for_stream.stream_name(&stream));
        assert_eq!((&*tags.tags[0].key, tags.tags[0].value.as_deref()), ("team", Some("shop")));
        call!(self, "TagResource", tag_resource.resource_arn(&arn).tags("cost", "low"));
        call!(self, "RemoveTagsFromStream", remove_tags_from_stream.stream_name(&stream).tag_keys("team"));
        let left = call!(self, "ListTagsForResource", list_tags_for_resource.resource_arn(&arn));
        assert_eq!(left.tags().len(), 1);
        call!(self, "UntagResource", untag_resource.resource_arn(&arn).tag_keys("cost"));
        call!(self, "PutResourcePolicy", put_resource_policy.resource_arn(&arn).policy(POLICY));
        assert_eq!(call!(self, "GetResourcePolicy", get_resource_policy.resource_arn(&arn)).policy, POLICY);
        call!(self, "DeleteResourcePolicy", delete_resource_policy.resource_arn(&arn));
    }

    async fn consumers(&mut self) {
        let stream = self.create("consumers", 1).await;
        let arn = self.summary(&stream).await.stream_arn;
        let made =
            call!(self, "RegisterStreamConsumer", register_stream_consumer.stream_arn(&arn).consumer_name("reader"));
        let consumer = made.consumer.unwrap().consumer_arn;
        loop {
            let described = call!(self, "DescribeStreamConsumer", describe_stream_consumer.consumer_arn(&consumer));
            if described.consumer_description.unwrap().consumer_status == ConsumerStatus::Active {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(call!(self, "ListStreamConsumers", list_stream_consumers.stream_arn(&arn)).consumers().len(), 1);
        self.put(&stream, "before").await;
        let start = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().unwrap();
        let mut subscription = call!(
            self,
            "SubscribeToShard",
            subscribe_to_shard.consumer_arn(&consumer).shard_id(SHARD).starting_position(start)
        );
        let mut keys = Vec::new();
        let mut children = 0;
        while let Some(event) = received(subscription.event_stream.recv().await) {
            let SubscribeToShardEventStream::SubscribeToShardEvent(event) = event else { panic!("{event:?}") };
            children = event.child_shards().len();
            let came = event.records.len();
            keys.extend(event.records.into_iter().filter_map(|record| record.partition_key));
            match (keys.len(), came) {
                (1, 1) => self.put(&stream, "pushed").await,
                (2, 1) => {
                    let half = (1_u128 << 127).to_string();
                    let split = self.kinesis.split_shard().stream_name(&stream).shard_to_split(SHARD);
                    split.new_starting_hash_key(half).send().await.unwrap();
                }
                _ => {}
            }
        }
        assert_eq!((keys, children), (vec!["before".to_string(), "pushed".to_string()], 2));
        self.active(&stream).await;
        call!(self, "DeregisterStreamConsumer", deregister_stream_consumer.consumer_arn(&consumer));
    }
}

fn received<T, E: Debug>(result: Result<Option<T>, E>) -> Option<T> {
    result.expect("an event")
}
