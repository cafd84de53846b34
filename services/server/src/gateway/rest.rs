//! Calls of REST services: method and path name the operation.

use std::sync::Arc;

use anabranch_protocol::{
    Answer, ApiError, Call, Clipped, ErrorKind, HttpAnswer, Matched, RestRequest, RestStyle, Service, rest_error,
};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};

use super::answer::http_answer;
use super::call::{self, Refusal};
use super::caller::Caller;
use super::{Gateway, Label, body};

/// Answers a call of `service`, which speaks REST in `style`.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    (service, style): (&Arc<dyn Service>, &RestStyle),
    (head, body): (Parts, Body),
) -> Response<Body> {
    let id = service.model().id;
    let matched = match accept(service.as_ref(), style, &head) {
        Ok(matched) => matched,
        Err(error) => {
            body::discard(body, body::declared_length(&head)).await;
            let mut response = http_answer(rest_error(style, &error, request_id));
            response.extensions_mut().insert(Label::new(id, "unknown"));
            return response;
        }
    };
    let label = Label::new(id, matched.operation.name);
    let outcome = perform(gateway, caller.context(request_id), (service, style), matched, (head, body)).await;
    let answer = outcome.unwrap_or_else(|(error, status)| {
        let mut answer = rest_error(style, &error, request_id);
        answer.status = status.map_or(answer.status, |status| status.as_u16());
        if answer.status >= 500 {
            tracing::error!(request_id, operation = label.operation, %error, "the call failed");
        }
        answer
    });
    let mut response = http_answer(answer);
    response.extensions_mut().insert(label);
    response
}

/// Finds the operation by the head alone.
fn accept(service: &dyn Service, style: &RestStyle, head: &Parts) -> Result<Matched, ApiError> {
    let (method, path, model) = (&head.method, head.uri.path(), service.model());
    let unsupported = |what: String| {
        let message = format!("Anabranch does not support the operation {what} of {}.", model.title);
        ApiError::new(ErrorKind::Unsupported, model.unknown_operation, message)
    };
    let matched = model.matching(method.as_str(), path, head.uri.query().unwrap_or_default());
    match matched.map_err(|error| ApiError::invalid(style.malformed_member, error.to_string()))? {
        Some(matched) if matched.operation.is_offered => Ok(matched),
        Some(matched) => Err(unsupported(format!("{} ({method} {})", matched.operation.name, Clipped(path)))),
        None => Err(unsupported(format!("{method} {}", Clipped(path)))),
    }
}

async fn perform(
    gateway: &Gateway,
    context: anabranch_protocol::RequestContext,
    (service, style): (&Arc<dyn Service>, &RestStyle),
    matched: Matched,
    (head, body): (Parts, Body),
) -> Result<HttpAnswer, (ApiError, Option<StatusCode>)> {
    let own_status = |(mut error, status): Refusal| {
        if error.kind == ErrorKind::TooLarge {
            error.code = style.too_large;
        }
        (error, Some(status))
    };
    let whole = call::read(gateway, &head, body).await.map_err(own_status)?;
    let operation = matched.operation;
    let request = RestRequest::read(*style, matched, &head, whole.bytes.clone()).map_err(|error| (error, None))?;
    let call = Call::rest(context, operation, request);
    match call::perform(gateway, service.clone(), call, whole).await {
        Ok(Answer::Http(answer)) => Ok(answer),
        Ok(Answer::Whole(_) | Answer::Events(_)) => {
            Err((ApiError::internal("The REST protocols have no answers of this kind."), None))
        }
        Err(error) => Err((error, None)),
    }
}
