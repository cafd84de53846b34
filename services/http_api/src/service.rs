//! HTTP APIs as the server sees them. Their requests are answered by [`HttpApis::handle`].

use anabranch_protocol::{ApiError, HttpEntry, RequestContext, ResourceType, Section, Service, ServiceModel, Wire};
use anabranch_proxy::message;
use async_trait::async_trait;
use axum::body::Body;
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::HttpApis;
use crate::address::{Address, PATH};
use crate::section::section;

/// What a page may do that has no origin: all but what needs one.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts");

const MODEL: ServiceModel = ServiceModel {
    resource_types: &[ResourceType { name: "AWS::Serverless::HttpApi", properties: &["StageName"], attributes: &[] }],
    wires: &[Wire::Http],
    http: Some(HttpEntry {
        metered_as: "execute-api",
        path_prefixes: &[PATH],
        host_label: Some("execute-api"),
        takes_the_rest: false,
        streams_bodies: false,
        // Which may read an answer is up to the API.
        is_open_to_pages: true,
    }),
    ..ServiceModel::new("apigateway", "API Gateway")
};

#[async_trait]
impl Service for HttpApis {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn handle(&self, _: &RequestContext, request: Request<Body>) -> Response<Body> {
        let Some(address) = Address::of(&request) else { return message(StatusCode::NOT_FOUND, "Not Found") };
        let mut response = HttpApis::handle(self, &address.api_id, &address.path, request).await;
        if address.shares_origin {
            // By path, a page of the API would be of the console's origin, whose pages may call all
            // services. It gets an origin of its own; by host name it has one.
            response.headers_mut().append(CONTENT_SECURITY_POLICY, SANDBOX);
        }
        response
    }

    fn refuse(&self, error: &ApiError, status: u16, _: &str) -> Response<Body> {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        message(status, if error.kind.is_ours() { "Service Unavailable" } else { &error.message })
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section(&self.list())]
    }
}
