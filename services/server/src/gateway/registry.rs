//! The services of a server, found by what requests say.

use std::collections::HashMap;
use std::sync::Arc;

use anabranch_protocol::{Service, Wire};

/// Finds the service that a request is for.
pub(crate) struct Registry {
    services: Vec<Arc<dyn Service>>,
    by_target: HashMap<&'static str, usize>,
    by_scope: HashMap<&'static str, usize>,
    by_query_version: HashMap<&'static str, usize>,
}

impl Registry {
    /// A registry of `services`. Where two have a name in common (a credential scope, say), the
    /// first one has it.
    pub(crate) fn new(services: &[Arc<dyn Service>]) -> Self {
        let mut registry = Self {
            by_target: HashMap::new(),
            by_scope: HashMap::new(),
            by_query_version: HashMap::new(),
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

    /// The service that a request of the Query protocol is for: by its scope, if it is signed, or
    /// by the version that it names.
    pub(crate) fn by_query(&self, scope: Option<&str>, version: &str) -> Option<&Arc<dyn Service>> {
        let by_scope = scope.and_then(|scope| self.by_scope(scope));
        let found = by_scope.or_else(|| self.services.get(*self.by_query_version.get(version)?));
        found.filter(|service| service.model().speaks(Wire::Query))
    }
}
