//! UpdateFunctionConfiguration.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::Value;

use super::function_configuration::updated;
use super::settings::Settings;
use crate::function_id::FunctionId;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateFunctionConfigurationRequest {
    function_name: String,
    revision_id: Option<String>,
}

/// Changes the settings of `$LATEST`; what the request leaves out stays.
pub(super) async fn update_function_configuration(
    lambda: &Lambda,
    scope: &Scope,
    request: UpdateFunctionConfigurationRequest,
    settings: Settings,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    settings.note(&mut violations);
    violations.finish()?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    lambda.functions.record(&id)?;
    let settings = settings.check(lambda, scope)?;
    let now_ms = lambda.functions.now_ms();
    let changed = lambda.functions.change(&id, |draft| {
        draft.check_revision(request.revision_id.as_deref())?;
        settings.apply(&id, &mut draft.record.latest);
        draft.record.latest.touch(now_ms);
        Ok(())
    });
    changed.await?;
    Ok(updated(&lambda.functions.describe(&(&id).into())?))
}
