//! GetFunction: `GET /2015-03-31/functions/{FunctionName}`.

use axum::extract::{Query, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json as value;
use std::sync::Arc;

use super::function_configuration::configuration;
use super::parts::{Answer, Caller, Name, json};
use crate::function_id::FunctionId;
use crate::{Executable, Lambda};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Qualifier {
    pub(super) qualifier: Option<String>,
}

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    Name(name): Name,
    Query(query): Query<Qualifier>,
) -> Answer {
    let function = FunctionId::resolve(&name, query.qualifier.as_deref(), &scope)?;
    let spec = lambda.get_function(&function)?;
    let location = match &spec.executable {
        Executable::Binary(program) => format!("file://{}", program.display()),
        Executable::Remote(base_url) => base_url.clone(),
    };
    let mut response = value!({
        "Configuration": configuration(&spec),
        "Code": { "RepositoryType": "Local", "Location": location },
    });
    if let Some(reserved) = spec.reserved_concurrency {
        response["Concurrency"] = value!({ "ReservedConcurrentExecutions": reserved });
    }
    json(StatusCode::OK, &response)
}
