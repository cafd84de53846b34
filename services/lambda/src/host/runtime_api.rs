//! The Lambda Runtime API, 2018-06-01, of one execution environment, for its process alone.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use base64_simd::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError};
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

use super::peer::is_of_group;
use super::session::{Answer, Session, Work};
use crate::invoke::{AnswerPart, RESPONSE_BYTES_MAX, STREAMED_BYTES_MAX};

/// How long no connection is accepted after the system had no descriptor or memory for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers the process that leads the group `leader`, and those of its group, on `listener`.
pub(crate) async fn serve(listener: TcpListener, leader: u32, session: Arc<Session>) -> io::Result<()> {
    let address = listener.local_addr()?;
    let router = router(session).layer(axum::middleware::from_fn(move |request, next| admit(address, request, next)));
    axum::serve(FunctionOnly { listener, address, leader }, router).await
}

/// Accepts connections of the function's processes; all others are closed unread.
struct FunctionOnly {
    listener: TcpListener,
    address: SocketAddr,
    leader: u32,
}

impl axum::serve::Listener for FunctionOnly {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (socket, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "a Runtime API can't accept a connection");
                    #[allow(clippy::disallowed_methods, reason = "the system is waited for")]
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (leader, ours) = (self.leader, self.address);
            match tokio::task::spawn_blocking(move || is_of_group(leader, peer, ours)).await {
                Ok(Ok(true)) => return (socket, peer),
                Ok(Ok(false)) => tracing::warn!(%peer, "a process that is not the function's tried its Runtime API"),
                Ok(Err(error)) => tracing::error!(%error, "can't tell who connects to a Runtime API; it needs /proc"),
                Err(error) => tracing::error!(%error, "can't tell who connects to a Runtime API"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Refuses web pages: a function may be a browser.
async fn admit(address: SocketAddr, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_page = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    if is_page || named.is_some_and(|host| host != address.to_string()) {
        return refuse(StatusCode::FORBIDDEN, "Forbidden", "Only the function's runtime may call its Runtime API.");
    }
    next.run(request).await
}

fn router(session: Arc<Session>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{request_id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .route("/2020-01-01/extension/{*rest}", any(extension))
        .with_state(session)
}

/// Blocks until there is an event. The process is idle from here on.
async fn next(State(session): State<Arc<Session>>) -> Response {
    match session.next_event().await {
        Some(work) => event(&work),
        None => refuse(StatusCode::GONE, "ContainerError", "The execution environment is being stopped."),
    }
}

fn event(work: &Work) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // What is no header value (a client context with control characters) is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", "application/json");
    set("lambda-runtime-aws-request-id", &work.request_id);
    set("lambda-runtime-deadline-ms", &work.deadline_ms.to_string());
    set("lambda-runtime-invoked-function-arn", &work.function_arn);
    set("lambda-runtime-trace-id", &work.trace_id);
    if let Some(context) = &work.client_context {
        set("lambda-runtime-client-context", context);
    }
    (headers, work.payload.clone()).into_response()
}

async fn response(
    State(session): State<Arc<Session>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if text(&headers, "lambda-runtime-function-response-mode") == Some("streaming") {
        return streamed(&session, &request_id, &headers, body).await;
    }
    match to_bytes(body, RESPONSE_BYTES_MAX).await {
        Ok(payload) => answer(&session, &request_id, Answer { payload, error_type: None }),
        Err(error) if !is_too_long(&error) => {
            // The connection broke; what the process does next decides what the event comes to.
            refuse(StatusCode::BAD_REQUEST, "InvalidRequestBody", "The response ended too early.")
        }
        Err(_) => too_large(&session, &request_id, RESPONSE_BYTES_MAX),
    }
}

fn too_large(session: &Session, request_id: &str, bytes_max: usize) -> Response {
    let message = format!("Response payload size exceeded maximum allowed payload size ({bytes_max} bytes).");
    let error_type = "Function.ResponseSizeTooLarge";
    let payload = Bytes::from(json!({ "errorType": error_type, "errorMessage": message }).to_string());
    answer(session, request_id, Answer { payload, error_type: Some(error_type.into()) });
    refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

/// An answer that comes piece by piece: passed on as it comes to a caller who takes it so, and
/// gathered for one who doesn't. An error after its beginning is in the trailers.
async fn streamed(session: &Session, request_id: &str, headers: &HeaderMap, mut body: Body) -> Response {
    let Ok(stream) = session.stream(request_id) else { return no_such_invocation() };
    let bytes_max = if stream.is_some() { STREAMED_BYTES_MAX } else { RESPONSE_BYTES_MAX };
    let content_type = text(headers, "content-type").map(str::to_string);
    // A caller who has gone takes nothing; the function ends its answer all the same.
    if let Some(stream) = &stream {
        let _ = stream.send(AnswerPart::ContentType(content_type)).await;
    }
    let (mut gathered, mut bytes, mut trailers) = (BytesMut::new(), 0, HeaderMap::new());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return refuse(StatusCode::BAD_REQUEST, "InvalidRequestBody", "The response ended too early.");
        };
        let piece = match frame.into_data() {
            Ok(piece) => piece,
            Err(frame) => {
                trailers = frame.into_trailers().unwrap_or_default();
                continue;
            }
        };
        bytes += piece.len();
        if bytes > bytes_max {
            return too_large(session, request_id, bytes_max);
        }
        match &stream {
            Some(stream) => drop(stream.send(AnswerPart::Bytes(piece)).await),
            None => gathered.extend_from_slice(&piece),
        }
    }
    let failure = text(&trailers, "lambda-runtime-function-error-type").map(str::to_string);
    let payload = match &failure {
        None => gathered.freeze(),
        Some(error_type) => {
            let body = text(&trailers, "lambda-runtime-function-error-body").unwrap_or_default();
            let described = STANDARD.decode_to_vec(body).ok().filter(|described| !described.is_empty());
            described.map_or_else(|| json!({ "errorType": error_type }).to_string().into(), Bytes::from)
        }
    };
    answer(session, request_id, Answer { payload, error_type: failure })
}

/// Extensions are not run here; a function that registers one of its own is told so.
async fn extension(State(session): State<Arc<Session>>) -> Response {
    session.output("Extensions are not run here: the Extensions API refuses them").await;
    refuse(StatusCode::FORBIDDEN, "Extension.NotSupported", "Extensions are not run here.")
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a body was not read for its length, and not because its connection broke.
fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<LengthLimitError>())
}

async fn error(
    State(session): State<Arc<Session>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let payload = to_bytes(body, RESPONSE_BYTES_MAX).await.unwrap_or_default();
    answer(&session, &request_id, Answer { payload, error_type: Some(error_type(&headers)) })
}

async fn init_error(State(session): State<Arc<Session>>, body: Body) -> Response {
    let payload = to_bytes(body, RESPONSE_BYTES_MAX).await.unwrap_or_default();
    session.init_failed(payload);
    accepted()
}

fn error_type(headers: &HeaderMap) -> String {
    text(headers, "lambda-runtime-function-error-type").unwrap_or("Unhandled").to_string()
}

fn answer(session: &Session, request_id: &str, answer: Answer) -> Response {
    if session.answer(request_id, answer) { accepted() } else { no_such_invocation() }
}

fn no_such_invocation() -> Response {
    refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, axum::Json(json!({ "errorType": error_type, "errorMessage": message }))).into_response()
}
