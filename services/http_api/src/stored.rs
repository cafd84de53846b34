//! HTTP APIs as control state keeps them.

use anabranch_control::Stored;
use serde::{Deserialize, Serialize};

use crate::route::Route;
use crate::spec::ApiSpec;

/// The row of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredApi {
    api_id: String,
    name: String,
    stage: String,
    routes: Vec<StoredRoute>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredRoute {
    key: String,
    function: String,
}

impl Stored for StoredApi {
    const KIND: &'static str = "http_api";
    const VERSION: u32 = 1;
}

impl From<&ApiSpec> for StoredApi {
    fn from(api: &ApiSpec) -> Self {
        let ApiSpec { api_id, name, stage, routes } = api.clone();
        let routes = routes.into_iter().map(|Route { key, function }| StoredRoute { key, function }).collect();
        Self { api_id, name, stage, routes }
    }
}

impl From<StoredApi> for ApiSpec {
    fn from(row: StoredApi) -> Self {
        let StoredApi { api_id, name, stage, routes } = row;
        // They were checked before they were stored.
        let routes = routes.into_iter().map(|StoredRoute { key, function }| Route { key, function }).collect();
        Self { api_id, name, stage, routes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_of_every_version_are_read() {
        let route = |key: &str, function: &str| StoredRoute { key: key.into(), function: function.into() };
        let row = StoredApi {
            api_id: "abc0123456".into(),
            name: "clicks".into(),
            stage: "$default".into(),
            routes: vec![route("POST /clicks", "collect"), route("$default", "fallback")],
        };
        assert_eq!(StoredApi::from(&ApiSpec::from(row.clone())), row);
        anabranch_control::check_fixtures("tests/stored", &[row]);
    }
}
