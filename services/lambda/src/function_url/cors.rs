//! Which pages may read what a function URL answers.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use crate::stored_function::Cors;

/// The answer to a browser that asks whether it may send a request; none if it does not ask.
pub(super) fn preflight(rules: &Cors, request: &Request<Body>) -> Option<Response<Body>> {
    let headers = request.headers();
    let origin = headers.get(ORIGIN)?;
    if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    let answer = response.headers_mut();
    if add(rules, origin, answer) {
        list(answer, ACCESS_CONTROL_ALLOW_METHODS, rules.allow_methods.as_deref());
        list(answer, ACCESS_CONTROL_ALLOW_HEADERS, rules.allow_headers.as_deref());
        if let Some(seconds) = rules.max_age {
            answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
    }
    Some(response)
}

/// Lets pages of `origin` read an answer, if they may; whether they may. What the function said of it
/// itself is replaced, as on AWS.
pub(super) fn add(rules: &Cors, origin: &HeaderValue, answer: &mut HeaderMap) -> bool {
    let text = origin.to_str().unwrap_or_default();
    let allows = |allowed: &String| allowed == "*" || allowed.eq_ignore_ascii_case(text);
    if !rules.allow_origins.iter().flatten().any(allows) {
        return false;
    }
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.append(VARY, HeaderValue::from_static("Origin"));
    if rules.allow_credentials == Some(true) {
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    list(answer, ACCESS_CONTROL_EXPOSE_HEADERS, rules.expose_headers.as_deref());
    true
}

fn list(answer: &mut HeaderMap, name: HeaderName, values: Option<&[String]>) {
    if let Some(value) = values.and_then(|values| HeaderValue::from_str(&values.join(",")).ok()) {
        answer.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(rules: &Cors, method: Method, origin: &str) -> Option<HeaderMap> {
        let request = Request::builder().method(method).uri("/").header(ORIGIN, origin);
        let request = request.header(ACCESS_CONTROL_REQUEST_METHOD, "PUT").body(Body::empty()).unwrap();
        preflight(rules, &request).map(|response| response.headers().clone())
    }

    #[test]
    fn pages_are_let_in_by_their_origin() {
        let rules = Cors {
            allow_origins: Some(vec!["https://a.example".into()]),
            allow_methods: Some(vec!["GET".into(), "PUT".into()]),
            max_age: Some(60),
            ..Cors::default()
        };
        let allowed = ask(&rules, Method::OPTIONS, "https://a.example").unwrap();
        assert_eq!(allowed[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(
            (&allowed[ACCESS_CONTROL_ALLOW_METHODS], &allowed[ACCESS_CONTROL_MAX_AGE]),
            (&HeaderValue::from_static("GET,PUT"), &HeaderValue::from_static("60"))
        );
        assert!(ask(&rules, Method::OPTIONS, "https://b.example").unwrap().is_empty());
        assert!(ask(&rules, Method::GET, "https://a.example").is_none());
    }
}
