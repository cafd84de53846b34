//! `GetQueueAttributes`: how a queue is, and how much is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, Clipped, RequestContext};
use serde::{Deserialize, Serialize};

use crate::blocking::blocking;
use crate::error::INVALID_ATTRIBUTE_NAME;
use crate::limits::ATTRIBUTES_MAX;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::settings::{READ_ONLY, is_attribute};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_url: String,
    #[serde(alias = "AttributeName")]
    attribute_names: Option<BoundedList<String, ATTRIBUTES_MAX>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

pub(super) async fn get_queue_attributes(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<Answer, ApiError> {
    let queue = registry.by_url(context, &request.queue_url)?;
    let names = request.attribute_names.unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| !is_attribute(name)) {
        let message = format!("Unknown Attribute {}.", Clipped(unknown));
        return Err(ApiError::invalid(INVALID_ATTRIBUTE_NAME, message));
    }
    let asked = registry.clone();
    let all = blocking(move || all(&asked, &queue)).await??;
    let is_asked = |name: &str| names.iter().any(|asked| asked == "All" || asked == name);
    Ok(Answer { attributes: all.into_iter().filter(|(name, _)| is_asked(name)).collect() })
}

/// All attributes of a queue.
fn all(registry: &Registry, queue: &Queue) -> Result<Vec<(&'static str, String)>, ApiError> {
    let description = queue.description();
    let counts = {
        let messages = queue.now(&registry.journal, registry.clock.now_ms())?;
        [messages.state.visible_count(), messages.state.in_flight_count(), messages.state.delayed_count()]
    };
    let value = |name: &str| match name {
        "ApproximateNumberOfMessages" => counts[0].to_string(),
        "ApproximateNumberOfMessagesNotVisible" => counts[1].to_string(),
        "ApproximateNumberOfMessagesDelayed" => counts[2].to_string(),
        "CreatedTimestamp" => (queue.created_ms / 1_000).to_string(),
        "LastModifiedTimestamp" => (description.modified_ms / 1_000).to_string(),
        _ => queue.arn.clone(),
    };
    let of_queue = READ_ONLY.iter().map(|name| (*name, value(name)));
    Ok(description.settings.all_shown().chain(of_queue).collect())
}
