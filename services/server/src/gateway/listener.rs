//! Connections to the one port: plain ones, and TLS where a client begins with a handshake; as
//! many as there may be at a time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::connection::{self, Transport};
use super::limits::ConnectionLimits;
use super::now_and_then::NowAndThen;

/// First byte of a TLS connection (RFC 8446, section 5.1: a record of type handshake). No request
/// of HTTP begins with it.
const HANDSHAKE: u8 = 0x16;
/// Most connections beyond the limit that are being closed or refused; more wait in the system's
/// queue until one of them is gone.
const CONNECTIONS_LEAVING_MAX: usize = 64;
/// Longest that refusing a connection takes.
const REFUSING_MAX: Duration = Duration::from_secs(1);
/// How long no connection is accepted after the system had no descriptor or memory for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What a connection is told when there is no room for it.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\
    Content-Type: text/plain\r\nContent-Length: 52\r\n\r\nThe server has as many busy connections as it takes.";

/// Accepts connections and has each served.
pub(super) struct GatewayListener {
    pub(super) listener: TcpListener,
    pub(super) tls: Arc<ServerConfig>,
    pub(super) router: Router,
    pub(super) limits: ConnectionLimits,
    /// Where the number of connections is reported.
    pub(super) open: Arc<AtomicUsize>,
    pub(super) stop: CancellationToken,
}

impl GatewayListener {
    /// Serves until `stop` is cancelled and what was being answered is answered. Dropping this
    /// future cuts off what is left.
    pub(super) async fn serve(self) {
        let mut tasks = JoinSet::new();
        // What each of the tasks is at; those that only refuse a connection are not among them.
        let mut connections: HashMap<tokio::task::Id, Arc<Activity>> = HashMap::new();
        let acceptor = TlsAcceptor::from(self.tls.clone());
        let full = NowAndThen::default();
        loop {
            let has_room = tasks.len() < self.limits.connections_max + CONNECTIONS_LEAVING_MAX;
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(ended) = tasks.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    connections.remove(&id);
                }
                accepted = accept(&self.listener), if has_room => match accepted {
                    Ok(socket) => {
                        if connections.len() >= self.limits.connections_max && !make_room(&connections) {
                            full.warn(|more| tracing::warn!(more, "all {} connections are busy", connections.len()));
                            tasks.spawn(refuse(socket));
                        } else {
                            let activity = Activity::new();
                            let id = tasks.spawn(self.connection(socket, acceptor.clone(), activity.clone())).id();
                            connections.insert(id, activity);
                        }
                    }
                    Err(error) => {
                        full.warn(|more| tracing::warn!(more, %error, "a connection can't be accepted"));
                        make_room(&connections);
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
            self.open.store(connections.len(), Ordering::Relaxed);
        }
        drop(self.listener);
        while tasks.join_next().await.is_some() {}
    }

    fn connection(
        &self,
        socket: TcpStream,
        acceptor: TlsAcceptor,
        activity: Arc<Activity>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (router, limits, stop) = (self.router.clone(), self.limits, self.stop.clone());
        async move {
            let ready = tokio::select! {
                ready = begin(socket, acceptor, &limits) => ready,
                () = stop.cancelled() => None,
                _ = activity.room_wanted() => None,
            };
            if let Some(transport) = ready {
                connection::serve(transport, router, activity, limits, stop).await;
            }
        }
    }
}

/// The next connection. Those that ended before they were accepted are passed over.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return Ok(socket),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
}

/// Has the connection that is idle for longest give way; false if all are busy.
fn make_room(connections: &HashMap<tokio::task::Id, Arc<Activity>>) -> bool {
    let idle = connections.values().filter_map(|activity| Some((activity.spare_since()?, activity)));
    let Some((_, activity)) = idle.min_by_key(|(since, _)| *since) else { return false };
    activity.ask_for_room();
    true
}

/// Says that there is no room, and reads what the client had sent already, since closing over
/// unread bytes would take the answer from it.
async fn refuse(mut socket: TcpStream) {
    let refusing = async {
        socket.write_all(REFUSAL).await?;
        socket.shutdown().await?;
        tokio::io::copy(&mut (&mut socket).take(64 << 10), &mut tokio::io::sink()).await
    };
    // The client may be gone, or in no hurry.
    let _ = tokio::time::timeout(REFUSING_MAX, refusing).await;
}

/// The connection once it is ready for HTTP; `None` if it ended before, took too long, or its
/// handshake failed.
async fn begin(socket: TcpStream, acceptor: TlsAcceptor, limits: &ConnectionLimits) -> Option<Transport> {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "can't set TCP_NODELAY");
    }
    let mut first = [0];
    if tokio::time::timeout(limits.first_byte_max, socket.peek(&mut first)).await.ok()?.ok()? == 0 {
        return None;
    }
    if first[0] != HANDSHAKE {
        return Some(Either::Left(socket));
    }
    match tokio::time::timeout(limits.handshake_max, acceptor.accept(socket)).await {
        Ok(Ok(connection)) => Some(Either::Right(connection)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("a TLS handshake took longer than {:?}", limits.handshake_max);
            None
        }
    }
}
