//! Operations of the API that are not here: each is refused by its name.

use anabranch_protocol::{ApiError, ErrorKind};
use http::{Method, Uri};

use super::parts::Answer;

/// Method, path below `/2015-03-31/` (`*` for one segment) and name.
const OPERATIONS: [(&str, &str, &str); 22] = [
    ("POST", "functions", "CreateFunction"),
    ("DELETE", "functions/*", "DeleteFunction"),
    ("PUT", "functions/*/code", "UpdateFunctionCode"),
    ("PUT", "functions/*/configuration", "UpdateFunctionConfiguration"),
    ("GET", "functions/*/versions", "ListVersionsByFunction"),
    ("POST", "functions/*/versions", "PublishVersion"),
    ("GET", "functions/*/aliases", "ListAliases"),
    ("POST", "functions/*/aliases", "CreateAlias"),
    ("GET", "functions/*/aliases/*", "GetAlias"),
    ("PUT", "functions/*/aliases/*", "UpdateAlias"),
    ("DELETE", "functions/*/aliases/*", "DeleteAlias"),
    ("GET", "functions/*/policy", "GetPolicy"),
    ("POST", "functions/*/policy", "AddPermission"),
    ("DELETE", "functions/*/policy/*", "RemovePermission"),
    ("POST", "functions/*/response-streaming-invocations", "InvokeWithResponseStream"),
    ("POST", "functions/*/invoke-async", "InvokeAsync"),
    ("GET", "functions/*/concurrency", "GetFunctionConcurrency"),
    ("PUT", "functions/*/concurrency", "PutFunctionConcurrency"),
    ("GET", "functions/*/event-invoke-config", "GetFunctionEventInvokeConfig"),
    ("PUT", "functions/*/event-invoke-config", "PutFunctionEventInvokeConfig"),
    ("POST", "functions/*/url", "CreateFunctionUrlConfig"),
    ("GET", "functions/*/url", "GetFunctionUrlConfig"),
];

pub(super) async fn handle(method: Method, uri: Uri) -> Answer {
    let operation = name(method.as_str(), uri.path());
    let what = operation
        .map_or_else(|| format!("{method} {}", uri.path()), |name| format!("{name} ({method} {})", uri.path()));
    Err(ApiError::new(
        ErrorKind::Unsupported,
        "UnknownOperationException",
        format!("Anabranch does not support the Lambda operation {what}."),
    )
    .into())
}

fn name(method: &str, path: &str) -> Option<&'static str> {
    let (_version, path) = path.trim_matches('/').split_once('/')?;
    let matches = |pattern: &str| {
        let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
        loop {
            match (pattern.next(), path.next()) {
                (None, None) => return true,
                (Some(expected), Some(found)) if expected == "*" || expected == found => {}
                _ => return false,
            }
        }
    };
    OPERATIONS.iter().find(|(verb, pattern, _)| *verb == method && matches(pattern)).map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named() {
        assert_eq!(name("POST", "/2015-03-31/functions"), Some("CreateFunction"));
        assert_eq!(name("PUT", "/2017-10-31/functions/f/concurrency"), Some("PutFunctionConcurrency"));
        assert_eq!(name("GET", "/2015-03-31/functions/f/nothing"), None);
    }
}
