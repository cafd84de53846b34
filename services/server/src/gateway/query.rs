//! Calls by the AWS Query protocol: a form in the body or, for GET, in the URL.

use anabranch_protocol::{Answer, ApiError, Call, Clipped, QUERY_ANSWER_TYPE, QueryRequest, QueryStyle};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode};

use super::answer::{UNKNOWN_STYLE, query_error};
use super::body::{self, BodyError};
use super::caller::Caller;
use super::{Gateway, Label};

/// Largest form. Those of the service models are far smaller; templates are the largest (1 MiB).
const FORM_BYTES_MAX: u64 = 4 << 20;

/// Answers a request of the Query protocol.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    head: Parts,
    body: Body,
) -> Response<Body> {
    let outcome = match read(&head, body).await {
        Ok(request) => perform(gateway, caller, request_id, head.uri.path(), request).await,
        Err(error) => Err(Failed::before(UNKNOWN_STYLE, Label::new("unknown", "unknown"), error)),
    };
    let (mut response, label) = match outcome {
        Ok((body, label)) => {
            let mut response = Response::new(body);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(QUERY_ANSWER_TYPE));
            (response, label)
        }
        Err(Failed { style, status, label, error }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if status.is_server_error() {
                tracing::error!(request_id, operation = label.operation, %error, "the call failed");
            }
            (query_error(&style, &error, status, request_id), label)
        }
    };
    response.extensions_mut().insert(label);
    response
}

async fn read(head: &Parts, body: Body) -> Result<QueryRequest, ApiError> {
    if head.method == Method::GET {
        body::discard(body, body::declared_length(head)).await;
        return QueryRequest::parse(head.uri.query().unwrap_or_default().as_bytes());
    }
    let body = body::read(head, body, FORM_BYTES_MAX).await.map_err(|error| match error {
        BodyError::TooLarge(limit) => {
            ApiError::invalid("RequestEntityTooLarge", format!("The request is larger than {limit} bytes."))
        }
        BodyError::TooSlow => ApiError::invalid("RequestTimeout", "The body of the request did not arrive in time."),
        BodyError::Broken(reason) => ApiError::invalid("IncompleteSignature", format!("The body broke off: {reason}")),
    })?;
    QueryRequest::parse(&body)
}

/// Why a call failed, how its service writes that, and under what it is counted.
struct Failed {
    style: QueryStyle,
    status: u16,
    label: Label,
    error: ApiError,
}

impl Failed {
    /// A failure before the operation was called.
    fn before(style: QueryStyle, label: Label, error: ApiError) -> Self {
        Self { style, status: error.status(), label, error }
    }
}

async fn perform(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    path: &str,
    mut request: QueryRequest,
) -> Result<(Body, Label), Failed> {
    let service = gateway.registry.by_query(caller.service.as_deref(), &request.version);
    let Some((service, style)) = service.and_then(|service| Some((service.clone(), service.model().query_style?)))
    else {
        let message = match caller.service.as_deref() {
            Some(service) => format!("Anabranch does not offer the service {}.", Clipped(service)),
            None => format!("No service is known by the version {} of its API.", Clipped(&request.version)),
        };
        let error = ApiError::invalid("InvalidAction", message);
        return Err(Failed::before(UNKNOWN_STYLE, Label::new("unknown", "unknown"), error));
    };
    let model = service.model();
    let named = model.offered(&request.action);
    if !caller.signed && !named.as_ref().is_ok_and(|operation| operation.is_open) {
        let error = ApiError::invalid("MissingAuthenticationToken", "Request is missing Authentication Token");
        return Err(Failed::before(style, Label::new(model.id, "unknown"), error));
    }
    let operation = named.map_err(|error| {
        Failed::before(style, Label::new(model.id, "unknown"), ApiError::invalid("InvalidAction", error.message))
    })?;
    let label = Label::new(model.id, operation.name);
    let context = caller.context(request_id);
    if let (Some(member), true) = (model.query_path_member, path.len() > 1) {
        request.set_default(member, format!("{}{path}", context.endpoint.as_deref().unwrap_or_default()));
    }
    let call = Call::form(context, operation, request, style);
    match service.perform(&call).await {
        Ok(Answer::Whole(body)) => Ok((Body::from(body), label)),
        Ok(Answer::Events(_) | Answer::Http(_)) => {
            let error = ApiError::internal("The Query protocol has no answers of this kind.");
            Err(Failed::before(style, label, error))
        }
        Err(error) => {
            let code = model.query_code(error.code).unwrap_or(error.code);
            Err(Failed { style, status: model.query_status(&error), label, error: ApiError { code, ..error } })
        }
    }
}
