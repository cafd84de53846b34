//! GetFunctionConfiguration.

use anabranch_protocol::ApiError;
use serde_json::Value;

use super::addressed::FunctionRequest;
use super::function_configuration::configuration;
use crate::function_id::FunctionId;
use crate::{Lambda, Scope};

/// Describes a function.
pub(super) fn get_function_configuration(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let function = FunctionId::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    let spec = lambda.get_function(&function)?;
    Ok(configuration(&spec))
}
