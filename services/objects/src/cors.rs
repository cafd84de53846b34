//! Cross-origin rules of a bucket: which pages of other origins may read answers, and how S3 says
//! so. (S3 User Guide, "Using cross-origin resource sharing"; messages as S3 words them.)

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, Method};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use crate::answer::Refused;

/// Rules of a bucket's CORS configuration (S3 User Guide, "Elements of a CORS configuration").
pub(crate) const CORS_RULES_MAX: usize = 100;
/// Characters of a CORS rule's id (S3 API reference, `CORSRule`).
const CORS_RULE_ID_CHARS_MAX: usize = 255;
/// Methods that a rule may allow.
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// What pages of some origins may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsRule {
    pub(crate) id: Option<String>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) allowed_methods: Vec<String>,
    pub(crate) allowed_headers: Vec<String>,
    pub(crate) expose_headers: Vec<String>,
    pub(crate) max_age_s: Option<i32>,
}

impl CorsRule {
    fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| matches(allowed, origin))
    }

    fn allows_method(&self, method: &str) -> bool {
        self.allowed_methods.iter().any(|allowed| allowed == method)
    }

    fn allows_header(&self, header: &str) -> bool {
        self.allowed_headers.iter().any(|allowed| matches(&allowed.to_ascii_lowercase(), header))
    }

    /// The headers of an answer that this rule lets a page of `origin` read.
    fn write(&self, origin: &str, headers: &mut HeaderMap) {
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if self.allowed_origins.iter().any(|allowed| allowed == "*") {
            set(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            set(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            set(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        set(ACCESS_CONTROL_ALLOW_METHODS, &self.allowed_methods.join(", "));
        if !self.expose_headers.is_empty() {
            set(ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(", "));
        }
        if let Some(max_age_s) = self.max_age_s {
            set(ACCESS_CONTROL_MAX_AGE, &max_age_s.to_string());
        }
        set(VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    }
}

/// Whether `text` matches `pattern`, in which one asterisk stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, end)) => text.len() >= begin.len() + end.len() && text.starts_with(begin) && text.ends_with(end),
    }
}

/// Checks a configuration as S3 does.
pub(crate) fn check(rules: &[CorsRule]) -> S3Result<()> {
    let malformed = || {
        s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        )
    };
    if rules.is_empty() {
        return Err(malformed());
    }
    if rules.len() > CORS_RULES_MAX {
        return Err(s3_error!(
            InvalidRequest,
            "The number of CORS rules should not exceed allowed limit of {CORS_RULES_MAX} rules."
        ));
    }
    for rule in rules {
        if rule.allowed_origins.is_empty() || rule.allowed_methods.is_empty() {
            return Err(malformed());
        }
        if rule.id.as_ref().is_some_and(|id| id.chars().count() > CORS_RULE_ID_CHARS_MAX) {
            return Err(s3_error!(
                InvalidRequest,
                "The ID of a CORS rule has at most {CORS_RULE_ID_CHARS_MAX} characters."
            ));
        }
        if let Some(method) = rule.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(s3_error!(
                InvalidRequest,
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ));
        }
        let is_wild = |text: &&String| text.matches('*').count() > 1;
        if let Some(origin) = rule.allowed_origins.iter().find(is_wild) {
            return Err(s3_error!(InvalidRequest, "AllowedOrigin \"{origin}\" can not have more than one wildcard."));
        }
        if let Some(header) = rule.allowed_headers.iter().find(is_wild) {
            return Err(s3_error!(InvalidRequest, "AllowedHeader \"{header}\" can not have more than one wildcard."));
        }
        if let Some(header) = rule.expose_headers.iter().find(|header| header.contains('*')) {
            return Err(s3_error!(
                InvalidRequest,
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            ));
        }
        if rule.max_age_s.is_some_and(|seconds| seconds < 0) {
            return Err(malformed());
        }
    }
    Ok(())
}

/// Whether some rule lets pages of `origin` send requests with `method`; a preflight is admitted
/// where any method is.
pub(crate) fn allows(rules: &[CorsRule], origin: &str, method: &str) -> bool {
    let is_preflight = method == Method::OPTIONS.as_str();
    rules.iter().any(|rule| rule.allows_origin(origin) && (is_preflight || rule.allows_method(method)))
}

/// The `Origin` of a request.
pub(crate) fn origin(request: &Parts) -> Option<&str> {
    request.headers.get(ORIGIN)?.to_str().ok().filter(|origin| !origin.is_empty())
}

/// Adds to the answer of a request with `method` what the rules let a page of `origin` read.
pub(crate) fn mark(rules: &[CorsRule], origin: &str, method: &str, headers: &mut HeaderMap) {
    let rule = rules.iter().find(|rule| rule.allows_origin(origin) && rule.allows_method(method));
    if let Some(rule) = rule {
        rule.write(origin, headers);
    }
}

/// Answers a browser's question before the request itself. `rules` are `None` where there is no
/// such bucket.
pub(crate) fn preflight(rules: Option<&[CorsRule]>, request: &Parts, has_key: bool) -> Result<HeaderMap, Refused> {
    let text = |name: HeaderName| request.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = origin(request) else {
        return Err(Refused::new(400, "BadRequest", "Insufficient information. Origin request header needed."));
    };
    let asked = text(ACCESS_CONTROL_REQUEST_METHOD).filter(|method| METHODS.contains(method));
    let Some(method) = asked else {
        let given = text(ACCESS_CONTROL_REQUEST_METHOD).unwrap_or("null");
        let message = format!("Invalid Access-Control-Request-Method: {given}");
        return Err(Refused::new(400, "BadRequest", message));
    };
    let forbidden = |message: &str, resource: &str| {
        Refused::new(403, "AccessForbidden", message).with("Method", method).with("ResourceType", resource)
    };
    let Some(rules) = rules else { return Err(forbidden("CORSResponse: Bucket not found", "BUCKET")) };
    if rules.is_empty() {
        return Err(forbidden("CORSResponse: CORS is not enabled for this bucket.", "BUCKET"));
    }
    let wanted = text(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default().to_ascii_lowercase();
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let rule = rules.iter().find(|rule| {
        rule.allows_origin(origin) && rule.allows_method(method) && wanted.iter().all(|name| rule.allows_header(name))
    });
    let Some(rule) = rule else {
        // The spelling is S3's.
        let message = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                       request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                       whitelisted by the resource's CORS spec.";
        return Err(forbidden(message, if has_key { "OBJECT" } else { "BUCKET" }));
    };
    let mut headers = HeaderMap::new();
    rule.write(origin, &mut headers);
    if let Ok(wanted) = HeaderValue::from_str(&wanted.join(", "))
        && !wanted.is_empty()
    {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn rule(origin: &str, methods: &[&str], headers: &[&str]) -> CorsRule {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_string()).collect();
        CorsRule {
            allowed_origins: vec![origin.into()],
            allowed_methods: owned(methods),
            allowed_headers: owned(headers),
            ..CorsRule::default()
        }
    }

    fn asking(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::options("/bucket/key");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn one_asterisk_stands_for_anything() {
        assert!(matches("*", "https://a.example") && matches("https://*.example", "https://a.example"));
        assert!(matches("a*", "a") && !matches("ab*ba", "aba") && !matches("http://*", "https://a"));
    }

    #[test]
    fn rules_are_checked_in_the_words_of_s3() {
        let message = |rule: CorsRule| check(&[rule]).unwrap_err().message().unwrap_or_default().to_string();
        assert!(message(rule("*", &["OPTIONS"], &[])).ends_with("Unsupported method is OPTIONS"));
        let wild = message(rule("http://*.*", &["GET"], &[]));
        assert_eq!(wild, "AllowedOrigin \"http://*.*\" can not have more than one wildcard.");
        assert!(message(rule("*", &["GET"], &["x-*-*"])).starts_with("AllowedHeader \"x-*-*\""));
        let exposing = CorsRule { expose_headers: vec!["x-*".into()], ..rule("*", &["GET"], &[]) };
        assert!(message(exposing).starts_with("ExposeHeader \"x-*\" contains wildcard."));
        assert_eq!(check(&[]).unwrap_err().code(), &s3s::S3ErrorCode::MalformedXML);
        assert_eq!(check(&[rule("*", &[], &[])]).unwrap_err().code(), &s3s::S3ErrorCode::MalformedXML);
        let many = vec![rule("*", &["GET"], &[]); CORS_RULES_MAX + 1];
        assert_eq!(check(&many).unwrap_err().code(), &s3s::S3ErrorCode::InvalidRequest);
        assert!(check(&many[1..]).is_ok());
    }

    #[test]
    fn a_preflight_needs_origin_method_and_headers_allowed() {
        let rules = [rule("https://*.example", &["GET", "PUT"], &["Content-*"])];
        let from = ("origin", "https://a.example");
        let put = ("access-control-request-method", "PUT");
        let headers = asking(&[from, put, ("access-control-request-headers", "Content-Type,content-md5")]);
        let answered = preflight(Some(&rules), &headers, true).unwrap();
        assert_eq!(answered[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(answered[ACCESS_CONTROL_ALLOW_METHODS], "GET, PUT");
        assert_eq!(answered[ACCESS_CONTROL_ALLOW_HEADERS], "content-type, content-md5");
        let refused = |headers: &[(&str, &str)]| preflight(Some(&rules), &asking(headers), true).unwrap_err().status;
        assert_eq!(refused(&[put]), 400);
        assert_eq!(refused(&[from]), 400);
        assert_eq!(refused(&[from, ("access-control-request-method", "DELETE")]), 403);
        assert_eq!(refused(&[("origin", "https://other"), put]), 403);
        assert_eq!(refused(&[from, put, ("access-control-request-headers", "x-other")]), 403);
        assert_eq!(preflight(None, &asking(&[from, put]), true).unwrap_err().message, "CORSResponse: Bucket not found");
        assert!(preflight(Some(&[]), &asking(&[from, put]), true).unwrap_err().message.contains("not enabled"));
    }

    #[test]
    fn answers_tell_pages_what_they_may_read() {
        let rules = [rule("https://a.example", &["GET"], &[]), rule("*", &["HEAD"], &[])];
        let marked = |origin: &str, method: &str| {
            let mut headers = HeaderMap::new();
            mark(&rules, origin, method, &mut headers);
            headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_string())
        };
        assert_eq!(marked("https://a.example", "GET").as_deref(), Some("https://a.example"));
        assert_eq!(marked("https://b.example", "HEAD").as_deref(), Some("*"));
        assert_eq!(marked("https://b.example", "GET"), None);
        assert!(allows(&rules, "https://b.example", "OPTIONS") && !allows(&rules, "https://b.example", "PUT"));
    }
}
