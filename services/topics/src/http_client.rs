//! Subscribers by HTTP, beside the targets that ARNs name.

use std::sync::Arc;

use anabranch_ports::{AttributeValue, Delivery, PortError, PortErrorKind, Target};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::OnceCell;

use crate::limits::{HTTP_ANSWER_WAIT_MAX, HTTP_IDLE_CONNECTIONS_MAX, HTTP_IDLE_WAIT_MAX};

/// Takes deliveries for addresses, and hands those for ARNs on. Attributes of a delivery to an
/// address are header fields.
pub(crate) struct EndpointsAndTargets {
    targets: Arc<dyn Target>,
    /// Made when it is first needed: it reads the machine's root certificates.
    client: OnceCell<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

impl EndpointsAndTargets {
    pub(crate) fn around(targets: Arc<dyn Target>) -> Arc<Self> {
        Arc::new(Self { targets, client: OnceCell::new() })
    }

    async fn client(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, PortError> {
        let make = || async {
            let connector = HttpsConnectorBuilder::new().with_native_roots();
            let connector = connector.map_err(|error| unavailable(&error))?.https_or_http().enable_http1().build();
            let mut builder = Client::builder(TokioExecutor::new());
            builder.pool_timer(TokioTimer::new()).pool_idle_timeout(HTTP_IDLE_WAIT_MAX);
            Ok(builder.pool_max_idle_per_host(HTTP_IDLE_CONNECTIONS_MAX).build(connector))
        };
        self.client.get_or_try_init(make).await
    }

    async fn post(&self, url: &str, delivery: Delivery) -> Result<(), PortError> {
        let mut request = Request::post(url).header(USER_AGENT, "Amazon Simple Notification Service Agent");
        for (name, attribute) in &delivery.attributes {
            if let AttributeValue::Text(value) = &attribute.value
                && let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value))
            {
                request = request.header(name, value);
            }
        }
        let refused = |error: http::Error| PortError::new(PortErrorKind::Refused, "InvalidEndpoint", error.to_string());
        let request = request.body(Full::new(delivery.payload)).map_err(refused)?;
        let answer = tokio::time::timeout(HTTP_ANSWER_WAIT_MAX, self.client().await?.request(request)).await;
        let answer = answer.map_err(|_| unavailable(&"no answer in time"))?;
        let status = answer.map_err(|error| unavailable(&describe(&error)))?.status();
        match kind_of(status) {
            None => Ok(()),
            Some(kind) => Err(PortError::new(kind, "HttpStatus", format!("{url} answered {status}"))),
        }
    }
}

/// What a status says: success, or whether trying again may help. SNS repeats what the server failed
/// at, and what was too much.
fn kind_of(status: StatusCode) -> Option<PortErrorKind> {
    match status {
        status if status.is_success() => None,
        StatusCode::TOO_MANY_REQUESTS => Some(PortErrorKind::Throttled),
        status if status.is_server_error() || status.is_informational() => Some(PortErrorKind::Unavailable),
        _ => Some(PortErrorKind::Refused),
    }
}

fn unavailable(reason: &impl std::fmt::Display) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "EndpointUnavailable", reason.to_string())
}

fn describe(error: &hyper_util::client::legacy::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[async_trait]
impl Target for EndpointsAndTargets {
    async fn check(&self, target: &str) -> Result<(), PortError> {
        self.targets.check(target).await
    }

    async fn deliver(&self, target: &str, delivery: Delivery) -> Result<(), PortError> {
        match target.starts_with("arn:") {
            true => self.targets.deliver(target, delivery).await,
            false => self.post(target, delivery).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_failed_at_is_tried_again() {
        let kind = |status| kind_of(StatusCode::from_u16(status).unwrap());
        assert_eq!((kind(200), kind(204)), (None, None));
        assert_eq!((kind(503), kind(429)), (Some(PortErrorKind::Unavailable), Some(PortErrorKind::Throttled)));
        assert_eq!((kind(404), kind(301)), (Some(PortErrorKind::Refused), Some(PortErrorKind::Refused)));
    }
}
