//! GetFunctionConfiguration: `GET /2015-03-31/functions/{FunctionName}/configuration`.

use axum::extract::{Query, State};
use http::StatusCode;
use std::sync::Arc;

use super::function_configuration::configuration;
use super::get_function::Qualifier;
use super::parts::{Answer, Name, json};
use crate::Lambda;
use crate::function::parse_function_name;

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Name(name): Name,
    Query(query): Query<Qualifier>,
) -> Answer {
    let name = parse_function_name(&name, query.qualifier.as_deref())?;
    let (spec, arn) = lambda.get_function(&name)?;
    json(StatusCode::OK, &configuration(&spec, &arn))
}
