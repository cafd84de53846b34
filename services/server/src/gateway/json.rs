//! Calls of the AWS JSON services (`X-Amz-Target`).

use std::convert::Infallible;
use std::sync::Arc;

use anabranch_protocol::{
    Answer, ApiError, Call, Clipped, EVENT_STREAM_TYPE, Encoding, ErrorKind, Event, EventStream, Operation, Service,
    Wire,
};
use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::answer::{AMZ_CBOR, AMZ_JSON, api_error, json_error};
use super::call::{self, Refusal, header, is_gzip, with_status};
use super::caller::Caller;
use super::{Gateway, Label, body};

/// Whose recordings show that it takes no content type but AWS's own; DynamoDB takes plain JSON, too.
const KINESIS: &str = "kinesis";
/// The code of an error in the Query protocol (Smithy's `awsQueryCompatible`).
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const AMZ_PREFIX: &str = "application/x-amz-";
const AMZ_JSON_1_0: &str = "application/x-amz-json-1.0";

/// Answers the call of `operation` of the service with `prefix`.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    (prefix, operation): (&str, &str),
    (head, body): (Parts, Body),
) -> Response<Body> {
    let encoding = answer_encoding(gateway, prefix, &head);
    let content_type = answer_content_type(&head, encoding);
    let mut label = Label { service: service_label(gateway, prefix), operation: operation.to_string() };
    let outcome = perform(gateway, caller, request_id, (prefix, operation), &head, body).await;
    let mut response = match outcome {
        Ok(answer) => {
            let (body, content_type) = match answer {
                Answer::Whole(body) => (Body::from(body), content_type),
                // No call by this wire is answered so.
                Answer::Http(answer) => (Body::from(answer.body), content_type),
                Answer::Events(events) => {
                    (events_body(events, encoding, gateway.stop.clone()), HeaderValue::from_static(EVENT_STREAM_TYPE))
                }
            };
            let mut response = Response::new(body);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
        Err((error, status)) => {
            if status.is_server_error() {
                tracing::error!(request_id, operation, %error, "the call failed");
            }
            if error.kind == ErrorKind::Unsupported {
                // What clients make up must not become a metric each.
                label.operation = "unknown".into();
            }
            let mut response = api_error(&error, status, encoding, content_type);
            if let Some(code) = query_error(gateway, prefix, &error) {
                response.headers_mut().insert(QUERY_ERROR, code);
            }
            response
        }
    };
    response.extensions_mut().insert(label);
    response
}

/// What clients of a service that moved from Query to JSON know an error by, and whose fault it is.
fn query_error(gateway: &Gateway, prefix: &str, error: &ApiError) -> Option<HeaderValue> {
    let code = gateway.registry.by_target(prefix)?.model().query_code(error.code)?;
    let fault = if error.kind.is_ours() { "Receiver" } else { "Sender" };
    HeaderValue::from_str(&format!("{code};{fault}")).ok()
}

/// The messages of an event stream, made one by one as the client takes them. When the server
/// stops, the stream just ends.
fn events_body(events: EventStream, encoding: Encoding, stop: CancellationToken) -> Body {
    let first = stream::once(async move { Event::initial_response(encoding) });
    let messages = first.chain(events).map(move |event| {
        Ok::<_, Infallible>(match event {
            Ok(event) => event.to_message(encoding),
            Err(error) => error.to_message(encoding),
        })
    });
    Body::from_stream(messages.take_until(stop.cancelled_owned()))
}

/// A call of an AWS JSON service without `X-Amz-Target`.
pub(super) async fn without_target(head: Parts, body: Body) -> Response<Body> {
    body::discard(body, body::declared_length(&head)).await;
    let error = ApiError::invalid("UnknownOperationException", "The request has no X-Amz-Target header.");
    json_error(&error, StatusCode::BAD_REQUEST, answer_content_type(&head, Encoding::Json))
}

async fn perform(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    (prefix, operation): (&str, &str),
    head: &Parts,
    body: Body,
) -> Result<Answer, Refusal> {
    let (service, operation, encoding) = match accept(gateway, caller, prefix, operation, head) {
        Ok(accepted) => accepted,
        Err(error) => {
            body::discard(body, body::declared_length(head)).await;
            return Err(with_status(error));
        }
    };
    let whole = call::read(gateway, head, body).await?;
    if whole.bytes.is_empty() {
        // As recorded of Kinesis and DynamoDB.
        return Err(with_status(ApiError::serialization("The request has no body; the least is {}")));
    }
    let call = Call::encoded(caller.context(request_id), operation, encoding, whole.bytes.clone());
    call::perform(gateway, service, call, whole).await.map_err(with_status)
}

/// Checks the head, in the order in which AWS does.
fn accept(
    gateway: &Gateway,
    caller: &Caller,
    prefix: &str,
    operation: &str,
    head: &Parts,
) -> Result<(Arc<dyn Service>, &'static Operation, Encoding), ApiError> {
    let service = gateway.registry.by_target(prefix).cloned();
    let service = service.ok_or_else(|| unoffered(prefix, operation))?;
    if head.method != Method::POST {
        let message = format!("{operation} is called with POST, not {}", head.method);
        return Err(ApiError::invalid("UnknownOperationException", message));
    }
    if !caller.signed {
        return Err(ApiError::invalid("MissingAuthenticationTokenException", "Missing Authentication Token"));
    }
    let encoding = request_encoding(service.as_ref(), head)?;
    let operation = service.model().offered(operation)?;
    Ok((service, operation, encoding))
}

/// No service here has this prefix of `X-Amz-Target`.
fn unoffered(prefix: &str, operation: &str) -> ApiError {
    if prefix.is_empty() {
        return ApiError::unknown_operation(&Clipped(operation).to_string());
    }
    let (service, target) = (Clipped(prefix), Clipped(format_args!("{prefix}.{operation}")));
    let message = format!("Anabranch does not offer the service {service} (X-Amz-Target: {target}).");
    ApiError::new(ErrorKind::Unsupported, "UnknownOperationException", message)
}

/// Bodies are AWS JSON 1.0 or 1.1 (the same thing), or CBOR where the service speaks it; plain or
/// gzip'd.
fn request_encoding(service: &dyn Service, head: &Parts) -> Result<Encoding, ApiError> {
    let content_type = header(head, CONTENT_TYPE);
    if content_type.is_empty() {
        return Err(ApiError::serialization("The request has no Content-Type; it takes application/x-amz-json-1.1"));
    }
    let encoding = Encoding::of_content_type(content_type).filter(|encoding| service.model().speaks(wire(*encoding)));
    let takes_own_only = service.model().id == KINESIS && !content_type.trim_start().starts_with(AMZ_PREFIX);
    let encoding = encoding.filter(|_| !takes_own_only);
    let encoding = encoding.ok_or_else(|| {
        ApiError::serialization(format!(
            "The Content-Type {content_type} is not supported; use application/x-amz-json-1.1"
        ))
    })?;
    match header(head, CONTENT_ENCODING) {
        "" | "identity" | "amz-1.0" => Ok(encoding),
        _ if is_gzip(head) => Ok(encoding),
        other => Err(ApiError::serialization(format!("The Content-Encoding {other} is not supported"))),
    }
}

/// Answers, and refusals too, are written as the request is, if its service speaks that.
fn answer_encoding(gateway: &Gateway, prefix: &str, head: &Parts) -> Encoding {
    let service = gateway.registry.by_target(prefix);
    let asked = Encoding::of_content_type(header(head, CONTENT_TYPE));
    asked
        .filter(|encoding| service.is_some_and(|service| service.model().speaks(wire(*encoding))))
        .unwrap_or(Encoding::Json)
}

/// The content type of an answer: the request's version of AWS JSON, or CBOR.
fn answer_content_type(head: &Parts, encoding: Encoding) -> HeaderValue {
    match encoding {
        Encoding::Cbor => AMZ_CBOR,
        Encoding::Json if header(head, CONTENT_TYPE).starts_with(AMZ_JSON_1_0) => {
            HeaderValue::from_static(AMZ_JSON_1_0)
        }
        Encoding::Json => AMZ_JSON,
    }
}

fn wire(encoding: Encoding) -> Wire {
    match encoding {
        Encoding::Json => Wire::Json,
        Encoding::Cbor => Wire::Cbor,
    }
}

/// The label in the metrics of the service with `prefix`.
fn service_label(gateway: &Gateway, prefix: &str) -> String {
    gateway.registry.by_target(prefix).map_or("unknown", |service| service.model().id).into()
}
