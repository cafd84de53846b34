//! PublishVersion.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::Value;

use super::function_configuration::configuration;
use super::shapes::DESCRIPTION;
use crate::code::base64_of_hex;
use crate::error::{invalid_parameter, not_supported};
use crate::function_id::{FunctionId, QualifiedFunction};
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PublishVersionRequest {
    function_name: String,
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
    publish_to: Option<String>,
}

/// Makes a version of `$LATEST`, unless the newest version is the same.
pub(super) async fn publish_version(
    lambda: &Lambda,
    scope: &Scope,
    request: PublishVersionRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    violations.finish()?;
    if request.publish_to.is_some() {
        return Err(not_supported("capacity providers (PublishTo)"));
    }
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let published = lambda.functions.change(&id, move |draft| {
        draft.check_revision(request.revision_id.as_deref())?;
        let sha256 = base64_of_hex(&draft.record.latest.code.sha256);
        if let Some(expected) = request.code_sha256.filter(|expected| *expected != sha256) {
            return Err(invalid_parameter(format!(
                "CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({sha256}). Please try again with \
                 the CodeSHA256 in $LATEST."
            )));
        }
        Ok(draft.publish(request.description))
    });
    let qualifier = Some(published.await?.to_string());
    Ok(configuration(&lambda.functions.describe(&QualifiedFunction { id, qualifier })?))
}
