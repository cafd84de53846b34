//! Routes: `METHOD /path/{parameter}` and how requests find theirs.

use std::collections::BTreeMap;

/// Why a route is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the route {route:?} is not valid: {reason}")]
pub struct RouteError {
    /// The route key.
    pub route: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A route of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `POST /clicks`, `ANY /{proxy+}` or `$default`.
    pub key: String,
    /// Name of the function its requests go to.
    pub function: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    // In the order in which API Gateway prefers them.
    Literal(&'a str),
    Parameter(&'a str),
    Greedy(&'a str),
}

/// A route that takes a request, and the path's parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matched<'a> {
    pub(crate) route: &'a Route,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Route {
    /// A route that was checked.
    ///
    /// # Errors
    /// [`RouteError`] when the key is not of the form API Gateway takes.
    pub fn new(key: impl Into<String>, function: impl Into<String>) -> Result<Self, RouteError> {
        let route = Self { key: key.into(), function: function.into() };
        let refuse = |reason| Err(RouteError { route: route.key.clone(), reason });
        if route.key == "$default" {
            return Ok(route);
        }
        let Some((method, path)) = route.key.split_once(' ') else { return refuse("it needs a method and a path") };
        if !METHODS.contains(&method) {
            return refuse("the method is not known");
        }
        if !path.starts_with('/') {
            return refuse("the path must start with /");
        }
        let segments = segments(path);
        let greedy = segments.iter().position(|segment| matches!(segment, Segment::Greedy(_)));
        if greedy.is_some_and(|at| at + 1 != segments.len()) {
            return refuse("{name+} must come last");
        }
        Ok(route)
    }
}

fn segments(path: &str) -> Vec<Segment<'_>> {
    path.trim_start_matches('/')
        .split('/')
        .map(|segment| match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            Some(name) => name.strip_suffix('+').map_or(Segment::Parameter(name), Segment::Greedy),
            None => Segment::Literal(segment),
        })
        .collect()
}

/// The route that takes a request: the most specific path, a named method before `ANY`, `$default` last.
pub(crate) fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<Matched<'a>> {
    let candidates = routes.iter().filter_map(|route| {
        let (route_method, route_path) = route.key.split_once(' ')?;
        if route_method != method && route_method != "ANY" {
            return None;
        }
        let segments = segments(route_path);
        let parameters = matches(&segments, path)?;
        Some(((segments, route_method == "ANY"), Matched { route, parameters }))
    });
    let best = candidates.min_by(|(one, _), (two, _)| rank(one).cmp(&rank(two))).map(|(_, matched)| matched);
    best.or_else(|| {
        let route = routes.iter().find(|route| route.key == "$default")?;
        Some(Matched { route, parameters: BTreeMap::new() })
    })
}

fn rank((segments, is_any): &(Vec<Segment<'_>>, bool)) -> (bool, Vec<u8>, bool) {
    let kind = |segment: &Segment<'_>| match segment {
        Segment::Literal(_) => 0,
        Segment::Parameter(_) => 1,
        Segment::Greedy(_) => 2,
    };
    // Any path without a greedy parameter comes before all that have one.
    let is_greedy = matches!(segments.last(), Some(Segment::Greedy(_)));
    (is_greedy, segments.iter().map(kind).collect(), *is_any)
}

fn matches(segments: &[Segment<'_>], path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = Some(path.strip_prefix('/').unwrap_or(path));
    for segment in segments {
        let remaining = rest?;
        let (part, behind) = match remaining.split_once('/') {
            Some((part, behind)) => (part, Some(behind)),
            None => (remaining, None),
        };
        match segment {
            Segment::Literal(text) if *text == part => rest = behind,
            Segment::Literal(_) => return None,
            Segment::Parameter(_) if part.is_empty() => return None,
            Segment::Parameter(name) => {
                parameters.insert((*name).to_string(), decode(part));
                rest = behind;
            }
            Segment::Greedy(_) if remaining.is_empty() => return None,
            Segment::Greedy(name) => {
                parameters.insert((*name).to_string(), decode(remaining));
                rest = None;
            }
        }
    }
    rest.is_none().then_some(parameters)
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[&str], method: &str, path: &str) -> Option<(String, Vec<String>)> {
        let routes: Vec<Route> = keys.iter().map(|key| Route::new(*key, "f").unwrap()).collect();
        let matched = find(&routes, method, path)?;
        Some((matched.route.key.clone(), matched.parameters.into_values().collect()))
    }

    #[test]
    fn the_most_specific_route_wins() {
        let keys = ["$default", "ANY /{proxy+}", "GET /pets/{id}", "ANY /pets/{id}", "GET /pets/dog", "POST /clicks"];
        let cases = [
            ("GET", "/pets/dog", "GET /pets/dog", vec![]),
            ("GET", "/pets/cat%20a", "GET /pets/{id}", vec!["cat a"]),
            ("PUT", "/pets/cat", "ANY /pets/{id}", vec!["cat"]),
            ("GET", "/pets/cat/tail", "ANY /{proxy+}", vec!["pets/cat/tail"]),
            ("POST", "/clicks", "POST /clicks", vec![]),
            ("GET", "/", "$default", vec![]),
        ];
        for (method, path, key, parameters) in cases {
            let parameters = parameters.into_iter().map(String::from).collect();
            assert_eq!(found(&keys, method, path), Some((key.to_string(), parameters)), "{method} {path}");
        }
        let both = ["GET /x/{proxy+}", "GET /{a}/b"];
        assert_eq!(found(&both, "GET", "/x/b"), Some(("GET /{a}/b".into(), vec!["x".into()])));
        assert_eq!(found(&["POST /clicks"], "GET", "/clicks"), None);
        assert_eq!(found(&["POST /clicks"], "POST", "/clicks/1"), None);
    }

    #[test]
    fn bad_routes_are_refused() {
        for key in ["/clicks", "FETCH /clicks", "GET clicks", "GET /{all+}/more"] {
            assert!(Route::new(key, "f").is_err(), "{key}");
        }
    }
}
