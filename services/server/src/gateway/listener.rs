//! Connections to the one port: plain ones, and TLS where a client begins with a handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// First byte of a TLS connection (RFC 8446, section 5.1: a record of type handshake). No request
/// of HTTP begins with it.
const HANDSHAKE: u8 = 0x16;
/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// A connection that is ready for HTTP.
type Connection = Either<TcpStream, TlsStream<TcpStream>>;

/// Accepts connections of both kinds.
pub(super) struct GatewayListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// Connections that have not said yet which kind they are, or shake hands.
    beginning: JoinSet<Option<(Connection, SocketAddr)>>,
}

impl GatewayListener {
    pub(super) fn new(listener: TcpListener, tls: Arc<ServerConfig>) -> Self {
        Self { listener, acceptor: tls.into(), beginning: JoinSet::new() }
    }
}

impl Listener for GatewayListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            tokio::select! {
                (connection, peer) = Listener::accept(&mut self.listener) => {
                    self.beginning.spawn(begin(connection, peer, self.acceptor.clone()));
                }
                Some(begun) = self.beginning.join_next() => {
                    if let Ok(Some(ready)) = begun {
                        return ready;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The connection once it is ready; `None` if it ended before, or its handshake failed.
async fn begin(connection: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor) -> Option<(Connection, SocketAddr)> {
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "can't set TCP_NODELAY");
    }
    let mut first = [0];
    if connection.peek(&mut first).await.ok()? == 0 {
        return None;
    }
    if first[0] != HANDSHAKE {
        return Some((Either::Left(connection), peer));
    }
    match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(connection)).await {
        Ok(Ok(connection)) => Some((Either::Right(connection), peer)),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "a TLS handshake took longer than {HANDSHAKE_MAX:?}");
            None
        }
    }
}
