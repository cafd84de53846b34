//! The AWS Query protocol: a form in, XML out. SNS, IAM, STS, CloudFormation and older clients of
//! SQS speak it (Smithy's "AWS query protocol").

mod deserializer;
mod form;
mod serializer;
mod style;

use std::io::Write;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde::{Deserialize, Serialize};

use crate::ApiError;
pub(crate) use deserializer::Parameter;
pub(crate) use form::Form;
pub use form::{PARAMETER_DEPTH_MAX, PARAMETERS_MAX};
use serializer::{Failure, Named, Root};
pub use style::QueryStyle;

/// Content type of its answers.
pub const QUERY_ANSWER_TYPE: &str = "text/xml";

/// A request: what `Action` and `Version` name, and the parameters of the operation.
#[derive(Debug)]
pub struct QueryRequest {
    /// The operation.
    pub action: String,
    /// The version of the API, which tells services apart.
    pub version: String,
    form: Form,
}

impl QueryRequest {
    /// Reads a form, of a body or of a URL's query.
    ///
    /// # Errors
    /// `MalformedQueryString` when it has too many parameters or names that contradict one
    /// another, `MissingAction` when it names no operation.
    pub fn parse(form: &[u8]) -> Result<Self, ApiError> {
        let mut form = Form::parse(form)?;
        let action = form.take("Action").filter(|action| !action.is_empty());
        let action = action
            .ok_or_else(|| ApiError::invalid("MissingAction", "The request must contain the parameter Action."))?;
        let version = form.take("Version").unwrap_or_default();
        Ok(Self { action, version, form })
    }

    /// Gives the parameter `name` the value `value`, unless the form has it.
    pub fn set_default(&mut self, name: &str, value: String) {
        self.form.below.entry(name.into()).or_insert_with(|| Form::of_text(value));
    }

    /// The operation's input.
    ///
    /// # Errors
    /// `MalformedInput` when a parameter is not of the type that the operation asks for.
    pub fn decode<'form, T: Deserialize<'form>>(&'form self) -> Result<T, ApiError> {
        T::deserialize(deserializer::Parameter::root(&self.form))
            .map_err(|error| ApiError::invalid("MalformedInput", error.to_string()))
    }
}

/// The answer to `action`: `<ActionResponse><ActionResult>…</ActionResult><ResponseMetadata>…`.
/// Operations without output have no result element.
///
/// # Errors
/// `InternalFailure` when the value has no form in XML.
pub fn query_answer<T: Serialize>(
    style: &QueryStyle,
    action: &str,
    answer: Option<&T>,
    request_id: &str,
) -> Result<Vec<u8>, ApiError> {
    let mut writer = Writer::new(Vec::with_capacity(512));
    let write = |writer: &mut Writer<Vec<u8>>| -> Result<(), Failure> {
        declare(writer)?;
        let response = writer.create_element(format!("{action}Response")).with_attribute(("xmlns", style.namespace));
        response.write_inner_content(|writer| {
            if let Some(answer) = answer {
                let name = format!("{action}Result");
                answer.serialize(Named::new(writer, style, &name)).map_err(std::io::Error::other)?;
            }
            let metadata = writer.create_element("ResponseMetadata");
            metadata.write_inner_content(|writer| element(writer, "RequestId", request_id)).map(drop)
        })?;
        Ok(())
    };
    write(&mut writer).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(writer.into_inner())
}

/// An error as clients of the Query protocol read it.
///
/// # Errors
/// None: writing to memory does not fail.
pub fn query_error(style: &QueryStyle, error: &ApiError, request_id: &str) -> std::io::Result<Vec<u8>> {
    let fault = if error.kind.is_ours() { "Receiver" } else { "Sender" };
    let mut writer = Writer::new(Vec::with_capacity(256));
    declare(&mut writer)?;
    let response = writer.create_element("ErrorResponse").with_attribute(("xmlns", style.namespace));
    response.write_inner_content(|writer| {
        writer.create_element("Error").write_inner_content(|writer| {
            element(writer, "Type", fault)?;
            element(writer, "Code", error.code)?;
            element(writer, "Message", &error.message)
        })?;
        element(writer, "RequestId", request_id)
    })?;
    Ok(writer.into_inner())
}

/// A document of the REST-XML protocol: `output` in an element called `root`, without the members
/// that travel outside the body.
///
/// # Errors
/// `InternalFailure` when the value has no form in XML.
pub(crate) fn xml_document<T: Serialize>(
    namespace: &str,
    root: &str,
    output: &T,
    outside: &[&str],
) -> Result<Vec<u8>, ApiError> {
    let style = QueryStyle { namespace: "", is_flattened: false, renamed: &[] };
    let mut writer = Writer::new(Vec::with_capacity(512));
    let write = |writer: &mut Writer<Vec<u8>>| -> Result<(), Failure> {
        declare(writer)?;
        output.serialize(Named::root(writer, &style, root, Root { namespace, outside }))
    };
    write(&mut writer).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(writer.into_inner())
}

pub(crate) fn declare(writer: &mut Writer<impl Write>) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
}

pub(crate) fn element(writer: &mut Writer<impl Write>, name: &str, text: &str) -> std::io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(text)).map(drop)
}

#[cfg(test)]
mod tests;
