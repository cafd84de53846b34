//! Which service a request is for, decided from its head and the services' models alone.

use std::sync::Arc;

use anabranch_protocol::{Service, Wire};
use axum::http::Method;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;

use super::caller::Caller;
use super::registry::Registry;

/// Where the server's own pages are.
pub(crate) const PAGES: &str = "/_anabranch";

/// A request's destination.
pub(crate) enum Route<'r> {
    /// `X-Amz-Target: <prefix>.<operation>`.
    Json { prefix: String, operation: String },
    /// A call of an AWS JSON service that does not say which.
    JsonWithoutTarget,
    /// A call by the Query protocol.
    Query,
    /// A service that speaks REST-JSON or REST-XML.
    Rest(&'r Arc<dyn Service>),
    /// A service that answers its requests itself.
    Http(&'r Arc<dyn Service>),
    /// A service that is not offered, by the name in the credential scope.
    Unoffered(String),
    /// A person with a browser at the root.
    Console,
}

impl<'r> Route<'r> {
    /// The route of the request with head `request`.
    pub(crate) fn of(registry: &'r Registry, request: &Parts, caller: &Caller) -> Self {
        if let Some(service) = registry.by_address(request) {
            return Self::Http(service);
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
        let signed_for = caller.service.as_deref().and_then(|scope| registry.by_scope(scope));
        let is_query = is_query(request, content_type);
        match signed_for {
            Some(service) if is_query_of(service, request, content_type) => return Self::Query,
            // A service may have operations, and addresses of its own besides.
            Some(service) if service.model().rest.is_some() => return Self::Rest(service),
            Some(service) if service.model().http.is_some() => return Self::Http(service),
            _ => {}
        }
        if let Some(service) = registry.by_path(request.uri.path()) {
            return Self::Rest(service);
        }
        if is_query && signed_for.is_none() {
            return Self::Query;
        }
        match caller.service.as_deref() {
            Some(_) if signed_for.is_some_and(|service| service.model().speaks(Wire::Json)) => Self::JsonWithoutTarget,
            Some(service) => Self::Unoffered(service.into()),
            None if is_browser(request) => Self::Console,
            None => registry.the_rest().map_or_else(|| Self::Unoffered(String::new()), Self::Http),
        }
    }
}

/// Whether a request that is signed for `service` is one of the Query protocol, which some services
/// take at the addresses of their resources, too.
fn is_query_of(service: &Arc<dyn Service>, request: &Parts, content_type: &str) -> bool {
    let model = service.model();
    let has_place = request.uri.path() == "/" || model.query_path_member.is_some();
    model.speaks(Wire::Query) && has_place && has_query_form(request, content_type)
}

/// Whether a request looks like one of the Query protocol.
fn is_query(request: &Parts, content_type: &str) -> bool {
    request.uri.path() == "/" && has_query_form(request, content_type)
}

/// Whether a request is a form, or has an action in its URL.
fn has_query_form(request: &Parts, content_type: &str) -> bool {
    let names_version = |form: &str| form.split('&').any(|pair| pair.starts_with("Version="));
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    let has_action = request.uri.query().is_some_and(|query| query.contains("Action=") && names_version(query));
    is_form || has_action
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
    use anabranch_protocol::{HttpEntry, Operation, RestStyle, ServiceModel};
    use axum::http::Request;

    struct Stub(&'static ServiceModel);

    impl Service for Stub {
        fn model(&self) -> &'static ServiceModel {
            self.0
        }
    }

    const HTTP: HttpEntry = HttpEntry {
        metered_as: "s3",
        path_prefixes: &[],
        host_label: None,
        takes_the_rest: true,
        streams_bodies: true,
        is_open_to_pages: false,
    };
    const MODELS: [&ServiceModel; 5] = [
        &ServiceModel {
            http: Some(HttpEntry {
                path_prefixes: &["/_aws/execute-api/"],
                host_label: Some("execute-api"),
                takes_the_rest: false,
                ..HTTP
            }),
            ..ServiceModel::new("apigateway", "")
        },
        &ServiceModel { scopes: &["s3"], http: Some(HTTP), ..ServiceModel::new("s3", "") },
        &ServiceModel {
            scopes: &["lambda"],
            rest: Some(RestStyle::JSON),
            operations: &[Operation::new("ListFunctions").at("GET", "/2015-03-31/functions")],
            ..ServiceModel::new("lambda", "")
        },
        &ServiceModel { scopes: &["kinesis"], wires: &[Wire::Json], ..ServiceModel::new("kinesis", "") },
        &ServiceModel { scopes: &["sts"], wires: &[Wire::Query], ..ServiceModel::new("sts", "") },
    ];

    fn route(uri: &str, headers: &[(&str, &str)]) -> String {
        let services: Vec<Arc<dyn Service>> =
            MODELS.iter().map(|model| Arc::new(Stub(model)) as Arc<dyn Service>).collect();
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match Route::of(&Registry::new(&services), &parts, &Caller::of(&parts)) {
            Route::Json { prefix, operation } => format!("json {prefix} {operation}"),
            Route::JsonWithoutTarget => "json".into(),
            Route::Query => "query".into(),
            Route::Rest(service) => format!("rest {}", service.model().id),
            Route::Http(service) => format!("http {}", service.model().id),
            Route::Unoffered(service) => format!("none {service}"),
            Route::Console => "console".into(),
        }
    }

    fn scope(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=k/20261120/us-east-1/{service}/aws4_request, Signature=0")
    }

    #[test]
    fn targets_name_service_and_operation() {
        assert_eq!(route("/", &[("x-amz-target", "Kinesis_20131202.PutRecord")]), "json Kinesis_20131202 PutRecord");
        assert_eq!(route("/", &[("x-amz-target", "PutRecord")]), "json  PutRecord");
        assert_eq!(route("/", &[("content-type", "application/x-amz-json-1.1")]), "json");
    }

    #[test]
    fn forms_and_actions_are_of_the_query_protocol() {
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(route("/", &[form, ("authorization", &scope("sts"))]), "query");
        assert_eq!(route("/", &[form, ("authorization", &scope("sns"))]), "query");
        assert_eq!(route("/", &[form]), "query");
        assert_eq!(route("/?Action=GetCallerIdentity&Version=2011-06-15", &[]), "query");
        assert_eq!(route("/bucket?Action=x&Version=1", &[]), "http s3");
        assert_eq!(route("/", &[form, ("authorization", &scope("kinesis"))]), "json");
    }

    #[test]
    fn a_service_may_be_named_by_the_address() {
        for address in ["/_aws/execute-api/a1/$default/clicks?x=1", "/_aws/execute-api/a1"] {
            assert_eq!(route(address, &[]), "http apigateway");
        }
        assert_eq!(route("/clicks?x=1", &[("host", "a1.execute-api.localhost:4566")]), "http apigateway");
        assert_eq!(route("/clicks", &[("host", ".execute-api.localhost")]), "http s3");
        assert_eq!(route("/clicks", &[("host", "a1.execute-api")]), "http s3");
    }

    #[test]
    fn the_credential_scope_decides_between_rest_services() {
        assert_eq!(route("/2015-03-31/functions", &[]), "rest lambda");
        assert_eq!(route("/2015-03-31/nothing", &[]), "rest lambda");
        assert_eq!(route("/nothing", &[("authorization", &scope("lambda"))]), "rest lambda");
        assert_eq!(route("/2015-03-31/functions", &[("authorization", &scope("s3"))]), "http s3");
        assert_eq!(route("/", &[("authorization", &scope("batch"))]), "none batch");
        assert_eq!(route("/", &[("authorization", &scope("sts"))]), "none sts");
        assert_eq!(route("/bucket/key", &[]), "http s3");
        assert_eq!(route("/", &[("accept", "text/html,*/*")]), "console");
        assert_eq!(route("/", &[("accept", "*/*")]), "http s3");
    }
}
