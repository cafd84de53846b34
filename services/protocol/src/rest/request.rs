//! A request, read into an operation's input.

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde::Deserialize;

use super::{RestBody, RestStyle, json, xml};
use crate::query::{Form, Parameter};
use crate::service::{HttpBinding, Matched, Place};
use crate::{ApiError, ErrorKind};

/// A request of a REST service: the members that are outside its body, and the body.
#[derive(Debug)]
pub struct RestRequest {
    pub(crate) style: RestStyle,
    /// Members in path, query and header fields; those of an XML body too.
    members: Form,
    body: Bytes,
    has_payload: bool,
}

impl RestRequest {
    /// Reads what is outside the body, and an XML body.
    ///
    /// # Errors
    /// The style's exceptions for query parameters or an XML body that can't be read.
    pub fn read(style: RestStyle, matched: Matched, head: &Parts, body: Bytes) -> Result<Self, ApiError> {
        // Whatever is sent with them means nothing.
        let has_body = !matches!(head.method, Method::GET | Method::HEAD | Method::DELETE);
        let body = if has_body { body } else { Bytes::new() };
        let binding = matched.operation.http.as_ref();
        let bound = binding.map_or(&[][..], |binding: &HttpBinding| binding.input);
        let has_payload = bound.iter().any(|member| member.place == Place::Payload);
        let mut members = match style.body {
            RestBody::Xml if !has_payload && !body.is_empty() => {
                xml::read(&body).map_err(|why| ApiError::new(ErrorKind::Serialization, style.malformed_body, why))?
            }
            _ => Form::default(),
        };
        for (name, value) in matched.labels {
            members.below.insert(name.into(), Form::of_text(value));
        }
        let query = head.uri.query().unwrap_or_default();
        for member in bound {
            let found = match member.place {
                Place::Query(name) => Form::of_texts(
                    form_urlencoded::parse(query.as_bytes())
                        .filter(|(parameter, _)| parameter == name)
                        .map(|(_, value)| value.into_owned()),
                ),
                Place::Header(name) => head
                    .headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .map(|value| Form::of_text(value.into())),
                Place::Payload | Place::Status => None,
            };
            if let Some(found) = found {
                members.below.insert(member.name.into(), found);
            }
        }
        Ok(Self { style, members, body, has_payload })
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The operation's input. A payload is not part of it.
    ///
    /// # Errors
    /// The style's exceptions, for the body and for what is outside it.
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ApiError> {
        let misfit = |why: String| ApiError::invalid(self.style.malformed_member, why);
        match self.style.body {
            RestBody::Json => {
                let body: &[u8] = if self.has_payload || self.body.is_empty() { b"{}" } else { &self.body };
                json::decode(&self.members, body).map_err(|refused| match refused {
                    json::Refused::Member(why) => misfit(why),
                    json::Refused::Body(why) => ApiError::new(
                        ErrorKind::Serialization,
                        self.style.malformed_body,
                        format!("Could not parse request body into json: {why}"),
                    ),
                })
            }
            RestBody::Xml => T::deserialize(Parameter::root(&self.members)).map_err(|error| misfit(error.to_string())),
        }
    }
}
