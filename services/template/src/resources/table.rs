//! `AWS::DynamoDB::Table` and `AWS::Serverless::SimpleTable`.

use serde_json::{Map, Value as Json, json};

use super::reading::Reading;
use crate::node::Node;
use crate::properties::Properties;

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Body of CreateTable.
    pub request: Json,
    /// `TimeToLiveSpecification`, if the template has one.
    pub time_to_live: Option<Json>,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Option<Table> {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("TableName");
    properties.required("KeySchema", reading.problems)?;
    let mut request = Map::new();
    request.insert("TableName".into(), json!(reading.physical_id));
    for name in [
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
        "ProvisionedThroughput",
        "StreamSpecification",
    ] {
        if let Some(value) = properties.json(name) {
            request.insert(name.into(), capacity_as_numbers(value));
        }
    }
    // The API wants to be told that the stream is enabled; CloudFormation implies it.
    if let Some(stream) = request.get_mut("StreamSpecification").and_then(Json::as_object_mut) {
        stream.insert("StreamEnabled".into(), json!(true));
    }
    let mut time_to_live = properties.json("TimeToLiveSpecification");
    if let Some(enabled) = time_to_live.as_mut().and_then(|specification| specification.get_mut("Enabled"))
        && let Some(is_enabled) = enabled.as_str().and_then(|text| text.parse::<bool>().ok())
    {
        *enabled = json!(is_enabled);
    }
    let without_effect =
        properties.without_effect(&["PointInTimeRecoverySpecification", "SSESpecification", "TableClass", "Tags"]);
    reading.note(&without_effect, "has no effect locally");
    properties.finish(reading.problems);
    Some(Table { name: reading.physical_id.into(), request: Json::Object(request), time_to_live })
}

/// Parameters are strings; capacities are numbers for the API.
fn capacity_as_numbers(mut value: Json) -> Json {
    match &mut value {
        Json::Object(members) => {
            for (name, member) in members.iter_mut() {
                let number = member.as_str().and_then(|text| text.parse::<i64>().ok());
                *member = match number {
                    Some(number) if name.ends_with("CapacityUnits") => json!(number),
                    _ => capacity_as_numbers(member.take()),
                };
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| *item = capacity_as_numbers(item.take())),
        _ => {}
    }
    value
}

pub(super) fn read_simple(node: &Node, reading: &mut Reading<'_>) -> Table {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("TableName");
    let key_path = properties.path("PrimaryKey");
    let (mut name, mut kind) = ("id".to_string(), "String".to_string());
    if let Some(key) = properties.any("PrimaryKey") {
        let mut key = Properties::new(key, key_path.clone(), reading.problems);
        name = key.text("Name", reading.problems).unwrap_or(name);
        kind = key.text("Type", reading.problems).unwrap_or(kind);
        key.finish(reading.problems);
    }
    let letter = match kind.as_str() {
        "String" => "S",
        "Number" => "N",
        "Binary" => "B",
        _ => {
            reading.problems.add(reading.mark, format!("{key_path}.Type"), "must be String, Number or Binary");
            "S"
        }
    };
    let without_effect = properties.without_effect(&["ProvisionedThroughput", "SSESpecification", "Tags"]);
    reading.note(&without_effect, "has no effect locally");
    properties.finish(reading.problems);
    Table {
        name: reading.physical_id.into(),
        request: json!({
            "TableName": reading.physical_id,
            "AttributeDefinitions": [{ "AttributeName": name, "AttributeType": letter }],
            "KeySchema": [{ "AttributeName": name, "KeyType": "HASH" }],
            "BillingMode": "PAY_PER_REQUEST",
        }),
        time_to_live: None,
    }
}
