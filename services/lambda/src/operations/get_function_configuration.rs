//! GetFunctionConfiguration.

use anabranch_protocol::ApiError;
use serde_json::Value;

use super::addressed::FunctionRequest;
use super::function_configuration::configuration;
use crate::function_id::QualifiedFunction;
use crate::{Lambda, Scope};

/// Describes a function.
pub(super) fn get_function_configuration(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let function = QualifiedFunction::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    Ok(configuration(&lambda.functions.describe(&function)?))
}
