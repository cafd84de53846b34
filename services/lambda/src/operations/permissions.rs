//! AddPermission, RemovePermission and GetPolicy: kept and told, not enforced.

use anabranch_protocol::{ApiError, ErrorKind, Violations};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::addressed::FunctionRequest;
use super::shapes::{ACTION, AUTH_TYPE, PRINCIPAL, STATEMENT_ID};
use crate::error::{not_found, policy_precondition_failed, resource_conflict};
use crate::function_id::{LATEST_VERSION, QualifiedFunction};
use crate::policy::Policy;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddPermissionRequest {
    function_name: String,
    qualifier: Option<String>,
    statement_id: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    source_arn: Option<String>,
    source_account: Option<String>,
    event_source_token: Option<String>,
    revision_id: Option<String>,
    #[serde(rename = "PrincipalOrgID")]
    principal_org_id: Option<String>,
    function_url_auth_type: Option<String>,
    invoked_via_function_url: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemovePermissionRequest {
    function_name: String,
    qualifier: Option<String>,
    statement_id: String,
    revision_id: Option<String>,
}

/// Adds a statement to the policy of a function, version or alias.
pub(super) async fn add_permission(
    lambda: &Lambda,
    scope: &Scope,
    request: AddPermissionRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("statementId", request.statement_id.as_deref(), &STATEMENT_ID);
    violations.required_text("action", request.action.as_deref(), &ACTION);
    violations.required_text("principal", request.principal.as_deref(), &PRINCIPAL);
    violations.text("functionUrlAuthType", request.function_url_auth_type.as_deref(), &AUTH_TYPE);
    violations.finish()?;
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let statement_id = request.statement_id.clone().unwrap_or_default();
    let statement = statement(&function.arn(), &request);
    let added = lambda.functions.change(&function.id, |draft| {
        let policy = draft.record.policies.entry(key).or_default();
        add(policy, &statement_id, statement.clone(), request.revision_id.as_deref())
    });
    added.await?;
    Ok(json!({ "Statement": statement.to_string() }))
}

/// Removes a statement from a policy.
pub(super) async fn remove_permission(
    lambda: &Lambda,
    scope: &Scope,
    request: RemovePermissionRequest,
) -> Result<(), ApiError> {
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let removed = lambda.functions.change(&function.id, |draft| {
        let policy = draft.record.policies.get_mut(&key).ok_or_else(no_policy)?;
        remove(policy, &request.statement_id, request.revision_id.as_deref())?;
        if policy.is_empty() {
            draft.record.policies.remove(&key);
        }
        Ok(())
    });
    removed.await
}

/// Tells the policy of a function, version or alias.
pub(super) fn get_policy(lambda: &Lambda, scope: &Scope, request: &FunctionRequest) -> Result<Value, ApiError> {
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let record = lambda.functions.record(&function.id)?;
    shown(record.policies.get(&key))
}

/// Adds a statement, which must not be there.
pub(super) fn add(
    policy: &mut Policy,
    statement_id: &str,
    statement: Value,
    expected: Option<&str>,
) -> Result<(), ApiError> {
    if expected.is_some_and(|expected| expected != policy.revision_id) {
        return Err(policy_precondition_failed());
    }
    if policy.contains(statement_id) {
        return Err(resource_conflict(format!(
            "The statement id ({statement_id}) provided already exists. Please provide a new statement id, or remove the \
             existing statement."
        )));
    }
    policy.add(statement_id, statement);
    match policy.is_too_long() {
        false => Ok(()),
        true => Err(ApiError::new(
            ErrorKind::LimitExceeded,
            "PolicyLengthExceededException",
            "The final policy size is bigger than the limit (20480).",
        )),
    }
}

/// Removes a statement, which must be there.
pub(super) fn remove(policy: &mut Policy, statement_id: &str, expected: Option<&str>) -> Result<(), ApiError> {
    if expected.is_some_and(|expected| expected != policy.revision_id) {
        return Err(policy_precondition_failed());
    }
    match policy.remove(statement_id) {
        true => Ok(()),
        false => Err(not_found(format!("Statement {statement_id} is not found in resource policy."))),
    }
}

/// A policy as it is answered, if there is one.
pub(super) fn shown(policy: Option<&Policy>) -> Result<Value, ApiError> {
    let policy = policy.ok_or_else(no_policy)?;
    Ok(json!({ "Policy": policy.document(), "RevisionId": policy.revision_id }))
}

pub(super) fn no_policy() -> ApiError {
    not_found("The resource you requested does not exist.")
}

fn resolve(
    lambda: &Lambda,
    scope: &Scope,
    name: &str,
    qualifier: Option<&str>,
) -> Result<(QualifiedFunction, String), ApiError> {
    let function = QualifiedFunction::resolve(name, qualifier, scope)?;
    lambda.functions.describe(&function)?;
    let key = function.qualifier.clone().unwrap_or_else(|| LATEST_VERSION.into());
    Ok((function, key))
}

/// Who a statement lets in, as policies write it.
pub(super) fn principal(text: &str) -> Value {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "*" => json!("*"),
        account if is_account => json!({ "AWS": format!("arn:aws:iam::{account}:root") }),
        arn if arn.starts_with("arn:") => json!({ "AWS": arn }),
        service => json!({ "Service": service }),
    }
}

fn statement(resource: &str, request: &AddPermissionRequest) -> Value {
    let mut statement = json!({
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": principal(request.principal.as_deref().unwrap_or_default()),
        "Action": request.action,
        "Resource": resource,
    });
    let mut equals = Map::new();
    for (key, value) in [
        ("AWS:SourceAccount", &request.source_account),
        ("lambda:EventSourceToken", &request.event_source_token),
        ("aws:PrincipalOrgID", &request.principal_org_id),
        ("lambda:FunctionUrlAuthType", &request.function_url_auth_type),
    ] {
        equals.extend(value.iter().map(|value| (key.to_string(), value.as_str().into())));
    }
    let mut condition = Map::new();
    if !equals.is_empty() {
        condition.insert("StringEquals".into(), Value::Object(equals));
    }
    if let Some(arn) = &request.source_arn {
        condition.insert("ArnLike".into(), json!({ "AWS:SourceArn": arn }));
    }
    if let Some(is_via_url) = request.invoked_via_function_url {
        condition.insert("Bool".into(), json!({ "lambda:InvokedViaFunctionUrl": is_via_url.to_string() }));
    }
    if !condition.is_empty() {
        statement["Condition"] = Value::Object(condition);
    }
    statement
}
