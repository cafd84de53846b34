//! Which web pages and host names may reach the server: its own, and those it was told of.
//!
//! No credentials are checked here, and a browser on this machine reaches the loopback address on
//! behalf of any page. Two things tell such requests from those of the user's programs. Browsers
//! say which page a request comes from (`Origin`, `Sec-Fetch-Site`); SDKs say neither. And a page
//! whose own name was made to resolve to this machine ("DNS rebinding") is of the same origin as
//! the server, but by a name that is not the server's.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONNECTION, HOST, ORIGIN, REFERER};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use axum::middleware::Next;

use super::answer::{Refusal, refusal};
use super::caller::Caller;
use super::connection::Scheme;
use super::limits::HEAD_FIELDS_MAX;
use super::observe::RequestId;
use super::route::Route;
use super::trusted::Trusted;
use super::{Gateway, Label, cors};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Most bytes of a host name or origin that a message repeats; names have no more.
const SHOWN_BYTES_MAX: usize = 255;

/// The layer in front of all routes. It looks at a request's head only.
pub(super) async fn guard(
    State(gateway): State<Arc<Gateway>>,
    id: RequestId,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let addressed = gateway.registry.by_address(&head).and_then(|service| service.model().http);
    let is_open = addressed.is_some_and(|entry| entry.is_open_to_pages);
    let page = match admit(&head, &gateway.config.trusted, is_open) {
        Ok(page) => page,
        Err(refused) => return refuse(&gateway, &id, &head, &refused),
    };
    let Page::Other(origin) = page else { return next.run(Request::from_parts(head, body)).await };
    if gateway.config.trusted.allows_origin(&origin) {
        if let Some(answer) = cors::preflight(&head, &origin) {
            return answer;
        }
        let mut response = next.run(Request::from_parts(head, body)).await;
        cors::allow(response.headers_mut(), &origin);
        return response;
    }
    if let Route::Http(service) = Route::of(&gateway.registry, &head, &Caller::of(&head))
        && service.admits_page(&head, &origin).await
    {
        // The preflight, too, is answered by the service.
        return next.run(Request::from_parts(head, body)).await;
    }
    refuse(&gateway, &id, &head, &foreign(&origin))
}

fn refuse(gateway: &Gateway, id: &RequestId, head: &Parts, refused: &Refusal) -> Response<Body> {
    gateway.refusals.warn(|more| {
        tracing::warn!(request_id = id.0, method = %head.method, more, "refused: {}", refused.message);
    });
    let mut response = refusal(&gateway.registry, head, &id.0, refused);
    if head.version < Version::HTTP_2 {
        // What it still sends is not read.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.extensions_mut().insert(Label::new("anabranch", "refused"));
    response
}

fn foreign(origin: &str) -> Refusal {
    let message = match origin {
        NOWHERE => "Pages without an origin of their own may not reach this server. If all pages may, start it with \
                    --cors-origin '*'"
            .into(),
        origin => format!(
            "Pages of the origin {0} may not reach this server. If they should, start it with --cors-origin {0}",
            shown(origin)
        ),
    };
    Refusal { status: StatusCode::FORBIDDEN, message }
}

/// As much of what a client sent as belongs in a message.
fn shown(text: &str) -> &str {
    text.get(..SHOWN_BYTES_MAX).unwrap_or(text)
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// No page, one of the server's own, or one that can do no harm so.
    Own,
    /// A page of this origin; [`NOWHERE`] if it is not told.
    Other(String),
}

/// The origin of pages that have none to tell: sandboxed ones, files.
const NOWHERE: &str = "null";

/// Checks the head of a request: its form, the host that it names and the page it comes from, unless
/// its service `is_open` to pages of any origin.
pub(super) fn admit(head: &Parts, trusted: &Trusted, is_open: bool) -> Result<Page, Refusal> {
    let refuse = |status, message| Err(Refusal { status, message });
    if head.headers.len() > HEAD_FIELDS_MAX {
        let message = format!("The request has more than {HEAD_FIELDS_MAX} header fields.");
        return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message);
    }
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, format!("The method {} is not allowed.", head.method));
    }
    let host = host(head).map_err(|message| Refusal { status: StatusCode::BAD_REQUEST, message: message.into() })?;
    if let Some(host) = &host
        && !trusted.allows_host(host.host())
    {
        let message = format!(
            "This server is not known by the host name {0}. If it should be, start it with --host-name {0}",
            shown(host.host())
        );
        return refuse(StatusCode::FORBIDDEN, message);
    }
    if is_open {
        return Ok(Page::Own);
    }
    Ok(page(head, host.as_ref()))
}

/// The host that a request names, in its target or in `Host`; only HTTP/1.0 may leave it out.
fn host(head: &Parts) -> Result<Option<Authority>, &'static str> {
    let mut fields = head.headers.get_all(HOST).iter();
    let field = match (fields.next(), fields.next()) {
        (Some(field), None) => {
            let authority = field.to_str().ok().and_then(|field| field.parse::<Authority>().ok());
            Some(authority.ok_or("The Host header is not a host name with an optional port.")?)
        }
        (None, _) => None,
        (Some(_), Some(_)) => return Err("The request has more than one Host header."),
    };
    match (head.uri.authority(), field) {
        (Some(target), Some(field)) if *target != field => Err("The request names two different hosts."),
        (Some(target), _) => Ok(Some(target.clone())),
        (None, Some(field)) => Ok(Some(field)),
        (None, None) if head.version < Version::HTTP_11 => Ok(None),
        (None, None) => Err("The request has no Host header."),
    }
}

/// The page that a request comes from.
fn page(head: &Parts, host: Option<&Authority>) -> Page {
    let site = header(head, &FETCH_SITE);
    let is_same_site = matches!(site, None | Some("none" | "same-origin"));
    let mut origins = head.headers.get_all(ORIGIN).iter();
    if let Some(first) = origins.next() {
        let origin = first.to_str().unwrap_or(NOWHERE);
        let scheme = head.extensions.get().map_or("http", |scheme: &Scheme| scheme.0);
        let is_own = origins.next().is_none() && host.is_some_and(|host| is_of(origin, scheme, host));
        return if is_own && is_same_site { Page::Own } else { Page::Other(origin.into()) };
    }
    if is_same_site || is_navigation(head) {
        return Page::Own;
    }
    // Images, scripts and the like: only `Referer`, if anything, names their page.
    let referrer = header(head, &REFERER).and_then(|referrer| referrer.parse::<axum::http::Uri>().ok());
    let origin = referrer.and_then(|page| Some(format!("{}://{}", page.scheme_str()?, page.authority()?)));
    Page::Other(origin.unwrap_or_else(|| NOWHERE.into()))
}

/// Whether `origin` is the server itself as it was reached. Other ports of this machine are not.
fn is_of(origin: &str, scheme: &str, host: &Authority) -> bool {
    let Some((origin_scheme, authority)) = origin.split_once("://") else { return false };
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    origin_scheme == scheme && authority.host().eq_ignore_ascii_case(host.host()) && port(&authority) == port(host)
}

/// Whether somebody followed a link: the page behind it replaces the one with the link, which
/// learns nothing. Nothing is changed by GET.
fn is_navigation(head: &Parts) -> bool {
    matches!(head.method, Method::GET | Method::HEAD)
        && header(head, &FETCH_MODE) == Some("navigate")
        && header(head, &FETCH_DEST) == Some("document")
}

fn header<'a>(head: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    head.headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn trusted() -> Trusted {
        Trusted { host_names: vec!["box".into(), "*.example.com".into()], origins: Vec::new() }
    }

    #[test]
    fn only_the_servers_own_names_are_served() {
        for host in [
            "localhost",
            "LOCALHOST:4566",
            "localhost.:4566",
            "bucket.localhost:4566",
            "bucket.s3.localhost",
            "a1.execute-api.localhost",
            "127.0.0.1:4566",
            "127.8.9.1",
            "[::1]:4566",
            "192.168.1.7:4566",
            "box:4566",
            "pipeline.example.com",
        ] {
            assert_eq!(admit(&head("GET", "/", &[("host", host)]), &trusted(), false), Ok(Page::Own), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            ".localhost.evil",
            "a1.execute-api.evil.example",
            "example.com",
            "a.box",
            "1",
            "x",
        ] {
            let refused = admit(&head("GET", "/", &[("host", host)]), &trusted(), false).unwrap_err();
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{host}");
            assert!(refused.message.contains(&format!("--host-name {host}")), "{refused:?}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let status = |head: &Parts| admit(head, &trusted(), false).unwrap_err().status;
        assert_eq!(status(&head("GET", "/", &[])), StatusCode::BAD_REQUEST);
        assert_eq!(status(&head("GET", "/", &[("host", "localhost"), ("host", "box")])), StatusCode::BAD_REQUEST);
        assert_eq!(status(&head("GET", "/", &[("host", "a/b")])), StatusCode::BAD_REQUEST);
        assert_eq!(status(&head("GET", "http://localhost/", &[("host", "box")])), StatusCode::BAD_REQUEST);
        assert_eq!(status(&head("GET", "http://evil.example/", &[("host", "evil.example")])), StatusCode::FORBIDDEN);
        assert_eq!(status(&head("GET", "http://evil.example/", &[])), StatusCode::FORBIDDEN);
        assert!(admit(&head("GET", "http://localhost/", &[]), &trusted(), false).is_ok());
        let mut old = head("GET", "/", &[]);
        old.version = Version::HTTP_10;
        assert!(admit(&old, &trusted(), false).is_ok());
    }

    fn page_of(method: &str, headers: &[(&str, &str)]) -> Page {
        let mut all = vec![("host", "localhost:4566")];
        all.extend(headers);
        admit(&head(method, "/bucket/key", &all), &trusted(), false).unwrap()
    }

    #[test]
    fn pages_of_other_origins_are_told() {
        let other = |origin: &str| Page::Other(origin.into());
        for origin in ["http://localhost:3000", "https://localhost:4566", "http://127.0.0.1:4566", "null", "evil", ""] {
            assert_eq!(page_of("POST", &[("origin", origin)]), other(origin));
        }
        let own = ("origin", "http://LOCALHOST:4566");
        assert_eq!(page_of("POST", &[own]), Page::Own);
        assert_eq!(page_of("POST", &[own, ("sec-fetch-site", "same-origin")]), Page::Own);
        assert_ne!(page_of("POST", &[own, ("sec-fetch-site", "cross-site")]), Page::Own);
        assert_ne!(page_of("POST", &[own, ("origin", "http://evil.example")]), Page::Own);
        assert_eq!(page_of("GET", &[]), Page::Own);
        assert_eq!(page_of("GET", &[("sec-fetch-site", "none")]), Page::Own);
        // Another port of this machine is of the same site and of another origin.
        for site in ["cross-site", "same-site", "who-knows"] {
            let image = [("sec-fetch-site", site), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
            assert_eq!(page_of("GET", &image), other("null"), "{site}");
            let referrer = ("referer", "http://localhost:3000/page?x");
            assert_eq!(page_of("GET", &[image[0], referrer]), other("http://localhost:3000"));
        }
    }

    #[test]
    fn links_may_be_followed() {
        let of = |dest| [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", dest)];
        assert_eq!(page_of("GET", &of("document")), Page::Own);
        assert_ne!(page_of("GET", &of("iframe")), Page::Own, "no frame");
        assert_ne!(page_of("POST", &of("document")), Page::Own, "nothing that changes anything");
    }

    #[test]
    fn own_is_by_scheme_and_default_port() {
        let of = |scheme, origin: &'static str, host| {
            let mut head = head("POST", "/", &[("host", host), ("origin", origin)]);
            head.extensions.insert(Scheme(scheme));
            admit(&head, &trusted(), false) == Ok(Page::Own)
        };
        assert!(of("http", "http://localhost", "localhost:80"));
        assert!(of("https", "https://localhost:443", "localhost"));
        assert!(!of("https", "http://localhost:443", "localhost"));
        assert!(!of("http", "http://localhost:443", "localhost"));
    }

    #[test]
    fn http_apis_are_for_pages_of_any_origin_by_names_of_ours() {
        let api = |host| {
            admit(&head("POST", "/_aws/execute-api/a/b", &[("host", host), ("origin", "null")]), &trusted(), true)
        };
        assert_eq!(api("localhost"), Ok(Page::Own));
        assert!(api("evil.example").is_err());
    }
}
