//! `AWS::Kinesis::Stream`.

use super::reading::Reading;
use crate::node::Node;
use crate::properties::Properties;

/// A data stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Shards, absent for on-demand streams.
    pub shard_count: Option<i64>,
    /// Hours for which records are kept, if the template says.
    pub retention_hours: Option<i64>,
    /// `PROVISIONED` or `ON_DEMAND`.
    pub mode: String,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Stream {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("Name");
    let shard_count = properties.integer("ShardCount", reading.problems);
    let retention_hours = properties.integer("RetentionPeriodHours", reading.problems);
    let mode_path = properties.path("StreamModeDetails");
    let mode = properties.any("StreamModeDetails").and_then(|details| {
        let mut details = Properties::new(details, mode_path, reading.problems);
        let mode = details.text("StreamMode", reading.problems);
        details.finish(reading.problems);
        mode
    });
    let without_effect = properties.without_effect(&["StreamEncryption", "Tags"]);
    reading.note(&without_effect, "has no effect locally");
    let mode = mode.unwrap_or_else(|| "PROVISIONED".into());
    if mode == "PROVISIONED" && shard_count.is_none() {
        reading.problems.add(reading.mark, properties.path("ShardCount"), "is required for a provisioned stream");
    }
    properties.finish(reading.problems);
    Stream { name: reading.physical_id.into(), shard_count, retention_hours, mode }
}
