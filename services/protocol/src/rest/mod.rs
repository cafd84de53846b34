//! The REST protocols: method and path name the operation, and its members are in the path, the
//! query, header fields and a body of JSON or XML (Smithy's "AWS restJson1 protocol" and "AWS
//! restXml protocol").

mod answer;
mod error;
mod json;
mod request;
mod xml;

pub use answer::HttpAnswer;
pub(crate) use answer::{answer, payload};
pub use error::{ModelledError, rest_error, rest_xml_error};
pub use request::RestRequest;

/// How the body of a REST service is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestBody {
    /// REST-JSON.
    Json,
    /// REST-XML.
    Xml,
}

/// How a REST service writes its answers and refusals.
#[derive(Debug, Clone, Copy)]
pub struct RestStyle {
    /// What bodies are written in.
    pub body: RestBody,
    /// XML namespace of answers, for REST-XML.
    pub namespace: &'static str,
    /// The exception for a body that can't be read.
    pub malformed_body: &'static str,
    /// The exception for a member outside the body that is not of its type.
    pub malformed_member: &'static str,
    /// The exception for a body that is larger than is read at all.
    pub too_large: &'static str,
    /// Exceptions whose status or form is not the usual one of their kind.
    pub exceptions: &'static [ModelledError],
}

impl RestStyle {
    /// REST-JSON with the usual exceptions.
    pub const JSON: Self = Self {
        body: RestBody::Json,
        namespace: "",
        malformed_body: "SerializationException",
        malformed_member: "ValidationException",
        too_large: "RequestEntityTooLargeException",
        exceptions: &[],
    };

    /// REST-XML with the usual exceptions, in the namespace `namespace`.
    pub const fn xml(namespace: &'static str) -> Self {
        Self {
            body: RestBody::Xml,
            namespace,
            malformed_body: "MalformedXML",
            malformed_member: "InvalidInput",
            too_large: "EntityTooLarge",
            exceptions: &[],
        }
    }
}

#[cfg(test)]
mod tests;
