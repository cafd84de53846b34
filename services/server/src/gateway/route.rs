//! Which service a request is for, decided from its head alone.

use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::{Method, Uri};

use super::caller::Caller;

/// Where HTTP APIs are reached by path: `/_aws/execute-api/<api id>/<stage>/...`.
const HTTP_API_PATH: &str = "/_aws/execute-api/";
/// The stage that an HTTP API serves without naming it.
const DEFAULT_STAGE: &str = "$default";
/// The version of the Lambda API that all its clients use.
const LAMBDA_PATH: &str = "/2015-03-31/";

/// A request's destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `X-Amz-Target: <prefix>.<operation>`.
    Json { prefix: String, operation: String },
    /// A call of an AWS JSON service that does not say which.
    JsonWithoutTarget,
    /// An HTTP API; `uri` is what its own clients would ask for.
    HttpApi { api_id: String, stage: String, uri: Uri },
    /// Lambda's REST API.
    Lambda,
    /// S3.
    Objects,
    /// A service that is not offered, by the name in the credential scope.
    Unoffered(String),
    /// A person with a browser at the root.
    Console,
}

impl Route {
    /// The route of the request with head `request`.
    pub(crate) fn of(request: &Parts, caller: &Caller) -> Self {
        if let Some(route) = http_api(request) {
            return route;
        }
        if let Some(target) = request.headers.get("x-amz-target") {
            let target = target.to_str().unwrap_or_default();
            let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
            return Self::Json { prefix: prefix.into(), operation: operation.into() };
        }
        let content_type = header(request, CONTENT_TYPE.as_str());
        if content_type.starts_with("application/x-amz-") {
            return Self::JsonWithoutTarget;
        }
        match caller.service.as_deref() {
            Some("s3" | "s3express") => Self::Objects,
            Some("lambda") => Self::Lambda,
            _ if request.uri.path().starts_with(LAMBDA_PATH) => Self::Lambda,
            Some("kinesis" | "firehose" | "dynamodb") => Self::JsonWithoutTarget,
            Some(service) => Self::Unoffered(service.into()),
            None if is_browser(request) => Self::Console,
            None => Self::Objects,
        }
    }
}

/// HTTP APIs by path, or by a host such as `abc123.execute-api.localhost:4566`.
fn http_api(request: &Parts) -> Option<Route> {
    if let Some(rest) = request.uri.path().strip_prefix(HTTP_API_PATH) {
        let mut parts = rest.splitn(3, '/');
        let api_id = parts.next()?.to_string();
        let stage = parts.next().unwrap_or_default().replace("%24", "$");
        let stage = if stage.is_empty() { DEFAULT_STAGE.to_string() } else { stage };
        let path = parts.next().unwrap_or_default();
        let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = format!("/{path}{query}").parse().ok()?;
        return Some(Route::HttpApi { api_id, stage, uri });
    }
    let host = request.uri.host().unwrap_or_else(|| header(request, HOST.as_str()));
    let (api_id, rest) = host.split_once(".execute-api.")?;
    let plain = !api_id.is_empty() && api_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let ours = plain && !rest.is_empty();
    ours.then(|| Route::HttpApi { api_id: api_id.into(), stage: DEFAULT_STAGE.into(), uri: request.uri.clone() })
}

fn is_browser(request: &Parts) -> bool {
    request.method == Method::GET
        && request.uri.path() == "/"
        && request.uri.query().is_none()
        && header(request, ACCEPT.as_str()).contains("text/html")
}

fn header<'a>(request: &'a Parts, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn route(uri: &str, headers: &[(&str, &str)]) -> Route {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Route::of(&parts, &Caller::of(&parts))
    }

    fn scope(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=k/20261120/us-east-1/{service}/aws4_request, Signature=0")
    }

    #[test]
    fn targets_name_service_and_operation() {
        let expected = Route::Json { prefix: "Kinesis_20131202".into(), operation: "PutRecord".into() };
        assert_eq!(route("/", &[("x-amz-target", "Kinesis_20131202.PutRecord")]), expected);
        let expected = Route::Json { prefix: String::new(), operation: "PutRecord".into() };
        assert_eq!(route("/", &[("x-amz-target", "PutRecord")]), expected);
        assert_eq!(route("/", &[("content-type", "application/x-amz-json-1.1")]), Route::JsonWithoutTarget);
    }

    #[test]
    fn http_apis_are_reached_by_path_and_by_host() {
        let by_path =
            Route::HttpApi { api_id: "a1".into(), stage: "$default".into(), uri: "/clicks?x=1".parse().unwrap() };
        assert_eq!(route("/_aws/execute-api/a1/$default/clicks?x=1", &[]), by_path);
        assert_eq!(route("/_aws/execute-api/a1/%24default/clicks?x=1", &[]), by_path);
        let root = Route::HttpApi { api_id: "a1".into(), stage: "prod".into(), uri: "/".parse().unwrap() };
        assert_eq!(route("/_aws/execute-api/a1/prod", &[]), root);
        let by_host = route("/clicks?x=1", &[("host", "a1.execute-api.localhost:4566")]);
        assert_eq!(by_host, by_path);
    }

    #[test]
    fn the_credential_scope_decides_between_rest_services() {
        assert_eq!(route("/2015-03-31/functions", &[]), Route::Lambda);
        assert_eq!(route("/2015-03-31/functions", &[("authorization", &scope("s3"))]), Route::Objects);
        assert_eq!(route("/", &[("authorization", &scope("sts"))]), Route::Unoffered("sts".into()));
        assert_eq!(route("/bucket/key", &[]), Route::Objects);
        assert_eq!(route("/", &[("accept", "text/html,*/*")]), Route::Console);
        assert_eq!(route("/", &[("accept", "*/*")]), Route::Objects);
    }
}
