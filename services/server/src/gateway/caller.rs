//! Who a request says it comes from. Signatures are not checked: any credentials work, and the
//! account, region and service are taken from them.

use anabranch_protocol::{Account, RequestContext};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use percent_encoding::percent_decode_str;

use super::connection::Scheme;

/// Header of the session token of temporary credentials.
const SESSION_TOKEN: &str = "x-amz-security-token";

/// What the credentials of a request say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Caller {
    /// Whether the request carries credentials of any form.
    pub(crate) signed: bool,
    access_key_id: Option<String>,
    /// That of temporary credentials.
    session_token: Option<String>,
    region: Option<String>,
    /// The service of the credential scope, such as `s3`.
    pub(crate) service: Option<String>,
    /// Scheme and authority that the request was sent to.
    endpoint: Option<String>,
}

impl Caller {
    /// Reads the `Authorization` header, or the query of a presigned URL.
    pub(crate) fn of(request: &Parts) -> Self {
        let token = request.headers.get(SESSION_TOKEN).and_then(|token| Some(token.to_str().ok()?.to_string()));
        Self { session_token: token, endpoint: endpoint(request), ..Self::of_credentials(request) }
    }

    fn of_credentials(request: &Parts) -> Self {
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(header) = header {
            let credential = header.split_once("Credential=").map(|(_, rest)| rest);
            let credential = credential.map(|rest| rest.split([',', ' ']).next().unwrap_or_default());
            return credential.map_or_else(|| Self::of_other_scheme(header), Self::of_credential);
        }
        let query = request.uri.query().unwrap_or_default();
        let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        match (parameter("X-Amz-Credential"), parameter("AWSAccessKeyId")) {
            (Some(credential), _) => Self::of_credential(&percent_decode_str(credential).decode_utf8_lossy()),
            (None, Some(_)) => Self::of_s3_signature_2(),
            (None, None) => Self { signed: parameter("X-Amz-Signature").is_some(), ..Self::default() },
        }
    }

    /// `KEY/date/region/service/aws4_request`; keys may contain slashes, the rest can't.
    /// Signature version 4A leaves the region out.
    fn of_credential(credential: &str) -> Self {
        let mut parts = credential.rsplit('/').skip(1);
        let service = parts.next().map(str::to_string);
        let region = parts.next().filter(|part| !is_date(part)).map(str::to_string);
        let access_key_id = credential.split('/').next().map(str::to_string);
        Self { signed: true, access_key_id, region, service, ..Self::default() }
    }

    fn of_other_scheme(header: &str) -> Self {
        match header.starts_with("AWS ") {
            true => Self::of_s3_signature_2(),
            false => Self { signed: true, ..Self::default() },
        }
    }

    /// Only S3 ever took signature version 2 in this form.
    fn of_s3_signature_2() -> Self {
        Self { signed: true, service: Some("s3".into()), ..Self::default() }
    }

    /// The context that services act in. The access key id may tell the account.
    pub(crate) fn context(&self, request_id: &str) -> RequestContext {
        let account = self.access_key_id.as_deref().and_then(Account::of_access_key).unwrap_or(Account::DEFAULT);
        let region = self.region.as_deref().and_then(|region| region.parse().ok()).unwrap_or_default();
        let mut context = RequestContext::new(region, account);
        context.request_id = request_id.to_string();
        context.session_token.clone_from(&self.session_token);
        context.endpoint.clone_from(&self.endpoint);
        context
    }
}

/// Where the client sent the request, by the names that it has for that.
fn endpoint(request: &Parts) -> Option<String> {
    let scheme = request.extensions.get().map_or("http", |scheme: &Scheme| scheme.0);
    let host = || request.headers.get(HOST)?.to_str().ok();
    let authority = request.uri.authority().map(Authority::as_str).or_else(host)?;
    Some(format!("{scheme}://{authority}"))
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::Region;
    use axum::http::Request;

    fn caller(uri: &str, authorization: Option<&str>) -> Caller {
        let mut request = Request::builder().uri(uri);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        Caller::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_scope_names_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=123456789012/20261120/eu-west-1/kinesis/aws4_request, \
                      SignedHeaders=host, Signature=00";
        let caller = caller("/", Some(header));
        assert_eq!(caller.service.as_deref(), Some("kinesis"));
        let context = caller.context("id");
        assert_eq!((context.region.as_str(), context.account.as_str()), ("eu-west-1", "123456789012"));
    }

    #[test]
    fn the_endpoint_is_what_the_client_calls_it() {
        let endpoint = |uri: &str, host: Option<&str>| {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            Caller::of(&request.body(()).unwrap().into_parts().0).context("id").endpoint
        };
        assert_eq!(endpoint("/", Some("localhost:4566")).as_deref(), Some("http://localhost:4566"));
        assert_eq!(endpoint("http://box:1/q", Some("other")).as_deref(), Some("http://box:1"));
        assert_eq!(endpoint("/", None), None);
    }

    #[test]
    fn presigned_urls_count_as_signed() {
        let uri = "/b/k?X-Amz-Credential=AKIA%2F20261120%2Fus-west-2%2Fs3%2Faws4_request&X-Amz-Signature=00";
        let presigned = caller(uri, None);
        assert!(presigned.signed);
        assert_eq!(presigned.service.as_deref(), Some("s3"));
        assert_eq!(presigned.context("id").region.as_str(), "us-west-2");
        assert_eq!(caller("/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", None).service.as_deref(), Some("s3"));
    }

    #[test]
    fn odd_credentials_fall_back_to_the_defaults() {
        for header in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=a/b/c", "AWS k:s"] {
            let caller = caller("/", Some(header));
            assert!(caller.signed, "{header}");
            let context = caller.context("id");
            assert_eq!(context.account, Account::DEFAULT);
        }
        let strange = "AWS4-HMAC-SHA256 Credential=a/20261120/<b>:x/kinesis/aws4_request";
        assert_eq!(caller("/", Some(strange)).context("id").region.as_str(), Region::DEFAULT_NAME);
        let version_4a = "AWS4-ECDSA-P256-SHA256 Credential=a/20261120/s3/aws4_request";
        assert_eq!(caller("/", Some(version_4a)).context("id").region.as_str(), Region::DEFAULT_NAME);
        assert!(!caller("/", None).signed);
    }
}
