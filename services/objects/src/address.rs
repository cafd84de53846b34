//! Which bucket and key a request addresses: by path, or with the bucket in the host name.

use http::header::HOST;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// Buckets in the host name: `bucket.localhost`, `bucket.s3.localhost` and the like. All other
/// hosts mean path style.
pub(crate) struct VirtualHosts;

impl S3Host for VirtualHosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let domain = VirtualHost::new(host);
        Ok(match bucket_in_host(host) {
            Some(bucket) => domain.with_bucket(bucket),
            None => domain,
        })
    }
}

fn bucket_in_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.strip_suffix(".localhost")?;
    let bucket = name.strip_suffix(".s3").unwrap_or(name);
    (!bucket.is_empty() && bucket != "s3").then_some(bucket)
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    /// `None` for the bucket itself.
    pub(crate) key: Option<String>,
}

impl Address {
    /// The address in a request's head, or `None` when it names no bucket.
    pub(crate) fn of(request: &Parts) -> Option<Self> {
        let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
        let path = percent_decode_str(request.uri.path()).decode_utf8().ok()?;
        let path = path.strip_prefix('/')?;
        let (bucket, key) = match bucket_in_host(host) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        let key = (!key.is_empty()).then(|| key.to_string());
        (!bucket.is_empty()).then(|| Self { bucket: bucket.to_string(), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn address(host: &str, uri: &str) -> Option<(String, Option<String>)> {
        let request = Request::builder().uri(uri).header(HOST, host).body(()).unwrap();
        Address::of(&request.into_parts().0).map(|address| (address.bucket, address.key))
    }

    #[test]
    fn buckets_are_named_by_path_or_host() {
        let named = |bucket: &str, key: Option<&str>| Some((bucket.to_string(), key.map(str::to_string)));
        assert_eq!(address("127.0.0.1:4566", "/photos/a%2Fb/c"), named("photos", Some("a/b/c")));
        assert_eq!(address("localhost", "/photos/"), named("photos", None));
        assert_eq!(address("photos.localhost:4566", "/a"), named("photos", Some("a")));
        assert_eq!(address("photos.s3.localhost", "/"), named("photos", None));
        assert_eq!(address("s3.localhost", "/photos/a"), named("photos", Some("a")));
        assert_eq!(address("localhost", "/"), None);
        assert_eq!(address("localhost", "/%ff"), None);
    }
}
