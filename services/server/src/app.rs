//! A running server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::Service;
use anabranch_storage::FlushPolicy;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{flush_losses, flush_name};
use crate::data_directory::DataDirectory;
use crate::gateway::{Gateway, server_config};
use crate::{Config, Services, StartError};

/// How long the services may take to stop before the process ends regardless. Nothing is lost
/// then: what was acknowledged is on the disk.
const SHUTDOWN_MAX: Duration = Duration::from_secs(30);

/// A server that answers requests until [`App::stop`].
pub struct App {
    /// Its services.
    pub services: Arc<Services>,
    /// Its settings.
    pub config: Config,
    /// Where it listens, with the port it really has.
    pub address: SocketAddr,
    /// How clients on this machine reach it, such as `http://127.0.0.1:4566`.
    pub base_url: String,
    /// Cancelled when the server should stop; whoever works beside it watches this too.
    pub shutdown: CancellationToken,
    data: DataDirectory,
    gateway: JoinHandle<()>,
    stop_gateway: CancellationToken,
}

impl App {
    /// Listens, takes possession of the data directory, opens all services and begins to
    /// answer. Connections made meanwhile wait.
    ///
    /// # Errors
    /// [`StartError`], in words for the user.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Vec::new()).await
    }

    /// As [`App::start`], with services besides those of the program.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_with(mut config: Config, more: Vec<Arc<dyn Service>>) -> Result<Self, StartError> {
        config.connections.connections_max = config.connections.connections_max.min(config.descriptors.connections_max);
        if config.trusted.origins.iter().any(|origin| origin == "*") {
            tracing::warn!("--cors-origin '*': any page that a browser on this machine shows may use all services");
        }
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().map_err(|source| StartError::Address { address: config.listen, source })?;
        let base_url = base_url(address);
        if config.flush != FlushPolicy::Fsync {
            tracing::warn!(flush = flush_name(config.flush), "{}", flush_losses(config.flush));
        }
        let data = DataDirectory::open(&config.data)?;
        let tls = server_config(config.tls.as_ref(), &data.join("tls"))?;
        let services = Services::open(&data, &config, &base_url, more)?;
        let stop_gateway = CancellationToken::new();
        let data_path = data.path().to_path_buf();
        let gateway = Gateway::new(services.clone(), config.clone(), base_url.clone(), data_path, stop_gateway.clone());
        let gateway = tokio::spawn(gateway.serve(listener, tls));
        let shutdown = CancellationToken::new();
        Ok(Self { services, config, address, base_url, shutdown, data, gateway, stop_gateway })
    }

    /// Begins event source mappings and asynchronous invocations that wait from an earlier run.
    /// Call it once, when the functions they invoke are in place.
    ///
    /// # Errors
    /// [`StartError::Service`] when what is stored of them can't be read.
    pub fn start_functions(&self) -> Result<(), StartError> {
        self.services.start_functions()
    }

    /// The data directory, absolute.
    pub fn data_path(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Stops functions, then finishes the requests under way, then closes the services and releases the
    /// data directory.
    pub async fn stop(self) {
        self.shutdown.cancel();
        // First, and while requests are still answered: a function that can no longer reach the server
        // would fail good records, and its failures count.
        within("functions", self.services.stop_functions()).await;
        self.stop_gateway.cancel();
        if let Err(error) = self.gateway.await {
            tracing::error!(%error, "the gateway did not stop in order");
        }
        within("services", self.services.shutdown()).await;
    }
}

async fn within(what: &str, stopping: impl Future<Output = ()>) {
    if tokio::time::timeout(SHUTDOWN_MAX, stopping).await.is_err() {
        tracing::warn!("the {what} did not stop within {SHUTDOWN_MAX:?}");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse(address),
        _ => StartError::Address { address, source },
    })
}

/// A server that listens everywhere is reached at the loopback address.
fn base_url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://{}:{}", Ipv4Addr::LOCALHOST, address.port()),
        false => format!("http://{address}"),
    }
}
