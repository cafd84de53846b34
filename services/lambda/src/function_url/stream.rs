//! Function URLs that pass on what the function answers as it comes (`RESPONSE_STREAM`).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use anabranch_proxy::{head, message};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use super::answers::{buffered, refused};
use crate::Lambda;
use crate::error::service_exception;
use crate::function_id::QualifiedFunction;
use crate::invoke::{AnswerPart, Invocation};

/// Pieces of an answer that wait for the client.
const PIECES_WAITING_MAX: usize = 16;
/// Most bytes of status and headers before a streamed body.
const PRELUDE_BYTES_MAX: usize = 64 << 10;
/// What parts status and headers from the body.
const PRELUDE_END: [u8; 8] = [0; 8];
/// The type of an answer that begins with status and headers.
const INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// Invokes the function and answers with what it streams; or, if it streams nothing, returns.
pub(super) async fn answer(lambda: &Lambda, function: &QualifiedFunction, payload: Bytes) -> Response<Body> {
    let (sender, mut parts) = mpsc::channel(PIECES_WAITING_MAX);
    let request_id = uuid::Uuid::new_v4().to_string();
    let invocation = Invocation { stream: Some(sender), ..Invocation::new(request_id, payload) };
    let (functions, function) = (lambda.functions.clone(), function.clone());
    // The answer goes on behind this function.
    let invoked = tokio::spawn(async move { functions.invoke(&function, invocation).await });
    match parts.recv().await {
        None => match invoked.await.unwrap_or_else(|error| Err(service_exception(error.to_string()))) {
            Ok(executed) => buffered(executed.outcome.function_error.as_deref(), &executed.outcome.payload),
            Err(error) => refused(error.kind),
        },
        Some(AnswerPart::Bytes(first)) => streamed(Response::default(), first, parts),
        Some(AnswerPart::ContentType(Some(kind))) if kind.starts_with(INTEGRATION) => with_head(parts).await,
        Some(AnswerPart::ContentType(kind)) => {
            let mut response = Response::default();
            let kind = kind.unwrap_or_else(|| "application/octet-stream".into());
            if let Ok(kind) = HeaderValue::from_str(&kind) {
                response.headers_mut().insert(CONTENT_TYPE, kind);
            }
            streamed(response, Bytes::new(), parts)
        }
    }
}

/// Reads status and headers, which come first.
async fn with_head(mut parts: mpsc::Receiver<AnswerPart>) -> Response<Body> {
    let mut read = BytesMut::new();
    loop {
        if let Some(end) = read.windows(PRELUDE_END.len()).position(|window| window == PRELUDE_END) {
            let rest = read.split_off(end + PRELUDE_END.len()).freeze();
            let mut members = serde_json::from_slice(&read[..end]).unwrap_or(Value::Null);
            if let Some(members) = members.as_object_mut() {
                members.entry("statusCode").or_insert(200.into());
            }
            return match members.as_object().and_then(head) {
                Some(response) => streamed(response, rest, parts),
                None => message(StatusCode::BAD_GATEWAY, "Internal Server Error"),
            };
        }
        match parts.recv().await {
            Some(AnswerPart::Bytes(bytes)) if read.len() <= PRELUDE_BYTES_MAX => {
                read.extend_from_slice(&bytes);
            }
            Some(AnswerPart::ContentType(_)) => {}
            Some(AnswerPart::Bytes(_)) | None => return message(StatusCode::BAD_GATEWAY, "Internal Server Error"),
        }
    }
}

fn streamed(response: Response<Body>, first: Bytes, parts: mpsc::Receiver<AnswerPart>) -> Response<Body> {
    let first = Some(first).filter(|bytes| !bytes.is_empty());
    response.map(|_| Body::from_stream(Pieces { first, parts }))
}

/// The rest of an answer, as it comes. A function that fails in the middle ends it.
struct Pieces {
    first: Option<Bytes>,
    parts: mpsc::Receiver<AnswerPart>,
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            return match self.parts.poll_recv(context) {
                Poll::Ready(Some(AnswerPart::ContentType(_))) => continue,
                Poll::Ready(Some(AnswerPart::Bytes(bytes))) => Poll::Ready(Some(Ok(bytes))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}
