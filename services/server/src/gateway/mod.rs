//! The one port: HTTP/1.1 and HTTP/2, plain and by TLS, request ids, limits, routing to services.

mod activity;
mod answer;
mod body;
mod call;
mod caller;
mod clock;
mod connection;
mod cors;
mod exposition;
mod guard;
mod gzip;
mod health;
mod http;
mod json;
mod label;
mod limits;
mod listener;
mod metrics;
mod now_and_then;
mod observe;
mod operations;
mod pages;
mod query;
mod registry;
mod rest;
mod room;
mod route;
mod state;
mod tls;
mod trusted;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::problems::problems;
use crate::{Config, Services, console};
use caller::Caller;
pub(crate) use label::Label;
pub(crate) use limits::CONNECTIONS_MAX;
pub use limits::ConnectionLimits;
use listener::GatewayListener;
use metrics::Metrics;
pub(crate) use metrics::resident_bytes;
use now_and_then::NowAndThen;
use observe::RequestId;
use registry::Registry;
use room::Room;
use route::Route;
pub(crate) use state::Gateway;
pub use tls::TlsFiles;
pub(crate) use tls::server_config;
pub use trusted::Trusted;
pub(crate) use trusted::{host_name, origin};

/// How long requests that are being answered may take once the server is told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);

impl Gateway {
    /// A gateway to `services`, reached at `base_url`, that serves until `stop` is cancelled.
    pub(crate) fn new(
        services: Arc<Services>,
        config: Config,
        base_url: String,
        data: PathBuf,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            registry: Registry::new(&services.all),
            services,
            config,
            base_url,
            data,
            started: Instant::now(),
            metrics: Metrics::of_process(),
            connections: Arc::default(),
            room: Room::default(),
            refusals: NowAndThen::default(),
            stop,
        })
    }

    /// Answers requests on `listener`, plain or by TLS, until it is stopped and what was being
    /// answered is answered, or [`DRAIN_MAX`] has passed.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, tls: Arc<ServerConfig>) {
        let (stop, limits) = (self.stop.clone(), self.config.connections);
        let serving = GatewayListener {
            listener,
            tls,
            limits,
            open: self.connections.clone(),
            stop: stop.clone(),
            router: self.router(),
        }
        .serve();
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN_MAX).await;
        };
        tokio::select! {
            () = serving => {}
            () = overdue => tracing::warn!("requests were still being answered after {DRAIN_MAX:?}; they are cut off"),
        }
    }

    fn router(self: Arc<Self>) -> Router {
        let pages = match &self.config.test_clock {
            Some(clock) => Router::new().route("/_anabranch/clock", clock::page(clock)),
            None => Router::new(),
        };
        pages
            .route("/_anabranch", get(|| async { Redirect::permanent(CONSOLE) }))
            .route("/_anabranch/", get(console::page))
            .route("/_anabranch/health", get(health::health))
            .route("/_anabranch/metrics", get(render_metrics))
            .route("/_anabranch/operations", get(operations::operations))
            .route("/_anabranch/{*rest}", axum::routing::any(pages::none))
            .route_layer(axum::middleware::map_response(pages::protect))
            .fallback(answer)
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard::guard))
            .layer(axum::middleware::from_fn_with_state(self.clone(), observe::observe))
            .with_state(self)
    }
}

/// Path of the console page.
const CONSOLE: &str = "/_anabranch/";

async fn render_metrics(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let connections = gateway.connections.load(Ordering::Relaxed);
    let mut measured = metrics::of_server(connections, &problems(&gateway.services, &gateway.data));
    measured.extend(gateway.services.all.iter().flat_map(|service| service.metrics()));
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], gateway.metrics.render(&measured))
}

/// Answers everything outside `/_anabranch/`.
async fn answer(State(gateway): State<Arc<Gateway>>, id: RequestId, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let caller = Caller::of(&head);
    match Route::of(&gateway.registry, &head, &caller) {
        Route::Json { prefix, operation } => {
            json::answer(&gateway, &caller, &id.0, (&prefix, &operation), (head, body)).await
        }
        Route::JsonWithoutTarget => json::without_target(head, body).await,
        Route::Query => query::answer(&gateway, &caller, &id.0, head, body).await,
        Route::Rest(service) => match &service.model().rest {
            Some(style) => rest::answer(&gateway, &caller, &id.0, (service, style), (head, body)).await,
            None => http::unoffered(&id, service.model().id, head, body).await,
        },
        Route::Http(service) => match &service.model().http {
            Some(entry) => http::answer(&gateway, &caller, &id, (service, entry), (head, body)).await,
            None => http::unoffered(&id, service.model().id, head, body).await,
        },
        Route::Unoffered(service) => http::unoffered(&id, &service, head, body).await,
        Route::Console => Redirect::to(CONSOLE).into_response(),
    }
}
