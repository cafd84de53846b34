//! What an HTTP API is made of.

use crate::route::Route;

/// An HTTP API. It is kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSpec {
    /// Ten small letters and digits.
    pub api_id: String,
    /// For people.
    pub name: String,
    /// `$default` or a name that is part of the path.
    pub stage: String,
    /// Its routes.
    pub routes: Vec<Route>,
}
