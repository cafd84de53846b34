//! The resource types that are supported, one file each.

mod bucket;
mod delivery_stream;
mod function;
mod http_api;
mod log_group;
mod reading;
mod stream;
mod table;

use serde_json::Value as Json;

use crate::names;
use crate::node::Node;
use crate::problem::did_you_mean;
use crate::properties::Properties;

pub(crate) use reading::Reading;

pub use bucket::Bucket;
pub use delivery_stream::DeliveryStream;
pub use function::{EventSource, Function, FunctionCode, Mapping, Notification, Route};
pub use http_api::HttpApi;
pub use log_group::LogGroup;
pub use stream::Stream;
pub use table::Table;

/// A resource of the template.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its physical name, which `Ref` gives.
    pub physical_id: String,
    /// Where it begins in the template.
    pub line: usize,
    /// What it is.
    pub kind: ResourceKind,
}

/// What a resource is.
#[derive(Debug, Clone, PartialEq)]
pub enum ResourceKind {
    /// `AWS::Serverless::Function`, with its event sources.
    Function(Function),
    /// `AWS::Serverless::HttpApi`.
    HttpApi(HttpApi),
    /// `AWS::Kinesis::Stream`.
    Stream(Stream),
    /// `AWS::KinesisFirehose::DeliveryStream`.
    DeliveryStream(DeliveryStream),
    /// `AWS::S3::Bucket`.
    Bucket(Bucket),
    /// `AWS::DynamoDB::Table` and `AWS::Serverless::SimpleTable`.
    Table(Table),
    /// `AWS::Logs::LogGroup`.
    LogGroup(LogGroup),
    /// `AWS::Lambda::EventSourceMapping`: body of CreateEventSourceMapping.
    EventSourceMapping(Json),
    /// A type that has no effect here, such as an IAM role.
    WithoutEffect(String),
}

/// The types, the property that names each, and its service.
const TYPES: [(&str, &str, &str); 12] = [
    ("AWS::Serverless::Function", "FunctionName", "lambda"),
    ("AWS::Serverless::HttpApi", "", "apigateway"),
    ("AWS::Serverless::SimpleTable", "TableName", "dynamodb"),
    ("AWS::Kinesis::Stream", "Name", "kinesis"),
    ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName", "firehose"),
    ("AWS::S3::Bucket", "BucketName", "s3"),
    ("AWS::DynamoDB::Table", "TableName", "dynamodb"),
    ("AWS::Lambda::EventSourceMapping", "", "lambda"),
    ("AWS::Logs::LogGroup", "LogGroupName", "logs"),
    ("AWS::Lambda::Permission", "", "lambda"),
    ("AWS::IAM::Role", "RoleName", "iam"),
    ("AWS::IAM::Policy", "", "iam"),
];

/// The types that templates may have, each with the service whose resource it is (`iam` where there
/// is none, since permissions have no effect).
pub fn resource_types() -> impl Iterator<Item = (&'static str, &'static str)> {
    TYPES.iter().map(|(name, _, service)| (*name, *service))
}

/// Whether `Fn::GetAtt` gives `attribute` of resources of the type `kind`.
pub fn has_attribute(kind: &str, attribute: &str) -> bool {
    self::attribute(kind, attribute, "", "", "").is_some()
}

/// Accepts a supported type; the error says what is supported.
pub(crate) fn check_type(name: &str) -> Result<(), String> {
    if TYPES.iter().any(|(known, ..)| *known == name) {
        return Ok(());
    }
    let known: Vec<&str> = TYPES.iter().map(|(known, ..)| *known).collect();
    Err(format!("the resource type {name} is not supported{}", did_you_mean(name, &known)))
}

/// The property that gives a resource of the type its name, if there is one.
pub(crate) fn name_property(kind: &str) -> Option<&'static str> {
    TYPES.iter().find(|(known, ..)| *known == kind).map(|(_, property, _)| *property).filter(|name| !name.is_empty())
}

/// The name of a resource that the template does not name.
pub(crate) fn generated_name(kind: &str, stack: &str, logical_id: &str) -> String {
    match kind {
        "AWS::Serverless::HttpApi" => names::api_id(stack, logical_id),
        "AWS::S3::Bucket" => names::generated(stack, logical_id, 63).to_lowercase(),
        _ => names::generated(stack, logical_id, 64),
    }
}

/// An attribute of a resource, for `Fn::GetAtt`.
pub(crate) fn attribute(
    kind: &str,
    attribute: &str,
    physical_id: &str,
    region: &str,
    account_id: &str,
) -> Option<String> {
    let place = format!("{region}:{account_id}");
    match (kind, attribute) {
        ("AWS::Serverless::Function", "Arn") => Some(format!("arn:aws:lambda:{place}:function:{physical_id}")),
        ("AWS::Kinesis::Stream", "Arn") => Some(format!("arn:aws:kinesis:{place}:stream/{physical_id}")),
        ("AWS::KinesisFirehose::DeliveryStream", "Arn") => {
            Some(format!("arn:aws:firehose:{place}:deliverystream/{physical_id}"))
        }
        ("AWS::S3::Bucket", "Arn") => Some(format!("arn:aws:s3:::{physical_id}")),
        ("AWS::S3::Bucket", "DomainName") => Some(format!("{physical_id}.s3.amazonaws.com")),
        ("AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable", "Arn") => {
            Some(format!("arn:aws:dynamodb:{place}:table/{physical_id}"))
        }
        ("AWS::Logs::LogGroup", "Arn") => Some(format!("arn:aws:logs:{place}:log-group:{physical_id}:*")),
        ("AWS::IAM::Role", "Arn") => Some(format!("arn:aws:iam::{account_id}:role/{physical_id}")),
        _ => None,
    }
}

/// Reads a resource of one of our types.
pub(crate) fn read(kind: &str, node: &Node, reading: &mut Reading<'_>) -> Option<ResourceKind> {
    match kind {
        "AWS::Serverless::Function" => function::read(node, reading).map(ResourceKind::Function),
        "AWS::Serverless::HttpApi" => Some(ResourceKind::HttpApi(http_api::read(node, reading))),
        "AWS::Kinesis::Stream" => Some(ResourceKind::Stream(stream::read(node, reading))),
        "AWS::KinesisFirehose::DeliveryStream" => {
            Some(ResourceKind::DeliveryStream(delivery_stream::read(node, reading)))
        }
        "AWS::S3::Bucket" => Some(ResourceKind::Bucket(bucket::read(node, reading))),
        "AWS::DynamoDB::Table" => table::read(node, reading).map(ResourceKind::Table),
        "AWS::Serverless::SimpleTable" => Some(ResourceKind::Table(table::read_simple(node, reading))),
        "AWS::Logs::LogGroup" => Some(ResourceKind::LogGroup(log_group::read(node, reading))),
        "AWS::Lambda::EventSourceMapping" => {
            function::read_mapping(node, reading).map(ResourceKind::EventSourceMapping)
        }
        _ => {
            let properties = Properties::new(node, reading.path(), reading.problems);
            drop(properties);
            reading.notices.push(format!("{} ({kind}): permissions are not enforced locally", reading.logical_id));
            Some(ResourceKind::WithoutEffect(kind.to_string()))
        }
    }
}
