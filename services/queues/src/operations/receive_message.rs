//! `ReceiveMessage`: takes messages, waiting for the first if that is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::{ApiError, BoundedList, Clipped, RequestContext};
use serde::{Deserialize, Serialize};

use crate::compose::check_id;
use crate::error::{INVALID_ATTRIBUTE_NAME, invalid_value};
use crate::limits::{ATTRIBUTE_NAMES_MAX, BATCH_MAX, VISIBILITY_TIMEOUT_SECONDS_MAX, WAIT_SECONDS_MAX};
use crate::message_attributes::{WireValue, md5_of, md5_of_body};
use crate::receiving::{Ask, Received, receive};
use crate::registry::Registry;
use crate::shown::{SYSTEM_ATTRIBUTES, system_attributes};

type Names = BoundedList<String, ATTRIBUTE_NAMES_MAX>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    #[serde(alias = "AttributeName")]
    attribute_names: Option<Names>,
    #[serde(alias = "MessageSystemAttributeName")]
    message_system_attribute_names: Option<Names>,
    #[serde(alias = "MessageAttributeName")]
    message_attribute_names: Option<Names>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: String,
    body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, WireValue>,
}

impl Answer {
    /// About how many bytes it has.
    pub(super) fn bytes(&self) -> usize {
        const BESIDES_BODY: usize = 512;
        self.messages.iter().map(|message| message.body.len() + BESIDES_BODY).sum()
    }
}

pub(super) async fn receive_message(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<Answer, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let names = [request.attribute_names, request.message_system_attribute_names].map(Option::unwrap_or_default);
    let names: Vec<&String> = names.iter().flat_map(|names| names.iter()).collect();
    if let Some(unknown) = names.iter().find(|name| **name != "All" && !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
        let message = format!("Unknown Attribute {}.", Clipped(unknown));
        return Err(ApiError::invalid(INVALID_ATTRIBUTE_NAME, message));
    }
    let most = number(request.max_number_of_messages, 1..=BATCH_MAX as u64, || {
        ("MaxNumberOfMessages", format!("Must be between 1 and {BATCH_MAX}, if provided."))
    })?;
    let visibility_seconds = number(request.visibility_timeout, 0..=VISIBILITY_TIMEOUT_SECONDS_MAX, || {
        ("VisibilityTimeout", format!("Must be between 0 and {VISIBILITY_TIMEOUT_SECONDS_MAX}, if provided."))
    })?;
    let wait = number(request.wait_time_seconds, 0..=WAIT_SECONDS_MAX, || {
        ("WaitTimeSeconds", format!("Must be >= 0 and <= {WAIT_SECONDS_MAX}, if provided."))
    })?;
    check_id("ReceiveRequestAttemptId", request.receive_request_attempt_id.as_deref())?;
    let ask = Ask {
        messages_max: most.unwrap_or(1) as usize,
        visibility_seconds,
        wait: Some(Duration::from_secs(wait.unwrap_or_else(|| queue.description().settings.wait_seconds))),
        attempt: request.receive_request_attempt_id,
    };
    let received = receive(registry, &queue, ask).await?.keep();
    let is_system_asked = |name: &str| names.iter().any(|asked| *asked == "All" || *asked == name);
    let patterns = request.message_attribute_names.unwrap_or_default();
    let is_asked = |name: &str| patterns.iter().any(|pattern| matches(pattern, name));
    let is_fifo = queue.name.is_fifo();
    let shown = received.into_iter().map(|message| shown(message, is_fifo, is_system_asked, is_asked));
    Ok(Answer { messages: shown.collect() })
}

fn shown(
    message: Received,
    is_fifo: bool,
    is_system_asked: impl Fn(&str) -> bool,
    is_asked: impl Fn(&str) -> bool,
) -> Message {
    let attributes =
        system_attributes(&message, is_fifo).into_iter().filter(|(name, _)| is_system_asked(name)).collect();
    let asked: Vec<_> = message.contents.attributes.into_iter().filter(|(name, _)| is_asked(name)).collect();
    Message {
        message_id: message.contents.id.to_string(),
        receipt_handle: message.receipt.to_handle(),
        md5_of_body: md5_of_body(&message.contents.body),
        body: message.contents.body,
        attributes,
        md5_of_attributes: md5_of(asked.iter().map(|(name, value)| (name.as_str(), value))),
        message_attributes: asked.into_iter().map(|(name, value)| (name, value.into())).collect(),
    }
}

/// Whether an attribute is among those that `pattern` asks for: all, those with a prefix, or one.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    }
}

fn number(
    asked: Option<i64>,
    range: std::ops::RangeInclusive<u64>,
    refusal: impl FnOnce() -> (&'static str, String),
) -> Result<Option<u64>, ApiError> {
    let Some(asked) = asked else { return Ok(None) };
    match u64::try_from(asked).ok().filter(|number| range.contains(number)) {
        Some(number) => Ok(Some(number)),
        None => {
            let (parameter, reason) = refusal();
            Err(invalid_value(asked, parameter, &reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_asked_for_by_name_prefix_or_all() {
        for (pattern, is_asked) in
            [("All", true), (".*", true), ("trace.*", true), ("trace.id", true), ("trace", false), ("other.*", false)]
        {
            assert_eq!(matches(pattern, "trace.id"), is_asked, "{pattern}");
        }
    }
}
