//! GetFunction.

use anabranch_protocol::ApiError;
use serde_json::{Value, json};

use super::addressed::FunctionRequest;
use super::function_configuration::configuration;
use crate::code_location::code_location;
use crate::configuration::CodeKind;
use crate::function_id::QualifiedFunction;
use crate::{Lambda, Scope};

/// Describes a function and where its code is.
pub(super) fn get_function(lambda: &Lambda, scope: &Scope, request: &FunctionRequest) -> Result<Value, ApiError> {
    let function = QualifiedFunction::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    let described = lambda.functions.describe(&function)?;
    let code = &described.configuration.code;
    let code = match &code.kind {
        CodeKind::Package => {
            let location = code_location(lambda.functions.config(), &code.sha256);
            json!({ "RepositoryType": "S3", "Location": location })
        }
        CodeKind::Binary(path) | CodeKind::Directory(path) => {
            json!({ "RepositoryType": "Local", "Location": format!("file://{}", path.display()) })
        }
        CodeKind::Remote(base_url) => json!({ "RepositoryType": "Local", "Location": base_url }),
    };
    let mut answer = json!({ "Configuration": configuration(&described), "Code": code });
    if !described.record.tags.is_empty() {
        answer["Tags"] = json!(described.record.tags);
    }
    if let Some(reserved) = described.record.reserved_concurrency {
        answer["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Ok(answer)
}
