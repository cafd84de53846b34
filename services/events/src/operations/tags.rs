//! TagResource, UntagResource and ListTagsForResource: of rules and event buses.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, List, Violations};
use serde::{Deserialize, Serialize};

use super::tag_list::{self, Tag, TagList};
use crate::bus::{Bus, BusAddress, BusSettings};
use crate::error::not_found;
use crate::events::Events;
use crate::registry::Changing;
use crate::rule::{Rule, RuleSettings};
use crate::shapes::{ARN, TAG_KEY};

/// Most keys that are removed at a time.
const KEYS: List = List { min: 0, max: 200 };

#[derive(Debug, Deserialize)]
pub(super) struct TagResourceRequest {
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
    #[serde(rename = "Tags")]
    tags: Option<TagList>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UntagResourceRequest {
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
    #[serde(rename = "TagKeys")]
    tag_keys: Option<BoundedList<String, { KEYS.max }>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListTagsForResourceRequest {
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsForResourceResponse {
    tags: Vec<Tag>,
}

/// The answer without members.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

/// What has tags.
enum Tagged {
    Bus(Arc<Bus>),
    Rule(Arc<Bus>, Arc<Rule>),
}

impl Tagged {
    fn find(events: &Events, arn: &str) -> Result<Self, ApiError> {
        if let Some(address) = BusAddress::of_arn(arn) {
            let missing = || not_found(format!("Event bus {} does not exist.", address.name));
            return events.registry.find(&address).map(Self::Bus).ok_or_else(missing);
        }
        let rule = events.registry.rule_by_arn(arn);
        let found = rule.and_then(|rule| {
            let bus = events.registry.find(&BusAddress::of_arn(&rule.settings.bus_arn)?)?;
            Some(Self::Rule(bus, rule))
        });
        found.ok_or_else(|| not_found(format!("{arn} does not exist.")))
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Bus(bus) => &bus.settings.tags,
            Self::Rule(_, rule) => &rule.settings.tags,
        }
    }

    async fn set(self, events: &Events, changing: Changing, tags: BTreeMap<String, String>) -> Result<(), ApiError> {
        match self {
            Self::Bus(bus) => {
                let settings = BusSettings { tags, ..bus.settings.clone() };
                events.registry.put_bus(changing, bus.with_settings(settings)).await
            }
            Self::Rule(bus, rule) => {
                let settings = RuleSettings { tags, ..rule.settings.clone() };
                events.registry.put_rule(changing, &bus, Rule { settings, ..(*rule).clone() }).await
            }
        }
    }
}

pub(super) async fn tag_resource(events: &Events, request: TagResourceRequest) -> Result<Nothing, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceARN", request.resource_arn.as_deref(), &ARN);
    violations.required("tags", request.tags.as_ref());
    let tags = request.tags.unwrap_or_default();
    tag_list::check(&tags, &mut violations);
    violations.finish()?;
    let changing = events.registry.changing().await;
    let tagged = Tagged::find(events, request.resource_arn.as_deref().unwrap_or_default())?;
    let merged = tag_list::merged(tagged.tags(), &tags)?;
    tagged.set(events, changing, merged).await?;
    Ok(Nothing {})
}

pub(super) async fn untag_resource(events: &Events, request: UntagResourceRequest) -> Result<Nothing, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceARN", request.resource_arn.as_deref(), &ARN);
    violations.required("tagKeys", request.tag_keys.as_ref());
    let keys = request.tag_keys.unwrap_or_default();
    violations.texts("tagKeys", &keys, &KEYS, &TAG_KEY);
    violations.finish()?;
    let changing = events.registry.changing().await;
    let tagged = Tagged::find(events, request.resource_arn.as_deref().unwrap_or_default())?;
    let mut tags = tagged.tags().clone();
    tags.retain(|key, _| !keys.contains(key));
    tagged.set(events, changing, tags).await?;
    Ok(Nothing {})
}

pub(super) fn list_tags_for_resource(
    events: &Events,
    request: &ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("resourceARN", request.resource_arn.as_deref(), &ARN);
    violations.finish()?;
    let tagged = Tagged::find(events, request.resource_arn.as_deref().unwrap_or_default())?;
    Ok(ListTagsForResourceResponse { tags: tag_list::listed(tagged.tags()) })
}
