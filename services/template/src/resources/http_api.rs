//! `AWS::Serverless::HttpApi`. Its routes come from the functions' `HttpApi` events.

use super::reading::Reading;
use crate::node::Node;
use crate::properties::Properties;

/// An HTTP API.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpApi {
    /// Its id, ten letters and digits.
    pub id: String,
    /// Its stage, `$default` unless named.
    pub stage: String,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> HttpApi {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    let stage = properties.text("StageName", reading.problems).unwrap_or_else(|| "$default".into());
    let without_effect =
        properties.without_effect(&["AccessLogSettings", "DefaultRouteSettings", "Description", "Name", "Tags"]);
    reading.note(&without_effect, "has no effect locally");
    properties.finish(reading.problems);
    HttpApi { id: reading.physical_id.into(), stage }
}
