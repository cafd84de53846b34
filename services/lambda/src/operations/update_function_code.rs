//! UpdateFunctionCode.

use anabranch_protocol::{ApiError, Blob};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

use super::code_request::{CodeRequest, code};
use super::function_configuration::updated;
use super::settings::check_architectures;
use crate::error::not_supported;
use crate::function_id::{FunctionId, QualifiedFunction};
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateFunctionCodeRequest {
    function_name: String,
    zip_file: Option<Blob>,
    #[serde(rename = "S3Bucket")]
    s3_bucket: Option<String>,
    #[serde(rename = "S3Key")]
    s3_key: Option<String>,
    #[serde(rename = "S3ObjectVersion")]
    s3_object_version: Option<String>,
    image_uri: Option<String>,
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    dry_run: bool,
    revision_id: Option<String>,
    architectures: Option<Vec<String>>,
    publish_to: Option<String>,
}

/// Replaces a function's code, and publishes it if asked; a dry run only checks it.
pub(super) async fn update_function_code(
    lambda: &Lambda,
    scope: &Scope,
    request: UpdateFunctionCodeRequest,
) -> Result<Value, ApiError> {
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    lambda.functions.record(&id)?;
    check_architectures(request.architectures.as_deref())?;
    if request.publish_to.is_some() {
        return Err(not_supported("capacity providers (PublishTo)"));
    }
    let source = CodeRequest::new(
        request.zip_file,
        request.s3_bucket,
        request.s3_key,
        request.s3_object_version,
        request.image_uri,
    );
    let package = source.unpack(lambda, "UpdateFunctionCode").await?;
    let now_ms = lambda.functions.now_ms();
    if request.dry_run {
        let mut described = lambda.functions.describe(&(&id).into())?;
        let mut shown = (*described.configuration).clone();
        shown.code = code(&package);
        described.configuration = Arc::new(shown);
        drop(package);
        lambda.functions.sweep_soon().await;
        return Ok(updated(&described));
    }
    let (publish, revision_id) = (request.publish, request.revision_id);
    let published = lambda.functions.change(&id, move |draft| {
        draft.check_revision(revision_id.as_deref())?;
        draft.record.latest.code = code(&package);
        draft.record.latest.touch(now_ms);
        draft.held.push(package);
        Ok(publish.then(|| draft.publish(None)))
    });
    let qualifier = published.await?.map(|number| number.to_string());
    Ok(updated(&lambda.functions.describe(&QualifiedFunction { id, qualifier })?))
}
