//! How often each operation may be called in a second ("Quotas and Limits", API limits). Those on
//! data are limited by the shard, see `quota.rs`.

use std::collections::HashMap;

use anabranch_protocol::{Encoding, RequestContext};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::error::CallRateExceeded;
use crate::limits::CALL_RATES_MAX;
use crate::quota::Bucket;
use crate::state::key::StreamKey;

/// What a rate is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Account,
    Stream,
}

/// Calls in a second, and what they are counted by. `None` where no rate is stated.
fn rate(operation: &str) -> Option<(u64, Scope)> {
    Some(match operation {
        "DescribeLimits" => (1, Scope::Account),
        "CreateStream" | "DeleteStream" | "ListStreams" | "DescribeAccountSettings" | "UpdateAccountSettings" => {
            (5, Scope::Account)
        }
        "DescribeStream" => (10, Scope::Account),
        "DescribeStreamSummary" => (20, Scope::Account),
        "ListShards" => (1_000, Scope::Stream),
        "DescribeStreamConsumer" => (20, Scope::Stream),
        "UpdateShardCount" => (10, Scope::Stream),
        "AddTagsToStream"
        | "DecreaseStreamRetentionPeriod"
        | "DeleteResourcePolicy"
        | "DeregisterStreamConsumer"
        | "DisableEnhancedMonitoring"
        | "EnableEnhancedMonitoring"
        | "GetResourcePolicy"
        | "IncreaseStreamRetentionPeriod"
        | "ListStreamConsumers"
        | "ListTagsForResource"
        | "ListTagsForStream"
        | "MergeShards"
        | "PutResourcePolicy"
        | "RegisterStreamConsumer"
        | "RemoveTagsFromStream"
        | "SplitShard"
        | "StartStreamEncryption"
        | "StopStreamEncryption"
        | "TagResource"
        | "UntagResource"
        | "UpdateMaxRecordSize"
        | "UpdateStreamMode"
        | "UpdateStreamWarmThroughput" => (5, Scope::Stream),
        _ => return None,
    })
}

/// The members that may name a stream; an operation has one of them or more.
#[derive(Debug, Default, Deserialize)]
struct Named {
    #[serde(rename = "StreamName")]
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
    #[serde(rename = "ConsumerARN")]
    consumer_arn: Option<String>,
}

/// The buckets of all accounts.
#[derive(Debug, Default)]
pub(crate) struct CallRates(Mutex<HashMap<(String, StreamKey), Bucket>>);

impl CallRates {
    /// Counts a call, and refuses it if there were too many.
    pub(crate) fn admit(
        &self,
        context: &RequestContext,
        operation: &str,
        encoding: Encoding,
        body: &[u8],
        now_ms: u64,
    ) -> Result<(), CallRateExceeded> {
        let Some((rate, scope)) = rate(operation) else { return Ok(()) };
        let key = match scope {
            Scope::Account => StreamKey::of_name(context, ""),
            // The operation refuses what can't be read.
            Scope::Stream => encoding.decode::<Named>(body).unwrap_or_default().stream(context),
        };
        let mut buckets = self.0.lock();
        if buckets.len() >= CALL_RATES_MAX {
            buckets.retain(|_, bucket| !bucket.is_full(now_ms));
        }
        let entry = buckets.entry((operation.to_string(), key.clone()));
        match (entry.or_insert_with(|| Bucket::new(rate, now_ms)).try_take(1, now_ms), scope) {
            (true, _) => Ok(()),
            (false, Scope::Account) => Err(CallRateExceeded::OfAccount(key.account_id)),
            (false, Scope::Stream) => Err(CallRateExceeded::OfStream(key)),
        }
    }
}

impl Named {
    fn stream(self, context: &RequestContext) -> StreamKey {
        let arns = [self.stream_arn, self.resource_arn, self.consumer_arn];
        let by_arn = arns.into_iter().flatten().find_map(|arn| StreamKey::of_arn(&arn));
        by_arn.unwrap_or_else(|| StreamKey::of_name(context, &self.stream_name.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_account_or_by_stream() {
        let (rates, context) = (CallRates::default(), RequestContext::default());
        let calls = |operation: &str, body: &str, now_ms: u64| {
            let admit = || rates.admit(&context, operation, Encoding::Json, body.as_bytes(), now_ms);
            (0..30).take_while(|_| admit().is_ok()).count()
        };
        assert_eq!(calls("ListStreams", "{}", 0), 5);
        assert_eq!(calls("ListStreams", "{}", 1_000), 5);
        assert_eq!(calls("SplitShard", r#"{"StreamName": "a"}"#, 0), 5);
        assert_eq!(calls("SplitShard", r#"{"StreamName": "b"}"#, 0), 5);
        let arn = r#"{"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/a"}"#;
        assert_eq!(calls("SplitShard", arn, 0), 0, "the same stream by its ARN");
        assert_eq!(calls("PutRecord", "{}", 0), 30);
        let error = rates.admit(&context, "SplitShard", Encoding::Json, arn.as_bytes(), 0).unwrap_err();
        assert_eq!(error.to_string(), "Rate exceeded for stream a under account 000000000000.");
    }
}
