//! `AWS::Logs::LogGroup`.

use super::reading::Reading;
use crate::node::Node;
use crate::properties::Properties;

/// A log group.
#[derive(Debug, Clone, PartialEq)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// Days for which events are kept; for ever if the template says none.
    pub retention_days: Option<i64>,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> LogGroup {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("LogGroupName");
    let retention_days = properties.integer("RetentionInDays", reading.problems);
    let without_effect = properties.without_effect(&["KmsKeyId", "LogGroupClass", "Tags"]);
    reading.note(&without_effect, "has no effect locally");
    properties.finish(reading.problems);
    LogGroup { name: reading.physical_id.into(), retention_days }
}
