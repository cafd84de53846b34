//! How a request names an API: by path, or by host name.

use axum::body::Body;
use http::Request;
use http::header::HOST;

/// Where APIs are reached by path: `/_aws/execute-api/<api id>/<stage>/...`.
pub(crate) const PATH: &str = "/_aws/execute-api/";

/// An API, and the path that follows its address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) api_id: String,
    pub(crate) path: String,
    /// Whether it is reached by a path, so that its pages would be of the server's own origin.
    pub(crate) shares_origin: bool,
}

impl Address {
    pub(crate) fn of(request: &Request<Body>) -> Option<Self> {
        if let Some(rest) = request.uri().path().strip_prefix(PATH) {
            let (api_id, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            // Some clients escape the dollar sign of `$default`.
            let path = path.strip_prefix("/%24").map_or_else(|| path.to_string(), |rest| format!("/${rest}"));
            return Some(Self { api_id: api_id.into(), path, shares_origin: true });
        }
        let host = request.uri().host().or_else(|| request.headers().get(HOST)?.to_str().ok())?;
        let (api_id, _) = host.split_once('.')?;
        Some(Self { api_id: api_id.into(), path: request.uri().path().into(), shares_origin: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_are_named_by_path_or_host() {
        let address = |uri: &str, host: &str| {
            let request = Request::get(uri).header(HOST, host).body(Body::empty()).unwrap();
            let address = Address::of(&request).unwrap();
            (address.api_id, address.path, address.shares_origin)
        };
        let by_path = |path: &str| ("a1".to_string(), path.to_string(), true);
        assert_eq!(address("/_aws/execute-api/a1/$default/clicks?x=1", "localhost"), by_path("/$default/clicks"));
        assert_eq!(address("/_aws/execute-api/a1/%24default/%24", "localhost"), by_path("/$default/%24"));
        assert_eq!(address("/_aws/execute-api/a1", "localhost"), by_path(""));
        let by_host = address("/clicks?x=1", "a1.execute-api.localhost:4566");
        assert_eq!(by_host, ("a1".to_string(), "/clicks".to_string(), false));
    }
}
