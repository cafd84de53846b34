//! The services of a server, found by what requests say.

use std::collections::HashMap;
use std::sync::Arc;

use anabranch_protocol::{HttpBinding, Service, Wire};
use axum::http::header::HOST;
use axum::http::request::Parts;

/// Finds the service that a request is for.
pub(crate) struct Registry {
    services: Vec<Arc<dyn Service>>,
    by_target: HashMap<&'static str, usize>,
    by_scope: HashMap<&'static str, usize>,
    by_query_version: HashMap<&'static str, usize>,
    /// By the first part of the paths of REST services.
    by_path: HashMap<&'static str, usize>,
}

impl Registry {
    /// A registry of `services`. Where two have a name in common (a credential scope, say), the
    /// first one has it.
    pub(crate) fn new(services: &[Arc<dyn Service>]) -> Self {
        let mut registry = Self {
            by_target: HashMap::new(),
            by_scope: HashMap::new(),
            by_query_version: HashMap::new(),
            by_path: HashMap::new(),
            services: services.to_vec(),
        };
        for (place, service) in services.iter().enumerate() {
            let model = service.model();
            let names = [
                (&mut registry.by_target, model.target_prefixes),
                (&mut registry.by_scope, model.scopes),
                (&mut registry.by_query_version, model.query_versions),
            ];
            for (index, names) in names {
                for name in names {
                    index.entry(name).or_insert(place);
                }
            }
            if model.rest.is_some() {
                let bindings = model.operations.iter().filter_map(|operation| operation.http.as_ref());
                // A path that begins with a mere word, such as `/tags`, may as well name a bucket.
                for first in bindings.map(HttpBinding::first_segment).filter(|first| names_a_version(first)) {
                    registry.by_path.entry(first).or_insert(place);
                }
            }
        }
        registry
    }

    /// The service with this prefix of `X-Amz-Target`.
    pub(crate) fn by_target(&self, prefix: &str) -> Option<&Arc<dyn Service>> {
        self.services.get(*self.by_target.get(prefix)?)
    }

    /// The service of this credential scope.
    pub(crate) fn by_scope(&self, scope: &str) -> Option<&Arc<dyn Service>> {
        self.services.get(*self.by_scope.get(scope)?)
    }

    /// The REST service whose paths begin as `path` does.
    pub(crate) fn by_path(&self, path: &str) -> Option<&Arc<dyn Service>> {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        self.services.get(*self.by_path.get(first)?)
    }

    /// The service that answers requests itself and is named by the address of this one: its path,
    /// or a host name such as `abc123.execute-api.localhost:4566`.
    pub(crate) fn by_address(&self, request: &Parts) -> Option<&Arc<dyn Service>> {
        let host = request.uri.host().or_else(|| request.headers.get(HOST)?.to_str().ok()).unwrap_or_default();
        self.services.iter().find(|service| {
            service.model().http.is_some_and(|entry| {
                entry.path_prefixes.iter().any(|prefix| request.uri.path().starts_with(prefix))
                    || entry.host_label.is_some_and(|label| is_under(host, label))
            })
        })
    }

    /// The service that takes what no other does.
    pub(crate) fn the_rest(&self) -> Option<&Arc<dyn Service>> {
        self.services.iter().find(|service| service.model().http.is_some_and(|entry| entry.takes_the_rest))
    }

    /// The service that a request of the Query protocol is for: by its scope, if it is signed, or
    /// by the version that it names.
    pub(crate) fn by_query(&self, scope: Option<&str>, version: &str) -> Option<&Arc<dyn Service>> {
        let by_scope = scope.and_then(|scope| self.by_scope(scope));
        let found = by_scope.or_else(|| self.services.get(*self.by_query_version.get(version)?));
        found.filter(|service| service.model().speaks(Wire::Query))
    }
}

/// Whether `host` is a plain name, then `label`, then something.
fn is_under(host: &str, label: &str) -> bool {
    let Some((name, rest)) = host.split_once('.') else { return false };
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain && rest.strip_prefix(label).and_then(|rest| rest.strip_prefix('.')).is_some_and(|rest| !rest.is_empty())
}

/// Whether a part of a path is the version of an API: `2015-03-31`, `v2`.
fn names_a_version(part: &str) -> bool {
    part.trim_start_matches('v').starts_with(|letter: char| letter.is_ascii_digit())
}
