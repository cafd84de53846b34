//! AddLayerVersionPermission, RemoveLayerVersionPermission and GetLayerVersionPolicy: kept and told,
//! not enforced.

use anabranch_protocol::{ApiError, Text, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::layers::LayerVersionRequest;
use super::permissions::{add, no_policy, principal, remove, shown};
use super::shapes::{PRINCIPAL, STATEMENT_ID};
use crate::layers::{Layer, LayerId, LayerVersion};
use crate::{Lambda, Scope};

/// The model's `LayerPermissionAllowedAction`.
const LAYER_ACTION: Text = Text {
    min: 0,
    max: 22,
    pattern: Some(("lambda:GetLayerVersion", |text| text == "lambda:GetLayerVersion")),
    one_of: &[],
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddLayerVersionPermissionRequest {
    layer_name: String,
    version_number: u64,
    statement_id: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    organization_id: Option<String>,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveLayerVersionPermissionRequest {
    layer_name: String,
    version_number: u64,
    statement_id: String,
    revision_id: Option<String>,
}

/// Adds a statement to the policy of a layer version.
pub(super) async fn add_layer_version_permission(
    lambda: &Lambda,
    scope: &Scope,
    request: AddLayerVersionPermissionRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("statementId", request.statement_id.as_deref(), &STATEMENT_ID);
    violations.required_text("action", request.action.as_deref(), &LAYER_ACTION);
    violations.required_text("principal", request.principal.as_deref(), &PRINCIPAL);
    violations.finish()?;
    let id = LayerId::resolve(&request.layer_name, scope)?;
    let number = request.version_number;
    let mut statement = json!({
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": principal(request.principal.as_deref().unwrap_or_default()),
        "Action": request.action,
        "Resource": id.version_arn(number),
    });
    if let Some(organization) = &request.organization_id {
        statement["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": organization } });
    }
    let statement_id = request.statement_id.unwrap_or_default();
    let added = lambda.functions.layers.change(&id, None, |layer| {
        let policy = version(layer, number)?.policy.get_or_insert_default();
        add(policy, &statement_id, statement.clone(), request.revision_id.as_deref())?;
        Ok(policy.revision_id.clone())
    });
    Ok(json!({ "RevisionId": added.await?, "Statement": statement.to_string() }))
}

/// Removes a statement from the policy of a layer version.
pub(super) async fn remove_layer_version_permission(
    lambda: &Lambda,
    scope: &Scope,
    request: RemoveLayerVersionPermissionRequest,
) -> Result<(), ApiError> {
    let id = LayerId::resolve(&request.layer_name, scope)?;
    let removed = lambda.functions.layers.change(&id, None, |layer| {
        let version = version(layer, request.version_number)?;
        let policy = version.policy.as_mut().ok_or_else(no_policy)?;
        remove(policy, &request.statement_id, request.revision_id.as_deref())?;
        if policy.is_empty() {
            version.policy = None;
        }
        Ok(())
    });
    removed.await
}

/// Tells the policy of a layer version.
pub(super) fn get_layer_version_policy(
    lambda: &Lambda,
    scope: &Scope,
    request: &LayerVersionRequest,
) -> Result<Value, ApiError> {
    let id = LayerId::resolve(&request.layer_name, scope)?;
    shown(lambda.functions.layers.version(&id, request.version_number)?.policy.as_ref())
}

fn version(layer: &mut Layer, number: u64) -> Result<&mut LayerVersion, ApiError> {
    layer.versions.get_mut(&number).ok_or_else(no_policy)
}
