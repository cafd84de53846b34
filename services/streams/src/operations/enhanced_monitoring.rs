//! What EnableEnhancedMonitoring and DisableEnhancedMonitoring share.

use anabranch_protocol::{RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::{METRICS, METRICS_NAME, MetricsNames};

/// The name that stands for all metrics.
const ALL: &str = "ALL";

pub(super) type EnhancedMonitoringRequest = Addressed<StreamReference, EnhancedMonitoring>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnhancedMonitoring {
    shard_level_metrics: Option<MetricsNames>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnhancedMonitoringAnswer {
    stream_name: String,
    current_shard_level_metrics: Vec<String>,
    desired_shard_level_metrics: Vec<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
}

/// Adds metrics to those that a stream reports by shard, or removes them.
pub(super) fn set_metrics(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): EnhancedMonitoringRequest,
    enable: bool,
) -> Result<EnhancedMonitoringAnswer, Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required("shardLevelMetrics", request.shard_level_metrics.as_ref());
    let named = request.shard_level_metrics.unwrap_or_else(|| vec![ALL.to_string()].into());
    violations.texts("shardLevelMetrics", &named, &METRICS, &METRICS_NAME);
    violations.finish()?;
    let stream = stream.find(streams, context)?;
    let is_named = |metric: &str| named.iter().any(|name| name == metric || name == ALL);
    streams.registry.change_slowly(&stream, |state, _| {
        let keeps = |metric: &&str| {
            let is_on = state.shard_level_metrics.iter().any(|on| on == metric);
            if enable { is_on || is_named(metric) } else { is_on && !is_named(metric) }
        };
        let metrics = METRICS_NAME.one_of.iter().copied().filter(|metric| *metric != ALL);
        let desired: Vec<String> = metrics.filter(keeps).map(str::to_string).collect();
        let current = std::mem::replace(&mut state.shard_level_metrics, desired.clone());
        Ok(EnhancedMonitoringAnswer {
            stream_name: state.key.name.clone(),
            current_shard_level_metrics: current,
            desired_shard_level_metrics: desired,
            stream_arn: state.key.arn(),
        })
    })
}
