//! CreateFunction.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::code_request::{CodeRequest, code};
use super::function_configuration::created;
use super::settings::{Settings, check_architectures};
use super::shapes;
use crate::configuration::Configuration;
use crate::error::{invalid_parameter, not_supported};
use crate::function_id::{LATEST_VERSION, QualifiedFunction};
use crate::functions::Draft;
use crate::mapping::checked_tags;
use crate::stored_function::FunctionRecord;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateFunctionRequest {
    function_name: Option<String>,
    code: Option<CodeRequest>,
    #[serde(default)]
    publish: bool,
    publish_to: Option<String>,
    package_type: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    code_signing_config_arn: Option<String>,
    architectures: Option<Vec<String>>,
    tenancy_config: Option<serde::de::IgnoredAny>,
}

/// Creates a function. It is durable, with its code, when this returns.
pub(super) async fn create_function(
    lambda: &Lambda,
    scope: &Scope,
    request: CreateFunctionRequest,
    settings: Settings,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required("functionName", request.function_name.as_ref());
    violations.required("role", settings.role().as_ref());
    violations.required("code", request.code.as_ref());
    violations.text("packageType", request.package_type.as_deref(), &shapes::PACKAGE_TYPE);
    settings.note(&mut violations);
    violations.finish()?;
    let (Some(name), Some(source)) = (request.function_name, request.code) else {
        return Err(invalid_parameter("functionName and code are required"));
    };
    let QualifiedFunction { id, qualifier } = QualifiedFunction::resolve(&name, None, scope)?;
    if qualifier.is_some_and(|qualifier| qualifier != LATEST_VERSION) {
        return Err(invalid_parameter(format!("{name} names a version or an alias, not a function")));
    }
    if id.scope != *scope {
        return Err(invalid_parameter("A function is created in the account of the caller."));
    }
    let tags = checked_tags(request.tags)?;
    check_architectures(request.architectures.as_deref())?;
    let refused = [
        (request.package_type.as_deref() == Some("Image"), "functions of container images (PackageType Image)"),
        (request.code_signing_config_arn.is_some(), "code signing (CodeSigningConfigArn)"),
        (request.tenancy_config.is_some(), "tenant isolation (TenancyConfig)"),
        (request.publish_to.is_some(), "capacity providers (PublishTo)"),
    ];
    if let Some((_, what)) = refused.iter().find(|(is_asked, _)| *is_asked) {
        return Err(not_supported(what));
    }
    if settings.runtime().is_none() || settings.handler().is_none() {
        return Err(invalid_parameter(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    }
    let settings = settings.check(lambda, scope)?;
    if lambda.functions.record(&id).is_ok() {
        return Err(crate::error::resource_conflict(format!("Function already exist: {}", id.name)));
    }
    let package = source.unpack(lambda, "CreateFunction").await?;
    let mut latest = Configuration::new(&id.name, code(&package), String::new(), lambda.functions.now_ms());
    settings.apply(&id, &mut latest);
    let mut draft = Draft::new(FunctionRecord { tags, ..FunctionRecord::new(&id, latest) });
    draft.held.push(package);
    let published = request.publish.then(|| draft.publish(None));
    lambda.functions.create(draft).await?;
    let qualifier = published.map(|number| number.to_string());
    Ok(created(&lambda.functions.describe(&QualifiedFunction { id, qualifier })?))
}
