//! `AWS::Serverless::Function` with its events, and `AWS::Lambda::EventSourceMapping`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::reading::Reading;
use crate::node::{Key, Node, Value};
use crate::problem::did_you_mean;
use crate::properties::Properties;

/// Settings of an event source mapping that are passed to Lambda unchanged (SAM's `Kinesis` event).
const MAPPING_SETTINGS: [&str; 14] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
    "KmsKeyArn",
];

/// How the names of runtimes begin that are hosted here.
const RUNTIMES: [&str; 4] = ["provided", "python3.", "nodejs", "java"];

const METHODS: [&str; 9] =
    ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "X-AMAZON-APIGATEWAY-ANY-METHOD"];
const STARTING_POSITIONS: [&str; 3] = ["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"];

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its code.
    pub code: FunctionCode,
    /// AWS's identifier, such as `python3.12`; `provided.al2023` by default.
    pub runtime: String,
    /// `Metadata.BuildMethod`, such as `rust-cargolambda`.
    pub build_method: Option<String>,
    /// `Metadata.BuildProperties.Binary`: which of the crate's binaries it is.
    pub binary: Option<String>,
    /// In the runtime's form; `bootstrap` for custom runtimes, whose programs need none.
    pub handler: String,
    /// Seconds; 3 by default.
    pub timeout_seconds: i64,
    /// Megabytes; 128 by default.
    pub memory_mb: i64,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// The most execution environments.
    pub reserved_concurrency: Option<i64>,
    /// What invokes it.
    pub events: Vec<EventSource>,
}

/// A function's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionCode {
    /// `CodeUri`: its directory, as the template writes it (relative to the template).
    Uri(String),
    /// `InlineCode`: the text of `index.py` or `index.js`.
    Inline(String),
}

/// What invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub enum EventSource {
    /// A route of an HTTP API.
    HttpApi(Route),
    /// A stream.
    Kinesis(Mapping),
    /// Notifications of a bucket.
    S3(Notification),
}

/// A route of an HTTP API.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Name of the event in the template.
    pub event: String,
    /// Id of the API; absent for the implicit one.
    pub api_id: Option<String>,
    /// `GET`, `POST`, …, or `ANY`.
    pub method: String,
    /// Such as `/clicks/{id}`; absent for the `$default` route.
    pub path: Option<String>,
}

/// An event source mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// Name of the event in the template.
    pub event: String,
    /// Body of CreateEventSourceMapping.
    pub request: Json,
}

/// A bucket's notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Name of the event in the template.
    pub event: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Keys start with this.
    pub prefix: String,
    /// Keys end with this.
    pub suffix: String,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Option<Function> {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("FunctionName");
    let runtime = properties.text("Runtime", reading.problems).unwrap_or_else(|| "provided.al2023".into());
    if !RUNTIMES.iter().any(|family| runtime.starts_with(family)) {
        let message = format!("the runtime {runtime} is not supported; those of {} are", RUNTIMES.join(", "));
        reading.problems.add(reading.mark, properties.path("Runtime"), message);
    }
    let code = match properties.text("InlineCode", reading.problems) {
        Some(text) => {
            if !["python", "nodejs"].iter().any(|family| runtime.starts_with(family)) {
                let message = format!("code within the template is not supported for {runtime}");
                reading.problems.add(reading.mark, properties.path("InlineCode"), message);
            }
            Some(FunctionCode::Inline(text))
        }
        None => properties.required_text("CodeUri", reading.problems).map(FunctionCode::Uri),
    };
    let handler = match runtime.starts_with("provided") {
        true => properties.text("Handler", reading.problems).unwrap_or_else(|| "bootstrap".into()),
        false => properties.required_text("Handler", reading.problems).unwrap_or_default(),
    };
    let timeout_seconds = properties.integer_within("Timeout", 1..=900, reading.problems).unwrap_or(3);
    let memory_mb = properties.integer_within("MemorySize", 128..=10_240, reading.problems).unwrap_or(128);
    let reserved_concurrency = properties.integer("ReservedConcurrentExecutions", reading.problems);
    let environment_path = properties.path("Environment");
    let environment = properties.any("Environment").map_or_else(BTreeMap::new, |environment| {
        let mut environment = Properties::new(environment, environment_path, reading.problems);
        let path = environment.path("Variables");
        let variables = environment.any("Variables").map_or_else(BTreeMap::new, |node| texts(node, &path, reading));
        environment.finish(reading.problems);
        variables
    });
    let without_effect = properties.without_effect(&["Policies", "Role", "PermissionsBoundary"]);
    reading.note(&without_effect, "permissions are not enforced locally");
    let without_effect = properties.without_effect(&[
        "Architectures",
        "Description",
        "EphemeralStorage",
        "LoggingConfig",
        "Tags",
        "Tracing",
    ]);
    let worth_telling: Vec<&str> =
        without_effect.into_iter().filter(|name| !["Architectures", "Description"].contains(name)).collect();
    reading.note(&worth_telling, "has no effect locally");
    let events_path = properties.path("Events");
    let events = properties.any("Events").map_or_else(Vec::new, |node| read_events(node, &events_path, reading));
    properties.finish(reading.problems);
    let (build_method, binary) = read_metadata(reading);
    Some(Function {
        name: reading.physical_id.into(),
        code: code?,
        runtime,
        build_method,
        binary,
        handler,
        timeout_seconds,
        memory_mb,
        environment,
        reserved_concurrency,
        events,
    })
}

fn texts(node: &Node, path: &str, reading: &mut Reading<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (key, value) in node.entries() {
        match value.to_text() {
            Some(text) => {
                found.insert(key.name.clone(), text);
            }
            None => {
                let message = format!("must be a string, is {}", value.kind());
                reading.problems.add(key.mark, format!("{path}.{}", key.name), message);
            }
        }
    }
    found
}

fn read_metadata(reading: &mut Reading<'_>) -> (Option<String>, Option<String>) {
    let Some(metadata) = reading.metadata else { return (None, None) };
    let method = metadata.get("BuildMethod").and_then(Node::to_text);
    let binary = metadata.get("BuildProperties").and_then(|build| build.get("Binary")).and_then(Node::to_text);
    if let Some(method) = method.as_ref().filter(|method| *method != "rust-cargolambda") {
        let path = format!("Resources.{}.Metadata.BuildMethod", reading.logical_id);
        reading.problems.add(
            metadata.mark,
            path,
            format!("the build method {method} is not supported; rust-cargolambda is, and code that is built already"),
        );
    }
    (method, binary)
}

fn read_events(node: &Node, path: &str, reading: &mut Reading<'_>) -> Vec<EventSource> {
    let mut events = Vec::new();
    for (key, event) in node.entries() {
        let path = format!("{path}.{}", key.name);
        let mut outer = Properties::new(event, &path, reading.problems);
        let kind = outer.text("Type", reading.problems).unwrap_or_default();
        let empty = Node { mark: event.mark, value: Value::Map(Vec::new()) };
        let properties = outer.any("Properties").unwrap_or(&empty);
        outer.finish(reading.problems);
        let path = format!("{path}.Properties");
        let read = match kind.as_str() {
            "HttpApi" => Some(EventSource::HttpApi(read_route(key, properties, &path, reading))),
            "Kinesis" => read_kinesis(key, properties, &path, reading).map(EventSource::Kinesis),
            "S3" => read_s3(key, properties, &path, reading).map(EventSource::S3),
            _ => {
                let hint = did_you_mean(&kind, &["HttpApi", "Kinesis", "S3"]);
                reading.problems.add(event.mark, &path, format!("events of the type {kind:?} are not supported{hint}"));
                None
            }
        };
        events.extend(read);
    }
    events
}

fn read_route(key: &Key, node: &Node, path: &str, reading: &mut Reading<'_>) -> Route {
    let mut properties = Properties::new(node, path, reading.problems);
    let api_id = properties.text("ApiId", reading.problems);
    let route_path = properties.text("Path", reading.problems);
    let method = properties.text("Method", reading.problems).unwrap_or_else(|| "ANY".into()).to_uppercase();
    if let Some(version) = properties.text("PayloadFormatVersion", reading.problems).filter(|version| version != "2.0")
    {
        let message = format!("payload format {version} is not supported; 2.0 is");
        reading.problems.add(node.mark, properties.path("PayloadFormatVersion"), message);
    }
    if !METHODS.contains(&method.as_str()) {
        let hint = did_you_mean(&method, &METHODS);
        reading.problems.add(node.mark, properties.path("Method"), format!("{method} is not an HTTP method{hint}"));
    }
    if route_path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        reading.problems.add(node.mark, properties.path("Path"), "must start with /");
    }
    properties.finish(reading.problems);
    let method = if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" { "ANY".into() } else { method };
    Route { event: key.name.clone(), api_id, method, path: route_path }
}

fn read_kinesis(key: &Key, node: &Node, path: &str, reading: &mut Reading<'_>) -> Option<Mapping> {
    let mut properties = Properties::new(node, path, reading.problems);
    let stream = properties.required_text("Stream", reading.problems);
    let position = properties.required_text("StartingPosition", reading.problems);
    if let Some(position) = position.filter(|position| !STARTING_POSITIONS.contains(&position.as_str())) {
        let message = format!("{position} is not one of {}", STARTING_POSITIONS.join(", "));
        reading.problems.add(node.mark, properties.path("StartingPosition"), message);
    }
    let mut request = mapping_settings(&mut properties);
    properties.finish(reading.problems);
    request.insert("EventSourceArn".into(), json!(stream?));
    request.insert("FunctionName".into(), json!(reading.physical_id));
    Some(Mapping { event: key.name.clone(), request: Json::Object(request) })
}

fn mapping_settings(properties: &mut Properties<'_>) -> Map<String, Json> {
    let mut request = Map::new();
    for name in MAPPING_SETTINGS {
        let Some(mut value) = properties.json(name) else { continue };
        // Parameters are strings; where the API wants numbers and booleans, CloudFormation converts.
        if let Some(text) = value.as_str() {
            if let Ok(number) = text.parse::<i64>() {
                value = json!(number);
            } else if let Ok(is_true) = text.parse::<bool>() {
                value = json!(is_true);
            }
        }
        // SAM names the destination's kind, which Lambda tells from its ARN.
        if let Some(destination) = value.pointer_mut("/OnFailure").and_then(Json::as_object_mut) {
            destination.remove("Type");
        }
        request.insert(name.into(), value);
    }
    request
}

fn read_s3(key: &Key, node: &Node, path: &str, reading: &mut Reading<'_>) -> Option<Notification> {
    let mut properties = Properties::new(node, path, reading.problems);
    let bucket = properties.required_text("Bucket", reading.problems);
    properties.required("Events", reading.problems);
    let events = properties.list("Events").into_iter().filter_map(Node::to_text).collect();
    let (mut prefix, mut suffix) = (String::new(), String::new());
    let filter_path = properties.path("Filter");
    if let Some(filter) = properties.any("Filter") {
        let rules = filter.get("S3Key").and_then(|key| key.get("Rules")).map(|rules| &rules.value);
        let Some(Value::List(rules)) = rules else {
            reading.problems.add(filter.mark, filter_path, "must have S3Key.Rules, a list");
            return None;
        };
        for rule in rules {
            let value = rule.get("Value").and_then(Node::to_text).unwrap_or_default();
            match rule.get("Name").and_then(Node::as_text) {
                Some("prefix") => prefix = value,
                Some("suffix") => suffix = value,
                _ => reading.problems.add(rule.mark, &filter_path, "a rule's Name must be prefix or suffix"),
            }
        }
    }
    properties.finish(reading.problems);
    Some(Notification { event: key.name.clone(), bucket: bucket?, events, prefix, suffix })
}

/// `AWS::Lambda::EventSourceMapping`.
pub(super) fn read_mapping(node: &Node, reading: &mut Reading<'_>) -> Option<Json> {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    let function = properties.required_text("FunctionName", reading.problems);
    let source = properties.required_text("EventSourceArn", reading.problems);
    let mut request = mapping_settings(&mut properties);
    properties.finish(reading.problems);
    request.insert("FunctionName".into(), json!(function?));
    request.insert("EventSourceArn".into(), json!(source?));
    Some(Json::Object(request))
}
