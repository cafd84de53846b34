//! One connection: HTTP on it, within the time limits of each.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use futures::future::poll_fn;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::activity::{Activity, Overdue};
use super::body::Timed;
use super::limits::{
    CLOSING_MAX, ConnectionLimits, HEAD_BYTES_MAX, PING_ANSWER_MAX, SEND_BUFFER_BYTES_MAX, SILENCE_MAX,
    STREAMS_IN_ERROR_MAX, STREAMS_MAX, STREAMS_RESET_EARLY_MAX, WINDOW_BYTES_MAX,
};

/// A connection's bytes, plain or by TLS.
pub(super) type Transport = Either<TcpStream, TlsStream<TcpStream>>;

/// The scheme by which a request came: `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheme(pub(crate) &'static str);

/// Answers the requests on `transport` with `router` until the client closes it, it exceeds
/// `limits`, or `stop` is cancelled and what was being answered is answered.
pub(super) async fn serve(
    transport: Transport,
    router: Router,
    activity: Arc<Activity>,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let scheme = Scheme(if matches!(transport, Either::Left(_)) { "http" } else { "https" });
    let service = service_fn(|request| answer(router.clone(), activity.clone(), limits, scheme, request));
    let socket = TokioIo::new(Watched { transport, activity: activity.clone() });
    let builder = protocols();
    let mut connection = pin!(builder.serve_connection(socket, service));
    let mut timer = pin!(tokio::time::sleep_until(Instant::now() + limits.first_byte_max));
    // When it was told that it will be closed; only HTTP/2 takes a while then.
    let mut closing: Option<Instant> = None;
    let mut stopping = false;
    loop {
        let ends = closing.map(|told| told + CLOSING_MAX);
        let must_close = tokio::select! {
            // What has arrived is looked at before the client is blamed for anything.
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended in an error");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
                activity.idle_since().is_some()
            }
            () = tokio::time::sleep_until(ends.unwrap_or_else(Instant::now)), if ends.is_some() => return,
            leaves = activity.room_wanted() => leaves,
            overdue = overdue(&activity, &limits, timer.as_mut()), if closing.is_none() => match overdue {
                Overdue::Stream => {
                    activity.cut_stalled_answers(&limits);
                    false
                }
                Overdue::Idle => true,
                Overdue::Head | Overdue::Answer => {
                    tracing::debug!(?overdue, "a connection is cut off");
                    return;
                }
            }
        };
        if must_close {
            if !activity.is_http_2() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            closing.get_or_insert_with(Instant::now);
        }
    }
}

/// HTTP/1.1 and HTTP/2 with their limits.
fn protocols() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The wait for a head is limited below: hyper's limit would hold for idle connections, too.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(SILENCE_MAX)
        .keep_alive_timeout(PING_ANSWER_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(STREAMS_RESET_EARLY_MAX)
        .max_local_error_reset_streams(STREAMS_IN_ERROR_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .initial_connection_window_size(WINDOW_BYTES_MAX)
        .initial_stream_window_size(WINDOW_BYTES_MAX);
    builder
}

async fn answer(
    mut router: Router,
    activity: Arc<Activity>,
    limits: ConnectionLimits,
    scheme: Scheme,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let in_flight = activity.begin();
    let mut request = request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(Timed::new(body, limits.body_part_max)),
    });
    request.extensions_mut().insert(scheme);
    let response = router.call(request).await?;
    Ok(response.map(|body| in_flight.until_sent(body)))
}

/// Completes when the connection has taken too long over what it is doing.
async fn overdue(activity: &Activity, limits: &ConnectionLimits, mut timer: Pin<&mut Sleep>) -> Overdue {
    poll_fn(|context| {
        while let Some((deadline, overdue)) = activity.deadline(limits) {
            if deadline <= Instant::now() {
                return Poll::Ready(overdue);
            }
            // Deadlines mostly move away; the timer follows only when it fires, or must sooner.
            if deadline < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            std::task::ready!(timer.as_mut().poll(context));
        }
        Poll::Pending
    })
    .await
}

/// A socket that notes what the client does.
struct Watched {
    transport: Transport,
    activity: Arc<Activity>,
}

impl Watched {
    fn wrote<T>(&self, outcome: Poll<T>) -> Poll<T> {
        if outcome.is_pending() {
            self.activity.blocked();
        } else {
            self.activity.took();
        }
        outcome
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.transport).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received(&buffer.filled()[before..]);
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.transport).poll_write(context, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.transport).poll_write_vectored(context, parts);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.transport).poll_flush(context);
        self.wrote(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.transport).poll_shutdown(context);
        self.wrote(outcome)
    }
}
