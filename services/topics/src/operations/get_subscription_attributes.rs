//! GetSubscriptionAttributes.

use std::collections::BTreeMap;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::names::subscription_arn;
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSubscriptionAttributesRequest {
    subscription_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSubscriptionAttributesAnswer {
    attributes: BTreeMap<String, String>,
}

/// Tells a subscription's attributes.
pub(super) fn get_subscription_attributes(
    shared: &Shared,
    request: &GetSubscriptionAttributesRequest,
) -> Result<GetSubscriptionAttributesAnswer, ApiError> {
    let arn = subscription_arn(request.subscription_arn.as_deref())?;
    let attributes = shared.catalog.read(|contents| {
        let subscription = contents.subscription(arn)?;
        Ok(subscription.attributes(contents.topic(subscription.topic_arn())?))
    });
    Ok(GetSubscriptionAttributesAnswer { attributes: attributes? })
}
