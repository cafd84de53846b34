//! DeleteFunction.

use anabranch_protocol::ApiError;
use serde_json::{Value, json};

use super::addressed::FunctionRequest;
use crate::error::{invalid_parameter, not_found, resource_conflict};
use crate::function_id::{LATEST_VERSION, QualifiedFunction};
use crate::{Lambda, Scope};

/// Removes a function with all its versions and aliases, or one version.
pub(super) async fn delete_function(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionRequest,
) -> Result<Value, ApiError> {
    let function = QualifiedFunction::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    let id = &function.id;
    let answer = json!({ "StatusCode": 204 });
    let number = match function.qualifier.as_deref() {
        None => {
            lambda.functions.delete(id).await?;
            return Ok(answer);
        }
        Some(LATEST_VERSION) => {
            return Err(invalid_parameter("$LATEST version cannot be deleted without deleting the function."));
        }
        Some(text) => text.parse::<u64>(),
    };
    let Ok(number) = number else {
        return Err(invalid_parameter("Deletion of aliases is not currently supported."));
    };
    let deleted = lambda.functions.change(id, |draft| {
        let version = number.to_string();
        let mut aliases = draft.record.aliases.iter().filter(|(_, alias)| alias.uses(&version));
        if let Some((name, _)) = aliases.next() {
            return Err(resource_conflict(format!(
                "Version {number} of function {} cannot be deleted because it is referenced by the alias {name}.",
                id.name
            )));
        }
        match draft.versions.remove(&number) {
            None => return Err(not_found(format!("Function not found: {}", function.arn()))),
            Some(_) => draft.forget(&version),
        }
        Ok(())
    });
    deleted.await?;
    Ok(answer)
}
