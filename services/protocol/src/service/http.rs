//! Where an operation is in HTTP (Smithy's "HTTP bindings"): data of the service model.

use percent_encoding::percent_decode_str;

use super::Operation;

/// Method and path of an operation, and which of its members travel outside the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpBinding {
    /// Such as `POST`.
    pub method: &'static str,
    /// The path, such as `/2015-03-31/functions/{FunctionName}/invocations`: `{FunctionName}` is the
    /// member of that name, `{Key+}` takes all that is left of the path, and what follows `?` must
    /// be in the query.
    pub uri: &'static str,
    /// The status of an answer, unless a member tells it.
    pub status: u16,
    /// Members of the input that are neither in the path nor in the body.
    pub input: &'static [BoundMember],
    /// Members of the output that are not in the body.
    pub output: &'static [BoundMember],
}

/// A member that travels outside the body, or is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundMember {
    /// Its name in the service model.
    pub name: &'static str,
    /// Where it is instead.
    pub place: Place,
}

/// Where a member is that is not in the body's structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A parameter of the query; a list is given by several.
    Query(&'static str),
    /// A header field, in lower case.
    Header(&'static str),
    /// The whole body, as it is: see [`super::Call::body`] and [`super::Call::answer_payload`].
    Payload,
    /// The status of the answer.
    Status,
}

impl BoundMember {
    /// A member that is a parameter of the query, called as the member is.
    pub const fn query(name: &'static str) -> Self {
        Self { name, place: Place::Query(name) }
    }

    /// A member in the header field `field`.
    pub const fn header(name: &'static str, field: &'static str) -> Self {
        Self { name, place: Place::Header(field) }
    }

    /// A member that is the body.
    pub const fn payload(name: &'static str) -> Self {
        Self { name, place: Place::Payload }
    }

    /// A member that is the answer's status.
    pub const fn status(name: &'static str) -> Self {
        Self { name, place: Place::Status }
    }
}

/// An operation that method and path of a request name, with the members that the path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The operation, offered or not.
    pub operation: &'static Operation,
    /// Member and value, of each label.
    pub labels: Vec<(&'static str, String)>,
}

/// A part of a path holds bytes that are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The path of the request is not UTF-8.")]
pub struct NotText;

impl HttpBinding {
    /// The first part of its path, by which its service is known.
    pub fn first_segment(&self) -> &'static str {
        self.path().trim_start_matches('/').split('/').next().unwrap_or_default()
    }

    fn path(&self) -> &'static str {
        self.uri.split('?').next().unwrap_or_default()
    }

    /// The undecoded labels of a request of this operation, and how many parts of its address are as
    /// the template has them: the operation with the most is meant.
    fn labels<'path>(&self, path: &'path str, query: &str) -> Option<(Vec<(&'static str, &'path str)>, usize)> {
        let (mut labels, mut literals) = (Vec::new(), 0);
        let mut rest = path.trim_start_matches('/');
        for part in self.path().trim_start_matches('/').split('/') {
            if let Some(label) = label(part, "+}") {
                labels.push((label, rest));
                rest = "";
                break;
            }
            let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
            match label(part, "}") {
                Some(label) if !segment.is_empty() => labels.push((label, segment)),
                None if part == segment => literals += 1,
                _ => return None,
            }
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
        let required = self.uri.split_once('?').map_or("", |(_, query)| query);
        for pair in required.split('&').filter(|pair| !pair.is_empty()) {
            let is_it = |given: &str| given == pair || (!pair.contains('=') && given.strip_suffix('=') == Some(pair));
            if !query.split('&').any(is_it) {
                return None;
            }
            literals += 1;
        }
        Some((labels, literals))
    }
}

fn label(part: &'static str, end: &str) -> Option<&'static str> {
    part.strip_prefix('{')?.strip_suffix(end)
}

/// The operation among `operations` that a request is for.
///
/// # Errors
/// When a part of the path that holds a member is not text.
pub(super) fn matching(
    operations: &'static [Operation],
    method: &str,
    path: &str,
    query: &str,
) -> Result<Option<Matched>, NotText> {
    let found = operations.iter().filter_map(|operation| {
        let binding = operation.http.as_ref().filter(|binding| binding.method == method)?;
        let (labels, literals) = binding.labels(path, query)?;
        Some((literals, operation, labels))
    });
    let Some((_, operation, labels)) = found.max_by_key(|(literals, ..)| *literals) else { return Ok(None) };
    let decoded = |(name, part): (&'static str, &str)| {
        let text = percent_decode_str(part).decode_utf8().map_err(|_| NotText)?;
        Ok((name, text.into_owned()))
    };
    let labels = labels.into_iter().map(decoded).collect::<Result<_, NotText>>()?;
    Ok(Some(Matched { operation, labels }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATIONS: &[Operation] = &[
        Operation::new("ListThings").at("GET", "/v1/things"),
        Operation::new("GetThing").at("GET", "/v1/things/{Name}"),
        Operation::new("GetDefaultThing").at("GET", "/v1/things/default"),
        Operation::new("FindThing").at("GET", "/v1/things?find=One"),
        Operation::new("GetPart").at("GET", "/v1/things/{Name}/parts/{Part+}"),
    ];

    fn found(address: &str) -> Option<(&'static str, Vec<(&'static str, String)>)> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let matched = matching(OPERATIONS, "GET", path, query).unwrap();
        matched.map(|matched| (matched.operation.name, matched.labels))
    }

    #[test]
    fn the_most_literal_operation_is_meant() {
        let name = |value: &str| vec![("Name", value.to_string())];
        assert_eq!(found("/v1/things"), Some(("ListThings", vec![])));
        assert_eq!(found("/v1/things/"), Some(("ListThings", vec![])));
        assert_eq!(found("/v1/things?find=One&x=y"), Some(("FindThing", vec![])));
        assert_eq!(found("/v1/things?find=Two"), Some(("ListThings", vec![])));
        assert_eq!(found("/v1/things/default"), Some(("GetDefaultThing", vec![])));
        assert_eq!(found("/v1/things/a%2Fb%20c"), Some(("GetThing", name("a/b c"))));
        let labels = [name("a"), vec![("Part", "b/c".to_string())]].concat();
        assert_eq!(found("/v1/things/a/parts/b/c"), Some(("GetPart", labels)));
        for other in ["/", "/v1", "/v2/things", "/v1/things/a/b", "/v1//things"] {
            assert_eq!(found(other), None, "{other}");
        }
        assert_eq!(matching(OPERATIONS, "POST", "/v1/things", ""), Ok(None));
        assert_eq!(matching(OPERATIONS, "GET", "/v1/things/%ff", ""), Err(NotText));
    }
}
