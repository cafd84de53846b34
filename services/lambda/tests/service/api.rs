//! Requests of the REST API, as the gateway hands them on.

use anabranch_lambda::{Lambda, LambdaConfig, Scope};
use anabranch_protocol::{Answer, ApiError, Call, RequestContext, RestRequest, Service as _, rest_error};
use axum::body::{Body, to_bytes};
use http::{Request, Response};
use serde_json::Value;
use std::sync::Arc;

use crate::fixture::{Service, eventually, function, open};

/// A request's way through the gateway.
pub(crate) async fn answer(lambda: Arc<Lambda>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (model, context) = (lambda.model(), RequestContext::default());
    let style = model.rest.unwrap();
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let answered = async {
        let matched = model.matching(head.method.as_str(), path, query);
        let matched = matched.map_err(|error| ApiError::invalid(style.malformed_member, error.to_string()))?;
        let matched = matched.ok_or_else(|| ApiError::unknown_operation(&format!("{} {path}", head.method)))?;
        let operation = model.offered(matched.operation.name)?;
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let request = RestRequest::read(style, matched, &head, body)?;
        match lambda.perform(&Call::rest(context.clone(), operation, request)).await? {
            Answer::Http(answer) => Ok(answer),
            _ => panic!("not an answer in HTTP"),
        }
    };
    let answer = answered.await.unwrap_or_else(|error| rest_error(&style, &error, &context.request_id));
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}

/// The service, called by its REST API.
pub(crate) struct Api {
    pub(crate) service: Service,
    directory: tempfile::TempDir,
}

impl Api {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = open(directory.path(), LambdaConfig::default());
        service.lambda.put_function(function("f")).await.unwrap();
        service.lambda.start().unwrap();
        Self { service, directory }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(self.service.lambda.clone(), request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self.send(method, path, &[], body.to_string()).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// What the function returned, and the version that was run.
    pub(crate) async fn invoke(&self, name: &str, query: &str, event: Value) -> (String, Value) {
        let path = format!("/2015-03-31/functions/{name}/invocations{query}");
        let response = self.send("POST", &path, &[], event.to_string()).await;
        let version = header(&response, "x-amz-executed-version").unwrap_or_default().to_string();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (version, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Status, exception and message of a request that is refused.
    pub(crate) async fn refusal(&self, method: &str, path: &str, body: Value) -> (u16, String, String) {
        let response = self.send(method, path, &[], body.to_string()).await;
        let (status, code) = (response.status().as_u16(), header(&response, "x-amzn-errortype").map(str::to_string));
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap();
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str);
        (status, code.unwrap_or_else(|| panic!("no refusal: {body}")), message.unwrap_or_default().to_string())
    }

    pub(crate) fn put_object(&self, name: &str, content: Vec<u8>) {
        self.service.objects.0.lock().unwrap().push((name.into(), content.into()));
    }

    /// Waits until so many packages are kept.
    pub(crate) async fn packages_become(&self, count: usize) {
        let directory = self.directory.path().join("lambda/code");
        let kept = || std::fs::read_dir(&directory).unwrap().count();
        eventually(&format!("{count} packages"), || kept() == 2 * count).await;
    }

    /// The service, stopped and opened again.
    pub(crate) async fn reopen(self) -> Self {
        let Self { service, directory } = self;
        service.lambda.shutdown().await;
        service.control.close();
        let service = open(directory.path(), LambdaConfig::default());
        service.lambda.start().unwrap();
        Self { service, directory }
    }

    pub(crate) async fn state_becomes(&self, uuid: &str, state: &str) {
        let has_state =
            || self.service.lambda.get_event_source_mapping(&Scope::default(), uuid).unwrap().state.name() == state;
        eventually(state, has_state).await;
    }
}

pub(crate) fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
