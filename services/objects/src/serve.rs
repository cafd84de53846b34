//! The service from its opening to its end, and a request's way through it: CORS, what is refused
//! before it is read, s3s, and the headers of every answer.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use anabranch_control::ControlStore;
use anabranch_delivery::Outbox;
use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::Clock;
use async_trait::async_trait;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Request, Response};
use parking_lot::Mutex;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::address::{Address, VirtualHosts};
use crate::answer::{Refused, confine, with_argument};
use crate::blob::{Blobs, sync_directory};
use crate::cors::{self, CorsRule};
use crate::error::OpenError;
use crate::health::Health;
use crate::index::DELIVERIES;
use crate::limits::{XML_BYTES_MAX, discard};
use crate::locks::Locks;
use crate::opening::{OpeningError, survey};
use crate::operations::Operations;
use crate::outbox;
use crate::request::prepare;
use crate::store::Objects;

impl Objects {
    /// Opens the store in `directory`, creating it if absent, and goes on delivering
    /// notifications. Files that the index does not explain are moved to `strays`. Needs a Tokio
    /// runtime.
    ///
    /// # Errors
    /// When index or files can't be read, or don't belong together; then nothing is changed.
    pub fn open(
        directory: &Path,
        clock: Arc<dyn Clock>,
        target: Option<Arc<dyn Target>>,
    ) -> Result<Arc<Self>, OpenError> {
        let at = |source| OpenError::Io { path: directory.to_path_buf(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at)?;
        directory.parent().map_or(Ok(()), sync_directory).map_err(at)?;
        let data = directory.join("data");
        let blobs = Blobs::new(data.clone());
        blobs.prune();
        let index = ControlStore::open_tied(&directory.join("index.redb"), &[data])?;
        let strays = directory.join("strays");
        let opened = survey(&index, &blobs, &strays).map_err(|error| match error {
            OpeningError::Index(error) => OpenError::Index(error),
            OpeningError::Io(source) => at(source),
        })?;
        if opened.inventory.strays > 0 {
            let (files, strays) = (opened.inventory.strays, strays.display());
            tracing::warn!(files, %strays, "files that the objects index does not name were moved aside");
        }
        if opened.inventory.missing > 0 {
            let files = opened.inventory.missing;
            tracing::error!(files, "files that the objects index names are not there");
        }
        let takers = target.clone().unwrap_or_else(|| Arc::new(Nobody));
        let outbox = Outbox::open(DELIVERIES, index.clone(), clock.clone(), takers, outbox::LIMITS);
        outbox::take_over(&index, &outbox)?;
        if target.is_some() {
            outbox.start()?;
        }
        Ok(Arc::new_cyclic(|this: &Weak<Self>| Self {
            index,
            blobs,
            health: Health::found(opened.inventory),
            locks: Locks::default(),
            sequence: AtomicU64::new((clock.now_ms() << 20).max(opened.sequence)),
            cleared: Mutex::default(),
            clock,
            counts: Mutex::new(opened.counts),
            outbox,
            target,
            service: service(this.clone()),
            this: this.clone(),
        }))
    }

    /// Ends the delivery of notifications; those waiting are delivered after the next start.
    pub async fn shutdown(&self) {
        self.outbox.close().await;
        self.index.close();
    }

    /// Answers one request of the S3 REST API.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let address = Address::of(&head);
        let origin = cors::origin(&head).map(str::to_string);
        let method = head.method.clone();
        let mut response = if method == Method::OPTIONS {
            self.preflight(&head, address.as_ref()).await
        } else {
            self.answer(Request::from_parts(head, body)).await
        };
        if let (Some(origin), Some(address)) = (origin, address)
            && method != Method::OPTIONS
            && let Some(rules) = self.cors_rules(&address.bucket).await
        {
            cors::mark(&rules, &origin, method.as_str(), response.headers_mut());
        }
        confine(response.headers_mut());
        response
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if is_form(&request) {
            discard(request.into_body()).await;
            let message =
                "Uploads by HTML forms (POST) are not supported; use PutObject, with a presigned URL if need be.";
            return Refused::new(501, "NotImplemented", message).response();
        }
        let request = match prepare(request, &*self.clock).await {
            Ok(request) => request,
            Err(refused) => return refused.response(),
        };
        match self.service.call(request).await {
            Ok(response) => with_argument(response.map(Body::new)),
            Err(error) => {
                tracing::error!(?error, "answering an S3 request");
                Refused::new(500, "InternalError", "We failed to answer.").response()
            }
        }
    }

    async fn preflight(&self, head: &Parts, address: Option<&Address>) -> Response<Body> {
        let rules = match address {
            Some(address) => self.cors_rules(&address.bucket).await,
            None => None,
        };
        let has_key = address.is_some_and(|address| address.key.is_some());
        match cors::preflight(rules.as_deref(), head, has_key) {
            Ok(headers) => {
                let mut response = Response::new(Body::empty());
                *response.headers_mut() = headers;
                response
            }
            Err(refused) => refused.response(),
        }
    }

    /// The bucket that a request to S3 addresses, by its path or its host name.
    pub fn bucket_of(request: &Parts) -> Option<String> {
        Address::of(request).map(|address| address.bucket)
    }

    /// Whether the CORS rules of `bucket` let pages of `origin` send it requests with `method`. A
    /// preflight (`OPTIONS`) is let in where any method is.
    pub async fn allows_origin(&self, bucket: &str, origin: &str, method: &str) -> bool {
        self.cors_rules(bucket).await.is_some_and(|rules| cors::allows(&rules, origin, method))
    }

    /// The CORS rules of a bucket, `None` if there is no such bucket.
    async fn cors_rules(&self, bucket: &str) -> Option<Vec<CorsRule>> {
        self.bucket(bucket).await.ok().map(|bucket| bucket.cors)
    }
}

/// Whether a request is an upload by an HTML form. Any web page can send one without asking, and
/// s3s would read it into memory.
fn is_form(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    request.method() == Method::POST
        && content_type.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

/// Takes no notifications; they wait for a start with somebody who does.
struct Nobody;

#[async_trait]
impl Target for Nobody {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        Err(PortError::new(PortErrorKind::NotFound, "NoTarget", target_arn))
    }

    async fn deliver(&self, target_arn: &str, _: Delivery) -> Result<(), PortError> {
        Err(PortError::new(PortErrorKind::Unavailable, "NoTarget", target_arn))
    }
}

fn service(objects: Weak<Objects>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Operations(objects));
    builder.set_host(VirtualHosts);
    let mut config = S3Config::default();
    config.xml_max_body_size = XML_BYTES_MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.build()
}
