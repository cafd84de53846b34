//! `AWS::KinesisFirehose::DeliveryStream`.

use serde_json::{Map, Value as Json, json};

use super::reading::Reading;
use crate::node::Node;
use crate::properties::Properties;

/// A delivery stream. Its destination is checked by the service that creates it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryStream {
    /// Its name.
    pub name: String,
    /// Body of CreateDeliveryStream.
    pub request: Json,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> DeliveryStream {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("DeliveryStreamName");
    let mut request = Map::new();
    request.insert("DeliveryStreamName".into(), json!(reading.physical_id));
    for name in ["DeliveryStreamType", "ExtendedS3DestinationConfiguration", "S3DestinationConfiguration"] {
        if let Some(value) = properties.json(name) {
            request.insert(name.into(), numbers(value));
        }
    }
    let without_effect = properties.without_effect(&["Tags", "DeliveryStreamEncryptionConfigurationInput"]);
    reading.note(&without_effect, "has no effect locally");
    properties.finish(reading.problems);
    DeliveryStream { name: reading.physical_id.into(), request: Json::Object(request) }
}

/// Parameters are strings; where the API wants numbers, CloudFormation converts.
fn numbers(mut value: Json) -> Json {
    if let Some(hints) = value.get_mut("BufferingHints").and_then(Json::as_object_mut) {
        for hint in hints.values_mut() {
            if let Some(number) = hint.as_str().and_then(|text| text.parse::<i64>().ok()) {
                *hint = json!(number);
            }
        }
    }
    value
}
