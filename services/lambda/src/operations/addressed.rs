//! Inputs that say no more than what an operation is about.

use serde::Deserialize;

/// The input of operations on a function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionRequest {
    pub(super) function_name: String,
    pub(super) qualifier: Option<String>,
}

/// The input of operations that list something of a function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PageRequest {
    pub(super) function_name: String,
    pub(super) marker: Option<String>,
    pub(super) max_items: Option<i64>,
}

/// The input of operations on an event source mapping.
#[derive(Debug, Deserialize)]
pub(super) struct MappingRequest {
    #[serde(rename = "UUID")]
    pub(super) uuid: String,
}
