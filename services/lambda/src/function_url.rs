//! Function URLs: HTTP requests that invoke a function. (Lambda Developer Guide, "Creating and managing
//! Lambda function URLs".)

mod answers;
mod cors;
mod stream;

use std::collections::BTreeMap;

use anabranch_protocol::Region;
use anabranch_proxy::{Integration, event, message};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use uuid::Uuid;

use crate::Lambda;
use crate::config::LambdaConfig;
use crate::function_id::{LATEST_VERSION, QualifiedFunction};
use crate::invoke::{InvokeOptions, PAYLOAD_BYTES_MAX};
use crate::stored_function::Url;
use answers::{buffered, forbidden, refused};

/// Where function URLs are by path: their id and the request's path follow.
pub(crate) const URL_PATH: &str = "/_aws/lambda-url/";
/// The label behind the first of their host names.
pub(crate) const URL_LABEL: &str = "lambda-url";

/// What a page may do that has no origin: all but what needs one.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts");

/// The URL with the id `url_id`, as `FunctionUrl` has it: at any name below `localhost` this server
/// answers.
pub(crate) fn location(config: &LambdaConfig, url_id: &str, region: &Region) -> String {
    let (scheme, rest) = config.endpoint_url.split_once("://").unwrap_or(("http", &config.endpoint_url));
    let port = rest.trim_end_matches('/').rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{url_id}.{URL_LABEL}.{region}.localhost{port}/")
}

/// The id of the URL that is asked for, and the path behind it; whether it is asked for by path.
fn address(request: &Request<Body>) -> Option<(String, String, bool)> {
    if let Some(rest) = request.uri().path().strip_prefix(URL_PATH) {
        let (id, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        return Some((id.into(), path.into(), true));
    }
    let host = request.uri().host().or_else(|| request.headers().get(HOST)?.to_str().ok())?;
    let (id, _) = host.split_once('.')?;
    Some((id.into(), request.uri().path().into(), false))
}

/// Answers a request to a function URL.
pub(crate) async fn handle(lambda: &Lambda, request: Request<Body>) -> Response<Body> {
    let Some((url_id, path, shares_origin)) = address(&request) else { return forbidden() };
    let Some((record, key)) = lambda.functions.by_url(&url_id) else { return forbidden() };
    let Some(url) = record.urls.get(&key) else { return forbidden() };
    if let Some(answer) = url.cors.as_ref().and_then(|rules| cors::preflight(rules, &request)) {
        return answer;
    }
    let origin = request.headers().get(http::header::ORIGIN).cloned();
    let qualifier = (key != LATEST_VERSION).then_some(key);
    let function = QualifiedFunction { id: record.id(), qualifier };
    let mut response = invoke(lambda, &function, url, &path, request).await;
    if let (Some(rules), Some(origin)) = (&url.cors, origin) {
        cors::add(rules, &origin, response.headers_mut());
    }
    if shares_origin {
        // By path, a page of the function would be of the console's origin, whose pages may call all
        // services. It gets an origin of its own; by host name it has one.
        response.headers_mut().append(CONTENT_SECURITY_POLICY, SANDBOX);
    }
    response
}

async fn invoke(
    lambda: &Lambda,
    function: &QualifiedFunction,
    url: &Url,
    path: &str,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body: Bytes = match Limited::new(body, PAYLOAD_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        Err(_) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
    };
    let request_id = Uuid::new_v4().to_string();
    let account = if url.auth_type == "NONE" { "anonymous" } else { function.id.scope.account.as_str() };
    let integration = Integration {
        api_id: &url.id,
        account,
        stage: "$default",
        route_key: "$default",
        raw_path: path,
        path_parameters: &BTreeMap::new(),
        request_id: &request_id,
        now_ms: lambda.functions.now_ms(),
    };
    let payload = Bytes::from(event(&head, &body, &integration).to_string());
    if url.streams {
        return stream::answer(lambda, function, payload).await;
    }
    match lambda.invoke_qualified(function, payload, InvokeOptions::default()).await {
        Ok(executed) => buffered(executed.outcome.function_error.as_deref(), &executed.outcome.payload),
        Err(error) => refused(error.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_their_id_by_host_or_path() {
        let of = |uri: &str, host: &str| {
            address(&Request::get(uri).header(HOST, host).body(Body::empty()).unwrap()).unwrap()
        };
        let by_host = ("abc".to_string(), "/a/b".to_string(), false);
        assert_eq!(of("/a/b?x=1", "abc.lambda-url.us-east-1.localhost:4566"), by_host);
        assert_eq!(of("/_aws/lambda-url/abc/a/b", "localhost"), ("abc".into(), "/a/b".into(), true));
        assert_eq!(of("/_aws/lambda-url/abc", "localhost"), ("abc".into(), "/".into(), true));
        let config = LambdaConfig::default();
        let url = location(&config, "abc", &Region::default());
        assert_eq!(url, "http://abc.lambda-url.us-east-1.localhost:4566/");
    }
}
