//! `GET /_anabranch/operations`: what each service offers, for tools and tests.

use std::sync::Arc;

use anabranch_protocol::{BoundMember, HttpBinding, Operation, Place, ResourceReference, ServiceModel, Wire};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Gateway;

/// All services with their names, wires and operations.
pub(super) async fn operations(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    Json(json!({ "services": gateway.services.all.iter().map(|found| service(found.model())).collect::<Vec<_>>() }))
}

fn service(model: &ServiceModel) -> Value {
    json!({
        "id": model.id,
        "title": model.title,
        "targets": model.target_prefixes,
        "scopes": model.scopes,
        "wires": model.wires.iter().map(|wire| wire_name(*wire)).collect::<Vec<_>>(),
        "resource_types": model.resource_types.iter().map(|kind| json!({
            "name": kind.name, "properties": kind.properties, "attributes": kind.attributes,
        })).collect::<Vec<_>>(),
        "exceptions": model.rest.map_or(&[][..], |style| style.exceptions).iter().map(|exception| json!({
            "code": exception.code, "status": exception.status, "message_member": exception.message_member,
        })).collect::<Vec<_>>(),
        "operations": model.operations.iter().map(operation).collect::<Vec<_>>(),
    })
}

fn operation(operation: &Operation) -> Value {
    json!({
        "name": operation.name,
        "offered": operation.is_offered,
        "action": operation.action,
        "resources": operation.resources.iter().map(resource).collect::<Vec<_>>(),
        "http": operation.http.as_ref().map(binding),
    })
}

fn binding(binding: &HttpBinding) -> Value {
    let members = |bound: &[BoundMember]| bound.iter().map(member).collect::<Vec<_>>();
    json!({
        "method": binding.method,
        "uri": binding.uri,
        "status": binding.status,
        "input": members(binding.input),
        "output": members(binding.output),
    })
}

fn member(bound: &BoundMember) -> Value {
    let (place, name) = match bound.place {
        Place::Query(name) => ("querystring", Some(name)),
        Place::Header(name) => ("header", Some(name)),
        Place::Payload => ("payload", None),
        Place::Status => ("statusCode", None),
    };
    json!({ "member": bound.name, "place": place, "name": name })
}

fn resource(reference: &ResourceReference) -> Value {
    match reference {
        ResourceReference::Arn(member) => json!({ "member": member }),
        ResourceReference::Name { member, resource } => json!({ "member": member, "resource": resource }),
    }
}

fn wire_name(wire: Wire) -> &'static str {
    match wire {
        Wire::Json => "json",
        Wire::Cbor => "cbor",
        Wire::Query => "query",
        Wire::RestJson => "rest-json",
        Wire::RestXml => "rest-xml",
        Wire::Http => "http",
    }
}
