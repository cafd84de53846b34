//! Reading request bodies within limits of size and time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

/// Largest body of anything but S3, whose objects are streamed. The largest requests that AWS
/// takes there are 16 MiB (DynamoDB's batches).
pub(crate) const BODY_BYTES_MAX: u64 = 16 << 20;
/// Longest time that a body which is read whole may take in all.
const BODY_READ_MAX: Duration = Duration::from_secs(120);
/// How much of a refused body is still read. A client that is answered, and then cut off, while
/// it still sends may lose the answer.
const DISCARD_BYTES_MAX: u64 = 256 << 20;

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than the limit, in bytes.
    TooLarge(u64),
    /// It stopped arriving.
    TooSlow,
    /// The client broke it off.
    Broken(String),
}

/// A body that stopped arriving.
#[derive(Debug, thiserror::Error)]
#[error("no part of the body arrived for {0:?}")]
struct Stalled(Duration);

/// The body of a request, each part of which must follow the one before within a limit of time.
pub(super) struct Timed {
    body: Incoming,
    part_max: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    pub(super) fn new(body: Incoming, part_max: Duration) -> Self {
        Self { body, part_max, timer: None }
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let part_max = self.part_max;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(part_max)));
        std::task::ready!(timer.as_mut().poll(context));
        Poll::Ready(Some(Err(Stalled(part_max).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The length that the head declares, if it does.
pub(crate) fn declared_length(request: &Parts) -> Option<u64> {
    request.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads all of `body`, which must not be larger than `limit` bytes.
pub(crate) async fn read(request: &Parts, body: Body, limit: u64) -> Result<Bytes, BodyError> {
    tokio::time::timeout(BODY_READ_MAX, read_whole(request, body, limit)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn read_whole(request: &Parts, mut body: Body, limit: u64) -> Result<Bytes, BodyError> {
    let declared = declared_length(request);
    if declared.is_some_and(|length| length > limit) {
        discard(body, declared).await;
        return Err(BodyError::TooLarge(limit));
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(part) = next(&mut body).await? {
        if (first.len() + whole.len() + part.len()) as u64 > limit {
            discard(body, None).await;
            return Err(BodyError::TooLarge(limit));
        }
        // Most bodies arrive in one part, which is then passed on without a copy.
        if first.is_empty() && whole.is_empty() {
            first = part;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(declared.unwrap_or(0) as usize);
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&part);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Reads and drops what a refused request still sends, up to a limit.
pub(crate) async fn discard(mut body: Body, declared: Option<u64>) {
    let mut left = DISCARD_BYTES_MAX;
    if declared.is_some_and(|length| length > left) {
        return;
    }
    while let Ok(Some(part)) = next(&mut body).await {
        left = left.saturating_sub(part.len() as u64);
        if left == 0 {
            return;
        }
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(broken(error)),
            // Trailers mean nothing here.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(part) if part.is_empty() => {}
                Ok(part) => return Ok(Some(part)),
                Err(_) => {}
            },
        }
    }
}

fn broken(error: axum::Error) -> BodyError {
    let error = error.into_inner();
    if error.is::<Stalled>() { BodyError::TooSlow } else { BodyError::Broken(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    fn head(length: Option<&str>) -> Parts {
        let mut request = axum::http::Request::builder();
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn parts(parts: &[&'static str]) -> Body {
        let parts: Vec<Result<&'static str, std::convert::Infallible>> = parts.iter().map(|part| Ok(*part)).collect();
        Body::from_stream(stream::iter(parts))
    }

    #[tokio::test]
    async fn parts_are_put_together_in_order() {
        assert_eq!(read(&head(None), parts(&["ab", "", "c", "def"]), 6).await.unwrap(), "abcdef");
        assert_eq!(read(&head(Some("6")), parts(&["abcdef"]), 6).await.unwrap(), "abcdef");
        assert_eq!(read(&head(None), parts(&[]), 6).await.unwrap(), "");
    }

    #[tokio::test]
    async fn the_limit_holds_whatever_is_declared() {
        assert_eq!(read(&head(None), parts(&["abc", "defg"]), 6).await, Err(BodyError::TooLarge(6)));
        assert_eq!(read(&head(Some("3")), parts(&["abc", "defg"]), 6).await, Err(BodyError::TooLarge(6)));
        assert_eq!(read(&head(Some("7")), parts(&["abcdefg"]), 6).await, Err(BodyError::TooLarge(6)));
    }
}
