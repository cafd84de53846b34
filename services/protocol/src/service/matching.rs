//! Which operation the method and path of a request name.

use percent_encoding::percent_decode_str;

use super::{Operation, ServiceModel};

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

impl ServiceModel {
    /// The operation that method, path and query of a request name, offered or not: of several, the
    /// one that has most of the address in its own words.
    ///
    /// # Errors
    /// When a part of the path that holds a member is not text.
    pub fn matching(&self, method: &str, path: &str, query: &str) -> Result<Option<Matched>, NotText> {
        let found = self.operations.iter().filter_map(|operation| {
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

    const MODEL: ServiceModel = ServiceModel { operations: OPERATIONS, ..ServiceModel::new("things", "Things") };

    fn found(address: &str) -> Option<(&'static str, Vec<(&'static str, String)>)> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let matched = MODEL.matching("GET", path, query).unwrap();
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
        assert_eq!(MODEL.matching("POST", "/v1/things", ""), Ok(None));
        assert_eq!(MODEL.matching("GET", "/v1/things/%ff", ""), Err(NotText));
    }
}
