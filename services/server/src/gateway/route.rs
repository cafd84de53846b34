//! Which service a request is for, decided from its head alone.

use axum::http::Method;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST};
use axum::http::request::Parts;

use super::caller::Caller;

/// Where the server's own pages are.
pub(crate) const PAGES: &str = "/_anabranch";
/// Where HTTP APIs are reached by path: `/_aws/execute-api/<api id>/<stage>/...`.
const HTTP_API_PATH: &str = "/_aws/execute-api/";
/// The version of the Lambda API that all its clients use.
const LAMBDA_PATH: &str = "/2015-03-31/";

/// A request's destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `X-Amz-Target: <prefix>.<operation>`.
    Json { prefix: String, operation: String },
    /// A call of an AWS JSON service that does not say which.
    JsonWithoutTarget,
    /// A call by the Query protocol.
    Query,
    /// An HTTP API, and the path that follows its address.
    HttpApi { api_id: String, path: String },
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
        let names_version = |form: &str| form.split('&').any(|pair| pair.starts_with("Version="));
        let is_form = content_type.starts_with("application/x-www-form-urlencoded");
        let has_action = request.uri.query().is_some_and(|query| query.contains("Action=") && names_version(query));
        match caller.service.as_deref() {
            Some("s3" | "s3express") => Self::Objects,
            Some("lambda") => Self::Lambda,
            _ if request.uri.path().starts_with(LAMBDA_PATH) => Self::Lambda,
            Some("kinesis" | "firehose" | "dynamodb") => Self::JsonWithoutTarget,
            _ if request.uri.path() == "/" && (is_form || has_action) => Self::Query,
            Some(service) => Self::Unoffered(service.into()),
            None if is_browser(request) => Self::Console,
            None => Self::Objects,
        }
    }
}

/// Whether the request is for an HTTP API.
pub(crate) fn is_http_api(request: &Parts) -> bool {
    http_api(request).is_some()
}

/// Whether the request is for an HTTP API by its path, which it shares with all else.
pub(crate) fn is_http_api_by_path(request: &Parts) -> bool {
    request.uri.path().starts_with(HTTP_API_PATH)
}

/// HTTP APIs by path, or by a host such as `abc123.execute-api.localhost:4566`.
fn http_api(request: &Parts) -> Option<Route> {
    if let Some(rest) = request.uri.path().strip_prefix(HTTP_API_PATH) {
        let (api_id, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // Some clients escape the dollar sign of `$default`.
        let path = path.strip_prefix("/%24").map_or_else(|| path.to_string(), |rest| format!("/${rest}"));
        return Some(Route::HttpApi { api_id: api_id.into(), path });
    }
    let host = request.uri.host().unwrap_or_else(|| header(request, HOST.as_str()));
    let (api_id, rest) = host.split_once(".execute-api.")?;
    let plain = !api_id.is_empty() && api_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let ours = plain && !rest.is_empty();
    ours.then(|| Route::HttpApi { api_id: api_id.into(), path: request.uri.path().into() })
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
    fn forms_and_actions_are_of_the_query_protocol() {
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(route("/", &[form, ("authorization", &scope("sts"))]), Route::Query);
        assert_eq!(route("/", &[form]), Route::Query);
        assert_eq!(route("/?Action=GetCallerIdentity&Version=2011-06-15", &[]), Route::Query);
        assert_eq!(route("/bucket?Action=x&Version=1", &[]), Route::Objects);
        assert_eq!(route("/", &[form, ("authorization", &scope("kinesis"))]), Route::JsonWithoutTarget);
    }

    #[test]
    fn http_apis_are_reached_by_path_and_by_host() {
        let to = |path: &str| Route::HttpApi { api_id: "a1".into(), path: path.into() };
        assert_eq!(route("/_aws/execute-api/a1/$default/clicks?x=1", &[]), to("/$default/clicks"));
        assert_eq!(route("/_aws/execute-api/a1/%24default/%24", &[]), to("/$default/%24"));
        assert_eq!(route("/_aws/execute-api/a1", &[]), to(""));
        assert_eq!(route("/clicks?x=1", &[("host", "a1.execute-api.localhost:4566")]), to("/clicks"));
        assert_eq!(route("/clicks", &[("host", ".execute-api.localhost")]), Route::Objects);
    }

    #[test]
    fn the_credential_scope_decides_between_rest_services() {
        assert_eq!(route("/2015-03-31/functions", &[]), Route::Lambda);
        assert_eq!(route("/2015-03-31/functions", &[("authorization", &scope("s3"))]), Route::Objects);
        assert_eq!(route("/", &[("authorization", &scope("batch"))]), Route::Unoffered("batch".into()));
        assert_eq!(route("/bucket/key", &[]), Route::Objects);
        assert_eq!(route("/", &[("accept", "text/html,*/*")]), Route::Console);
        assert_eq!(route("/", &[("accept", "*/*")]), Route::Objects);
    }
}
