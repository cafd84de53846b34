//! CreateAlias, UpdateAlias, GetAlias, DeleteAlias and ListAliases.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::list_functions::most;
use super::page::page;
use super::shapes::{ALIAS, DESCRIPTION, TEN_THOUSAND, VERSION, check_integer};
use crate::alias::Alias;
use crate::configuration::revision_id;
use crate::error::{invalid_parameter, not_found, precondition_failed, resource_conflict};
use crate::function_id::{FunctionId, LATEST_VERSION};
use crate::functions::Draft;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AliasRequest {
    function_name: String,
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<RoutingRequest>,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoutingRequest {
    #[serde(default)]
    additional_version_weights: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedAliasRequest {
    function_name: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAliasesRequest {
    function_name: String,
    function_version: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl AliasRequest {
    fn check(&self) -> Result<(), ApiError> {
        let mut violations = Violations::default();
        violations.text("name", self.name.as_deref(), &ALIAS);
        violations.text("functionVersion", self.function_version.as_deref(), &VERSION);
        violations.text("description", self.description.as_deref(), &DESCRIPTION);
        violations.finish()
    }
}

/// Makes an alias.
pub(super) async fn create_alias(lambda: &Lambda, scope: &Scope, request: AliasRequest) -> Result<Value, ApiError> {
    request.check()?;
    let mut violations = Violations::default();
    violations.required("name", request.name.as_ref());
    violations.required("functionVersion", request.function_version.as_ref());
    violations.finish()?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let (name, version) = (request.name.unwrap_or_default(), request.function_version.unwrap_or_default());
    let description = request.description.unwrap_or_default();
    let created = lambda.functions.change(&id, |draft| {
        if draft.record.aliases.contains_key(&name) {
            let arn = format!("{}:{name}", id.arn());
            return Err(resource_conflict(format!("Alias already exists: {arn}")));
        }
        let additional = request.routing_config.map(|asked| weights(asked, &version)).transpose()?.flatten();
        let alias = Alias { version, description, additional, revision_id: revision_id() };
        check_versions(draft, &id, &alias)?;
        draft.record.aliases.insert(name.clone(), alias.clone());
        Ok(alias)
    });
    let alias = created.await?;
    Ok(shown(&id, &name, &alias))
}

/// Changes an alias; what the request leaves out stays.
pub(super) async fn update_alias(lambda: &Lambda, scope: &Scope, request: AliasRequest) -> Result<Value, ApiError> {
    request.check()?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let name = request.name.unwrap_or_default();
    let updated = lambda.functions.change(&id, |draft| {
        let mut alias = draft.record.aliases.get(&name).cloned().ok_or_else(|| no_alias(&id, &name))?;
        if request.revision_id.is_some_and(|expected| expected != alias.revision_id) {
            return Err(precondition_failed());
        }
        if let Some(version) = request.function_version {
            alias.version = version;
        }
        if let Some(description) = request.description {
            alias.description = description;
        }
        if let Some(asked) = request.routing_config {
            alias.additional = weights(asked, &alias.version)?;
        }
        alias.revision_id = revision_id();
        check_versions(draft, &id, &alias)?;
        draft.record.aliases.insert(name.clone(), alias.clone());
        Ok(alias)
    });
    let alias = updated.await?;
    Ok(shown(&id, &name, &alias))
}

/// Describes an alias.
pub(super) fn get_alias(lambda: &Lambda, scope: &Scope, request: &NamedAliasRequest) -> Result<Value, ApiError> {
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let record = lambda.functions.record(&id)?;
    let alias = record.aliases.get(&request.name).ok_or_else(|| no_alias(&id, &request.name))?;
    Ok(shown(&id, &request.name, alias))
}

/// Removes an alias, if it is there.
pub(super) async fn delete_alias(lambda: &Lambda, scope: &Scope, request: NamedAliasRequest) -> Result<(), ApiError> {
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let deleted = lambda.functions.change(&id, |draft| {
        draft.record.aliases.remove(&request.name);
        draft.forget(&request.name);
        Ok(())
    });
    deleted.await
}

/// A page of a function's aliases.
pub(super) fn list_aliases(lambda: &Lambda, scope: &Scope, request: &ListAliasesRequest) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &TEN_THOUSAND)?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let record = lambda.functions.record(&id)?;
    let asked = request.function_version.as_deref();
    let found = record.aliases.iter().filter(|(_, alias)| asked.is_none_or(|version| alias.uses(version)));
    let (found, next) =
        page(found.collect(), request.marker.as_deref(), most(request.max_items), |(name, _)| name.to_string());
    let aliases: Vec<Value> = found.into_iter().map(|(name, alias)| shown(&id, name, alias)).collect();
    let mut answer = json!({ "Aliases": aliases });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

/// The second version and its share, if one is asked for.
fn weights(asked: RoutingRequest, version: &str) -> Result<Option<(String, f64)>, ApiError> {
    let mut weights = asked.additional_version_weights.into_iter();
    let Some((other, share)) = weights.next() else { return Ok(None) };
    if weights.next().is_some() {
        return Err(invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    if !(0.0..=1.0).contains(&share) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{{{other}={share}}}' at 'routingConfig.additionalVersionWeights' failed to \
             satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, \
             Member must have value greater than or equal to 0.0, Member must not be null]"
        )));
    }
    if other == version {
        return Err(invalid_parameter(format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        )));
    }
    Ok(Some((other, share)))
}

fn check_versions(draft: &Draft, id: &FunctionId, alias: &Alias) -> Result<(), ApiError> {
    let exists = |version: &str| version.parse().is_ok_and(|number| draft.versions.contains_key(&number));
    let missing = |version: &str| not_found(format!("Function not found: {}:{version}", id.arn()));
    if !alias.is_of_latest() && !exists(&alias.version) {
        return Err(missing(&alias.version));
    }
    match &alias.additional {
        Some(_) if alias.is_of_latest() => Err(invalid_parameter(format!(
            "{LATEST_VERSION} is not supported for an alias pointing to more than 1 version"
        ))),
        Some((other, _)) if !exists(other) => Err(missing(other)),
        _ => Ok(()),
    }
}

fn no_alias(id: &FunctionId, name: &str) -> ApiError {
    not_found(format!("Cannot find alias arn: {}:{name}", id.arn()))
}

fn shown(id: &FunctionId, name: &str, alias: &Alias) -> Value {
    let mut shown = json!({
        "AliasArn": format!("{}:{name}", id.arn()),
        "Name": name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    });
    if let Some((other, share)) = &alias.additional {
        shown["RoutingConfig"] = json!({ "AdditionalVersionWeights": { other: share } });
    }
    shown
}
