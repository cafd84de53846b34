//! GetFunctionConfiguration: `GET /2015-03-31/functions/{FunctionName}/configuration`.

use axum::extract::{Query, State};
use http::StatusCode;
use std::sync::Arc;

use super::function_configuration::configuration;
use super::get_function::Qualifier;
use super::parts::{Answer, Caller, Name, json};
use crate::Lambda;
use crate::function_id::FunctionId;

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    Name(name): Name,
    Query(query): Query<Qualifier>,
) -> Answer {
    let function = FunctionId::resolve(&name, query.qualifier.as_deref(), &scope)?;
    let spec = lambda.get_function(&function)?;
    json(StatusCode::OK, &configuration(&spec))
}
