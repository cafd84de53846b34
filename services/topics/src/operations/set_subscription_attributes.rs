//! SetSubscriptionAttributes.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use serde::Deserialize;

use super::subscribe::check_filters;
use crate::catalog::Edit;
use crate::error::missing;
use crate::names::subscription_arn;
use crate::shared::Shared;
use crate::subscription::{Subscription, checked};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetSubscriptionAttributesRequest {
    subscription_arn: Option<String>,
    attribute_name: Option<String>,
    attribute_value: Option<String>,
}

/// Sets an attribute of a subscription, or takes it away where the value is empty.
pub(super) async fn set_subscription_attributes(
    shared: &Shared,
    request: SetSubscriptionAttributesRequest,
) -> Result<(), ApiError> {
    let arn = subscription_arn(request.subscription_arn.as_deref())?.to_string();
    let name = request.attribute_name.filter(|name| !name.is_empty()).ok_or_else(|| missing("AttributeName"))?;
    let value = request.attribute_value.unwrap_or_default();
    let changed = shared.catalog.change(move |contents, draft| {
        let subscription = contents.subscription(&arn)?;
        let topic = contents.topic(subscription.topic_arn())?;
        let mut stored = subscription.stored.clone();
        let kept = match value.is_empty() && name != "RawMessageDelivery" {
            // The name is checked all the same.
            true => checked(&name, "{}")?.filter(|_| false),
            false => checked(&name, &value)?,
        };
        match kept {
            Some(value) => drop(stored.attributes.insert(name, value)),
            None => drop(stored.attributes.remove(&name)),
        }
        let changed = Subscription::of(stored)?;
        check_filters(contents, topic, &changed)?;
        draft.edits.push(Edit::PutSubscription(Arc::new(changed)));
        Ok(())
    });
    changed.await
}
