//! Refusals, as clients of REST services read them.

use quick_xml::Writer;
use serde_json::{Map, Value};

use super::{HttpAnswer, RestBody, RestStyle};
use crate::query::{declare, element};
use crate::{ApiError, Clipped, ErrorKind};

/// An exception of a service model whose form is not the usual one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelledError {
    /// Such as `ResourceNotFoundException`.
    pub code: &'static str,
    /// Its status.
    pub status: u16,
    /// The member that holds its message: `message` or `Message`.
    pub message_member: &'static str,
}

/// The status of errors of a kind, unless the service model says otherwise.
fn status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Invalid | ErrorKind::Serialization | ErrorKind::LimitExceeded | ErrorKind::Unsupported => 400,
        ErrorKind::AccessDenied => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::Conflict => 409,
        ErrorKind::TooLarge => 413,
        ErrorKind::Throttled => 429,
        ErrorKind::Internal => 500,
        ErrorKind::Unavailable => 503,
    }
}

/// An error in the form of its service.
pub fn rest_error(style: &RestStyle, error: &ApiError, request_id: &str) -> HttpAnswer {
    let modelled = style.exceptions.iter().find(|modelled| modelled.code == error.code);
    let status = modelled.map_or_else(|| status(error.kind), |modelled| modelled.status);
    // Some messages repeat a name or an ARN of the request, however long.
    let message = Clipped(&error.message).to_string();
    match style.body {
        RestBody::Json => {
            let mut body: Map<String, Value> = error.details.clone();
            let member = modelled.map_or("message", |modelled| modelled.message_member);
            body.insert(member.into(), message.into());
            body.insert("Type".into(), if status < 500 { "User" } else { "Service" }.into());
            HttpAnswer::new(status, Value::Object(body).to_string().into())
                .with_header("content-type", "application/json")
                .with_header("x-amzn-errortype", error.code)
        }
        RestBody::Xml => {
            // Writing to memory does not fail.
            let body = rest_xml_error(error.code, &message, request_id).unwrap_or_default();
            HttpAnswer::new(status, body.into()).with_header("content-type", "application/xml")
        }
    }
}

/// An error as clients of REST-XML services, such as S3, read it.
///
/// # Errors
/// None: writing to memory does not fail.
pub fn rest_xml_error(code: &str, message: &str, request_id: &str) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::with_capacity(256));
    declare(&mut writer)?;
    writer.create_element("Error").write_inner_content(|writer| {
        element(writer, "Code", code)?;
        element(writer, "Message", message)?;
        element(writer, "RequestId", request_id)
    })?;
    Ok(writer.into_inner())
}
