//! PutPermission and RemovePermission. A bus's policy is kept and described, and not enforced.

use anabranch_protocol::{ApiError, ErrorKind, RequestContext, Violations};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bus::{Bus, BusSettings};
use crate::error::not_found;
use crate::events::Events;
use crate::limits::POLICY_BYTES_MAX;
use crate::registry::Changing;
use crate::shapes::{ACTION, EVENT_BUS_NAME, PRINCIPAL, STATEMENT_ID};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutPermissionRequest {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    condition: Option<Condition>,
    policy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    #[serde(rename = "Type")]
    kind: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemovePermissionRequest {
    statement_id: Option<String>,
    remove_all_permissions: Option<bool>,
    event_bus_name: Option<String>,
}

/// Sets a bus's policy, or adds a statement to it in the place of one of the same id.
pub(super) async fn put_permission(
    events: &Events,
    context: &RequestContext,
    request: PutPermissionRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME);
    if request.policy.is_none() {
        violations.required_text("action", request.action.as_deref(), &ACTION);
        violations.required_text("principal", request.principal.as_deref(), &PRINCIPAL);
        violations.required_text("statementId", request.statement_id.as_deref(), &STATEMENT_ID);
        if let Some(condition) = &request.condition {
            violations.required("condition.type", condition.kind.as_ref());
            violations.required("condition.key", condition.key.as_ref());
            violations.required("condition.value", condition.value.as_ref());
        }
    }
    violations.finish()?;

    let changing = events.registry.changing().await;
    let bus = events.registry.bus(context, request.event_bus_name.as_deref())?;
    let policy = match &request.policy {
        Some(policy) => serde_json::from_str::<Map<String, Value>>(policy)
            .map(Value::Object)
            .map_err(|error| ApiError::validation(format!("Parameter Policy is not valid. Reason: {error}")))?,
        None => {
            let statement = statement(&request, &bus);
            let mut statements = statements(&bus);
            statements.retain(|other| other["Sid"] != statement["Sid"]);
            statements.push(statement);
            policy_of(statements)
        }
    };
    if policy.to_string().len() > POLICY_BYTES_MAX {
        let message = format!("The policy of event bus {} is longer than {POLICY_BYTES_MAX} bytes.", bus.settings.name);
        return Err(ApiError::new(ErrorKind::LimitExceeded, "PolicyLengthExceededException", message));
    }
    set(events, changing, &bus, Some(policy)).await
}

/// Removes a statement of a bus's policy, or all of it.
pub(super) async fn remove_permission(
    events: &Events,
    context: &RequestContext,
    request: RemovePermissionRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.text("eventBusName", request.event_bus_name.as_deref(), &EVENT_BUS_NAME);
    violations.text("statementId", request.statement_id.as_deref(), &STATEMENT_ID);
    violations.finish()?;
    let all = request.remove_all_permissions.unwrap_or(false);
    if !all && request.statement_id.is_none() {
        return Err(ApiError::validation("Parameter StatementId is required."));
    }

    let changing = events.registry.changing().await;
    let bus = events.registry.bus(context, request.event_bus_name.as_deref())?;
    if all {
        return set(events, changing, &bus, None).await;
    }
    if bus.settings.policy.is_none() {
        return Err(not_found("EventBus does not have a policy."));
    }
    let mut statements = statements(&bus);
    let count = statements.len();
    statements.retain(|statement| statement["Sid"].as_str() != request.statement_id.as_deref());
    if statements.len() == count {
        return Err(not_found("Statement with the provided id does not exist."));
    }
    let policy = (!statements.is_empty()).then(|| policy_of(statements));
    set(events, changing, &bus, policy).await
}

fn statement(request: &PutPermissionRequest, bus: &Bus) -> Value {
    let principal = match request.principal.as_deref() {
        Some("*") | None => json!("*"),
        Some(account) => json!({ "AWS": format!("arn:aws:iam::{account}:root") }),
    };
    let mut statement = json!({
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": request.action,
        "Resource": bus.settings.arn,
    });
    if let Some(Condition { kind: Some(kind), key: Some(key), value }) = &request.condition {
        let mut operand = Map::new();
        operand.insert(key.clone(), json!(value));
        statement["Condition"] = json!({ kind.as_str(): operand });
    }
    statement
}

fn statements(bus: &Bus) -> Vec<Value> {
    let policy = bus.settings.policy.as_ref();
    policy.and_then(|policy| policy["Statement"].as_array()).cloned().unwrap_or_default()
}

fn policy_of(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

async fn set(events: &Events, changing: Changing, bus: &Bus, policy: Option<Value>) -> Result<(), ApiError> {
    let settings = BusSettings { policy, modified_ms: Some(events.clock.now_ms()), ..bus.settings.clone() };
    events.registry.put_bus(changing, bus.with_settings(settings)).await
}
