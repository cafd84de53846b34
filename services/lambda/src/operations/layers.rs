//! PublishLayerVersion, GetLayerVersion, GetLayerVersionByArn, DeleteLayerVersion, ListLayerVersions and
//! ListLayers.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::code_request::CodeRequest;
use super::list_functions::most;
use super::page::{number_key, page};
use super::shapes::{ARCHITECTURE, DESCRIPTION, FIFTY, LICENSE, check_integer, check_runtime};
use crate::code::base64_of_hex;
use crate::code_location::code_location;
use crate::error::{invalid_parameter, not_found};
use crate::layers::{LayerId, LayerVersion};
use crate::time::last_modified;
use crate::{Lambda, Scope};

/// Most runtimes that a layer says it is for, of the service model.
const RUNTIMES_MAX: usize = 15;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishLayerVersionRequest {
    layer_name: String,
    description: Option<String>,
    content: Option<CodeRequest>,
    #[serde(default)]
    compatible_runtimes: Vec<String>,
    license_info: Option<String>,
    #[serde(default)]
    compatible_architectures: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LayerVersionRequest {
    pub(super) layer_name: String,
    pub(super) version_number: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LayerVersionByArnRequest {
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListLayerVersionsRequest {
    layer_name: String,
    compatible_runtime: Option<String>,
    compatible_architecture: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListLayersRequest {
    compatible_runtime: Option<String>,
    compatible_architecture: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

/// Publishes a version of a layer, which is made by its first. It is durable when this returns.
pub(super) async fn publish_layer_version(
    lambda: &Lambda,
    scope: &Scope,
    request: PublishLayerVersionRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("content", request.content.as_ref());
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    violations.text("licenseInfo", request.license_info.as_deref(), &LICENSE);
    violations.blob("compatibleRuntimes", request.compatible_runtimes.len(), RUNTIMES_MAX);
    for architecture in &request.compatible_architectures {
        violations.text("compatibleArchitectures", Some(architecture), &ARCHITECTURE);
    }
    violations.finish()?;
    request.compatible_runtimes.iter().try_for_each(|runtime| check_runtime(runtime))?;
    let id = LayerId::resolve(&request.layer_name, scope)?;
    if id.scope != *scope {
        return Err(invalid_parameter("A layer is published in the account and region of the caller."));
    }
    let package = request.content.unwrap_or_default().unpack(lambda, "PublishLayerVersion").await?;
    let version = LayerVersion {
        sha256: package.sha256.clone(),
        bytes: package.bytes,
        description: request.description.unwrap_or_default(),
        license: request.license_info,
        runtimes: request.compatible_runtimes,
        architectures: request.compatible_architectures,
        created_ms: lambda.functions.now_ms(),
        policy: None,
    };
    let number = lambda.functions.layers.publish(&id, version.clone(), package).await?;
    Ok(whole(lambda, &id, number, &version))
}

/// Describes a layer version, and where it can be downloaded.
pub(super) fn get_layer_version(
    lambda: &Lambda,
    scope: &Scope,
    request: &LayerVersionRequest,
) -> Result<Value, ApiError> {
    let id = LayerId::resolve(&request.layer_name, scope)?;
    let version = lambda.functions.layers.version(&id, request.version_number)?;
    Ok(whole(lambda, &id, request.version_number, &version))
}

/// The same, by the ARN.
pub(super) fn get_layer_version_by_arn(lambda: &Lambda, request: &LayerVersionByArnRequest) -> Result<Value, ApiError> {
    let arn = request.arn.as_deref().unwrap_or_default();
    let (id, number) = LayerId::of_version_arn(arn).ok_or_else(|| {
        ApiError::validation(format!(
            "1 validation error detected: Value '{arn}' at 'arn' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{{12}}:layer:[a-zA-Z0-9-_]+:[0-9]+"
        ))
    })?;
    let version = lambda.functions.layers.version(&id, number)?;
    Ok(whole(lambda, &id, number, &version))
}

/// Removes a layer version, if it is there. Functions that use it keep it.
pub(super) async fn delete_layer_version(
    lambda: &Lambda,
    scope: &Scope,
    request: LayerVersionRequest,
) -> Result<(), ApiError> {
    let id = LayerId::resolve(&request.layer_name, scope)?;
    if lambda.functions.layers.version(&id, request.version_number).is_err() {
        return Ok(());
    }
    let removed = lambda.functions.layers.change(&id, None, |layer| {
        layer.versions.remove(&request.version_number);
        Ok(())
    });
    removed.await?;
    lambda.functions.sweep_soon().await;
    Ok(())
}

/// A page of a layer's versions, the newest first.
pub(super) fn list_layer_versions(
    lambda: &Lambda,
    scope: &Scope,
    request: &ListLayerVersionsRequest,
) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &FIFTY)?;
    let id = LayerId::resolve(&request.layer_name, scope)?;
    let fits = fits(request.compatible_runtime.as_deref(), request.compatible_architecture.as_deref());
    let versions = lambda.functions.layers.versions(&id);
    if versions.is_empty() && !lambda.functions.layers.is_known(&id) {
        return Err(not_found("The resource you requested does not exist."));
    }
    let versions: Vec<_> = versions.iter().rev().filter(|(_, version)| fits(version)).collect();
    // The newest has the least key.
    let key = |(number, _): &(&u64, &LayerVersion)| number_key(u64::from(u32::MAX).saturating_sub(**number));
    let (found, next) = page(versions, request.marker.as_deref(), most(request.max_items), key);
    let items: Vec<Value> = found.into_iter().map(|(number, version)| item(&id, *number, version)).collect();
    let mut answer = json!({ "LayerVersions": items });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

/// A page of the layers, each with its newest version.
pub(super) fn list_layers(lambda: &Lambda, scope: &Scope, request: &ListLayersRequest) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &FIFTY)?;
    let fits = fits(request.compatible_runtime.as_deref(), request.compatible_architecture.as_deref());
    let mut items = Vec::new();
    for (id, layer) in lambda.functions.layers.list(scope) {
        let newest = layer.versions.iter().rev().find(|(_, version)| fits(version));
        let Some((number, version)) = newest else { continue };
        let item = json!({
            "LayerName": id.name,
            "LayerArn": id.arn(),
            "LatestMatchingVersion": item(&id, *number, version),
        });
        items.push((id.name, item));
    }
    let (found, next) = page(items, request.marker.as_deref(), most(request.max_items), |(name, _)| name.clone());
    let mut answer = json!({ "Layers": found.into_iter().map(|(_, item)| item).collect::<Vec<_>>() });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

/// Whether a version is for a runtime and an architecture.
fn fits<'a>(runtime: Option<&'a str>, architecture: Option<&'a str>) -> impl Fn(&LayerVersion) -> bool + 'a {
    let has = |known: &[String], asked: Option<&str>| asked.is_none_or(|asked| known.iter().any(|one| one == asked));
    move |version| has(&version.runtimes, runtime) && has(&version.architectures, architecture)
}

fn item(id: &LayerId, number: u64, version: &LayerVersion) -> Value {
    let mut item = json!({
        "LayerVersionArn": id.version_arn(number),
        "Version": number,
        "Description": version.description,
        "CreatedDate": last_modified(version.created_ms),
    });
    if !version.runtimes.is_empty() {
        item["CompatibleRuntimes"] = json!(version.runtimes);
    }
    if !version.architectures.is_empty() {
        item["CompatibleArchitectures"] = json!(version.architectures);
    }
    if let Some(license) = &version.license {
        item["LicenseInfo"] = license.as_str().into();
    }
    item
}

fn whole(lambda: &Lambda, id: &LayerId, number: u64, version: &LayerVersion) -> Value {
    let mut whole = item(id, number, version);
    whole["LayerArn"] = id.arn().into();
    whole["Content"] = json!({
        "Location": code_location(lambda.functions.config(), &version.sha256),
        "CodeSha256": base64_of_hex(&version.sha256),
        "CodeSize": version.bytes,
    });
    whole
}
