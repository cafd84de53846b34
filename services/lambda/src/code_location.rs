//! Where deployment packages and layers are downloaded from this server.

use crate::config::LambdaConfig;

/// What the paths of packages begin with; the hash and `.zip` follow.
pub(crate) const CODE_PATH: &str = "/_aws/lambda/code/";

/// The URL of a package, as `Location` has it.
pub(crate) fn code_location(config: &LambdaConfig, sha256: &str) -> String {
    format!("{}{CODE_PATH}{sha256}.zip", config.endpoint_url)
}
