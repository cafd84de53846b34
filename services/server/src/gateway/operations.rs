//! `GET /_anabranch/operations`: what each service offers, for tools and tests.

use std::sync::Arc;

use anabranch_protocol::{Operation, ResourceReference, ServiceModel, Wire};
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
        "operations": model.operations.iter().map(operation).collect::<Vec<_>>(),
    })
}

fn operation(operation: &Operation) -> Value {
    json!({
        "name": operation.name,
        "offered": operation.is_offered,
        "action": operation.action,
        "resources": operation.resources.iter().map(resource).collect::<Vec<_>>(),
    })
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
        Wire::Http => "http",
    }
}
