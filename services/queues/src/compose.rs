//! Messages as senders describe them, checked against their queue.

use anabranch_ports::MessageAttribute;
use anabranch_protocol::{ApiError, RequestContext};
use serde::Deserialize;
use uuid::Uuid;

use crate::dedup;
use crate::error::{INVALID_MESSAGE_CONTENTS, invalid_parameter, invalid_value, missing};
use crate::limits::{DELAY_SECONDS_MAX, ID_CHARACTERS_MAX};
use crate::message_attributes::{self, ALLOWED, WireAttributes, is_allowed};
use crate::record::Contents;
use crate::sending::Outgoing;
use crate::settings::Settings;

/// The members that SendMessage and an entry of SendMessageBatch have in common.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Draft {
    pub(crate) message_body: Option<String>,
    pub(crate) delay_seconds: Option<i64>,
    #[serde(alias = "MessageAttribute")]
    pub(crate) message_attributes: Option<WireAttributes>,
    #[serde(alias = "MessageSystemAttribute")]
    pub(crate) message_system_attributes: Option<WireAttributes>,
    pub(crate) message_deduplication_id: Option<String>,
    pub(crate) message_group_id: Option<String>,
}

impl Draft {
    /// The message to be sent.
    pub(crate) fn checked(self, settings: &Settings, context: &RequestContext) -> Result<Outgoing, ApiError> {
        let attributes = message_attributes::checked(self.message_attributes.unwrap_or_default())?;
        let trace_header = message_attributes::checked_system(self.message_system_attributes.unwrap_or_default())?;
        let plain = Plain {
            body: self.message_body.unwrap_or_default(),
            attributes,
            trace_header,
            delay_seconds: self.delay_seconds,
            group: self.message_group_id,
            deduplication: self.message_deduplication_id,
            sender: context.account.to_string(),
        };
        plain.checked(settings)
    }
}

/// A message whose attributes are checked.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, MessageAttribute)>,
    pub(crate) trace_header: Option<String>,
    pub(crate) delay_seconds: Option<i64>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
    pub(crate) sender: String,
}

impl Plain {
    /// The message to be sent.
    pub(crate) fn checked(self, settings: &Settings) -> Result<Outgoing, ApiError> {
        let Self { body, attributes, trace_header, delay_seconds, group, deduplication, sender } = self;
        if body.is_empty() {
            return Err(missing("MessageBody"));
        }
        if !body.chars().all(is_allowed) {
            let message = format!("Invalid characters found. {ALLOWED}");
            return Err(ApiError::invalid(INVALID_MESSAGE_CONTENTS, message));
        }
        let most = settings.message_bytes_max;
        if (body.len() + message_attributes::size(&attributes)) as u64 > most {
            let reason =
                format!("One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.");
            return Err(invalid_parameter(reason));
        }
        let delay_seconds = delay(delay_seconds, settings)?;
        check_id("MessageGroupId", group.as_deref())?;
        check_id("MessageDeduplicationId", deduplication.as_deref())?;
        let deduplication = match (settings.is_fifo, deduplication) {
            (false, None) => None,
            (false, Some(id)) => {
                let reason = "The request include parameter that is not valid for this queue type.";
                return Err(invalid_value(id, "MessageDeduplicationId", reason));
            }
            (true, _) if group.is_none() => return Err(missing("MessageGroupId")),
            (true, Some(id)) => Some(id),
            (true, None) if settings.deduplicates_by_content => Some(dedup::of_content(&body)),
            (true, None) => {
                return Err(invalid_parameter(
                    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
                ));
            }
        };
        let id = Uuid::new_v4();
        let contents = Contents { id, body, attributes, sender, group, deduplication, trace_header, source_arn: None };
        Ok(Outgoing { contents, delay_seconds })
    }
}

/// What a message counts against the size of a batch, in bytes.
pub(crate) fn size(outgoing: &Outgoing) -> usize {
    outgoing.contents.body.len() + message_attributes::size(&outgoing.contents.attributes)
}

fn delay(asked: Option<i64>, settings: &Settings) -> Result<u64, ApiError> {
    let Some(asked) = asked else { return Ok(settings.delay_seconds) };
    let delay = u64::try_from(asked).ok().filter(|seconds| *seconds <= DELAY_SECONDS_MAX);
    let delay = delay.ok_or_else(|| invalid_value(asked, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."))?;
    if settings.is_fifo && delay > 0 {
        // In FIFO queues the delay is the queue's ("SendMessage").
        let reason = "The request include parameter that is not valid for this queue type.";
        return Err(invalid_value(asked, "DelaySeconds", reason));
    }
    Ok(if settings.is_fifo { settings.delay_seconds } else { delay })
}

/// Checks a group id, a deduplication id or the id of an attempt ("SendMessage").
pub(crate) fn check_id(parameter: &str, id: Option<&str>) -> Result<(), ApiError> {
    let Some(id) = id else { return Ok(()) };
    let is_plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && (1..=ID_CHARACTERS_MAX).contains(&id.len()) {
        return Ok(());
    }
    let reason = format!(
        "{parameter} can only include alphanumeric and punctuation characters. 1 to {ID_CHARACTERS_MAX} in length."
    );
    Err(invalid_value(id, parameter, &reason))
}
