//! GetFunction.

use anabranch_protocol::ApiError;
use serde_json::{Value, json};

use super::addressed::FunctionRequest;
use super::function_configuration::configuration;
use crate::function_id::FunctionId;
use crate::{Executable, Lambda, Scope};

/// Describes a function and where its code is.
pub(super) fn get_function(lambda: &Lambda, scope: &Scope, request: &FunctionRequest) -> Result<Value, ApiError> {
    let function = FunctionId::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    let spec = lambda.get_function(&function)?;
    let location = match &spec.executable {
        Executable::Binary(program) => format!("file://{}", program.display()),
        Executable::Package { directory, .. } => format!("file://{}", directory.display()),
        Executable::Remote(base_url) => base_url.clone(),
    };
    let mut answer = json!({
        "Configuration": configuration(&spec),
        "Code": { "RepositoryType": "Local", "Location": location },
    });
    if let Some(reserved) = spec.reserved_concurrency {
        answer["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Ok(answer)
}
