//! What a service says of itself: its names, its wires and its operations. All of it is data, so
//! that the gateway, the metrics, policies and tests read the same.

use super::http::{BoundMember, HttpBinding};
use crate::{ApiError, Clipped, ErrorKind, RestStyle};

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// AWS JSON 1.0 and 1.1: `X-Amz-Target` names the operation.
    Json,
    /// AWS CBOR 1.1: the same, with bodies in CBOR.
    Cbor,
    /// AWS Query: a form names the operation; answers are XML.
    Query,
    /// REST-JSON: method and path name the operation.
    RestJson,
    /// REST-XML: the same, with bodies in XML.
    RestXml,
    /// HTTP requests that the service answers itself ([`super::Service::handle`]).
    Http,
}

/// How a service is known. Names are unique among services.
#[derive(Debug)]
pub struct ServiceModel {
    /// Its short name, under which it is counted and shown, such as `kinesis`; also the prefix of
    /// its actions in policies.
    pub id: &'static str,
    /// Its name for people, such as `Kinesis Data Streams`.
    pub title: &'static str,
    /// The parts of `X-Amz-Target` before the dot, such as `Kinesis_20131202`.
    pub target_prefixes: &'static [&'static str],
    /// Service names in credential scopes, such as `kinesis`. Several services may have one in
    /// common where the target tells them apart.
    pub scopes: &'static [&'static str],
    /// `Version` in requests of the Query protocol, such as `2010-03-31`.
    pub query_versions: &'static [&'static str],
    /// How Query answers are written, for services that speak it.
    pub query_style: Option<crate::QueryStyle>,
    /// HTTP statuses of errors by the Query protocol, where they are not 400, or 500 if the fault is
    /// ours.
    pub query_statuses: &'static [(ErrorKind, u16)],
    /// The codes that Query has for errors which AWS JSON calls otherwise, by the name that JSON
    /// has: of services that moved from Query to JSON (`awsQueryCompatible`). JSON answers then
    /// carry them in the header `x-amzn-query-error`.
    pub query_codes: &'static [(&'static str, &'static str)],
    /// The member that the URL's path stands for where a request of the Query protocol leaves it
    /// out, such as SQS's `QueueUrl`; requests may then come to any path.
    pub query_path_member: Option<&'static str>,
    /// How REST answers are written, for services that speak REST-JSON or REST-XML.
    pub rest: Option<RestStyle>,
    /// Which HTTP requests it answers itself, if any.
    pub http: Option<HttpEntry>,
    /// The wires it speaks.
    pub wires: &'static [Wire],
    /// Its operations, in the order of the API reference.
    pub operations: &'static [Operation],
    /// The exception that refuses an operation that it does not have or offer.
    pub unknown_operation: &'static str,
    /// The resource types of templates that are its resources.
    pub resource_types: &'static [ResourceType],
}

impl ServiceModel {
    /// A service that is known by nothing yet.
    pub const fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            target_prefixes: &[],
            scopes: &[],
            query_versions: &[],
            query_style: None,
            query_statuses: &[],
            query_codes: &[],
            query_path_member: None,
            rest: None,
            http: None,
            wires: &[],
            operations: &[],
            unknown_operation: "UnknownOperationException",
            resource_types: &[],
        }
    }

    /// The operation called `name`.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The operation called `name`, if it is offered.
    ///
    /// # Errors
    /// `UnknownOperationException`, or what the service has in its place: whether the service model
    /// has no such operation, or it is not offered here, is told apart.
    pub fn offered(&self, name: &str) -> Result<&'static Operation, ApiError> {
        match self.operation(name) {
            Some(operation) if operation.is_offered => Ok(operation),
            Some(_) => {
                let message = format!("Anabranch does not support the operation {name} of {}.", self.title);
                Err(ApiError::new(ErrorKind::Unsupported, self.unknown_operation, message))
            }
            None => {
                let message = format!("Unknown operation: {}", Clipped(name));
                Err(ApiError::new(ErrorKind::Unsupported, self.unknown_operation, message))
            }
        }
    }

    /// The HTTP status of `error` by the Query protocol.
    pub fn query_status(&self, error: &ApiError) -> u16 {
        let own = self.query_statuses.iter().find(|(kind, _)| *kind == error.kind);
        own.map_or_else(|| error.status(), |(_, status)| *status)
    }

    /// The code that Query has for the error that AWS JSON calls `code`, if it has one of its own.
    pub fn query_code(&self, code: &str) -> Option<&'static str> {
        self.query_codes.iter().find(|(json, _)| *json == code).map(|(_, query)| *query)
    }

    /// Whether it speaks `wire`.
    pub fn speaks(&self, wire: Wire) -> bool {
        self.wires.contains(&wire)
    }
}

/// An operation of the service model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its name, such as `PutRecord`.
    pub name: &'static str,
    /// The action that a policy allows or denies, without the service's prefix; mostly the
    /// operation's own name (Service Authorization Reference).
    pub action: &'static str,
    /// What it touches.
    pub resources: &'static [ResourceReference],
    /// Whether it is offered; if not, it is refused by name.
    pub is_offered: bool,
    /// Whether its answer is an event stream.
    pub answers_with_events: bool,
    /// Whether it may be called without credentials, as by following a link.
    pub is_open: bool,
    /// Members of its output that Query names otherwise than the service's
    /// [`crate::QueryStyle::renamed`] has it, such as `("Successful", "SendMessageBatchResultEntry")`.
    pub query_renamed: &'static [(&'static str, &'static str)],
    /// Where it is in HTTP, for services that speak REST.
    pub http: Option<HttpBinding>,
}

impl Operation {
    /// An operation that touches no resource that a policy could name.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            action: name,
            resources: &[],
            is_offered: true,
            answers_with_events: false,
            is_open: false,
            query_renamed: &[],
            http: None,
        }
    }

    /// An operation of the service model that is refused by name.
    pub const fn not_offered(name: &'static str) -> Self {
        Self { is_offered: false, ..Self::new(name) }
    }

    /// The same, touching `resources`.
    #[must_use]
    pub const fn on(self, resources: &'static [ResourceReference]) -> Self {
        Self { resources, ..self }
    }

    /// The same, allowed by another action than its name.
    #[must_use]
    pub const fn by_action(self, action: &'static str) -> Self {
        Self { action, ..self }
    }

    /// The same, with names of its own for members of its output in Query.
    #[must_use]
    pub const fn renamed(self, query_renamed: &'static [(&'static str, &'static str)]) -> Self {
        Self { query_renamed, ..self }
    }

    /// The same, reached by `method` and `uri`, and answered with status 200.
    #[must_use]
    pub const fn at(self, method: &'static str, uri: &'static str) -> Self {
        Self { http: Some(HttpBinding { method, uri, status: 200, input: &[], output: &[] }), ..self }
    }

    /// The same, answered with `status`. It needs [`Operation::at`] first.
    #[must_use]
    pub const fn answered_with(self, status: u16) -> Self {
        match self.http {
            Some(http) => Self { http: Some(HttpBinding { status, ..http }), ..self },
            None => self,
        }
    }

    /// The same, with members outside the bodies of requests and answers. It needs
    /// [`Operation::at`] first.
    #[must_use]
    pub const fn bound(self, input: &'static [BoundMember], output: &'static [BoundMember]) -> Self {
        match self.http {
            Some(http) => Self { http: Some(HttpBinding { input, output, ..http }), ..self },
            None => self,
        }
    }

    /// The same, for callers without credentials too.
    #[must_use]
    pub const fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// The same, answered by an event stream.
    #[must_use]
    pub const fn with_events(self) -> Self {
        Self { answers_with_events: true, ..self }
    }
}

/// Where a request names a resource: a member, or a path to several. In a path `[]` stands for each
/// of a list, `*` for each of a structure's members, and `{}` for the keys of a map, as in
/// `TransactItems[].*.TableName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceReference {
    /// A member that holds an ARN.
    Arn(&'static str),
    /// A member that holds a name, and the resource part of its ARN, with `{}` for the name.
    Name {
        /// Such as `StreamName`.
        member: &'static str,
        /// Such as `stream/{}`.
        resource: &'static str,
    },
}

/// How requests are known that a service answers itself, and what it takes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpEntry {
    /// The service's name in the metrics of requests.
    pub metered_as: &'static str,
    /// What their paths begin with, such as `/_aws/execute-api/`.
    pub path_prefixes: &'static [&'static str],
    /// The label behind the first of their host names, such as `execute-api` of
    /// `a1.execute-api.localhost`.
    pub host_label: Option<&'static str>,
    /// Whether it takes what no other service does.
    pub takes_the_rest: bool,
    /// Whether it reads bodies as they come; otherwise it reads them whole, and they count as such.
    pub streams_bodies: bool,
    /// Whether pages of any origin may call it: then it says itself who may read the answer.
    pub is_open_to_pages: bool,
}

/// A resource type of templates, such as `AWS::Kinesis::Stream` (CloudFormation's "AWS resource and
/// property types reference").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// The properties that are read.
    pub properties: &'static [&'static str],
    /// What `Fn::GetAtt` gives of it.
    pub attributes: &'static [&'static str],
}
