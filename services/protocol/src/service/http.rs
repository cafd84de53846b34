//! Where an operation is in HTTP (Smithy's "HTTP bindings"): data of the service model.

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
    pub(super) fn labels<'path>(
        &self,
        path: &'path str,
        query: &str,
    ) -> Option<(Vec<(&'static str, &'path str)>, usize)> {
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
