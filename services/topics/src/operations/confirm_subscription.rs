//! ConfirmSubscription.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::catalog::{Edit, of_topic};
use crate::confirmation::is_over;
use crate::error::{invalid, missing};
use crate::names::topic_arn;
use crate::shared::Shared;
use crate::stored::StoredSubscription;
use crate::subscription::Subscription;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfirmSubscriptionRequest {
    topic_arn: Option<String>,
    token: Option<String>,
    authenticate_on_unsubscribe: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfirmSubscriptionAnswer {
    subscription_arn: String,
}

/// Confirms a subscription by the token that its endpoint was sent; again makes no difference.
pub(super) async fn confirm_subscription(
    shared: &Shared,
    request: ConfirmSubscriptionRequest,
) -> Result<ConfirmSubscriptionAnswer, ApiError> {
    let arn = topic_arn("TopicArn", request.topic_arn.as_deref())?.to_string();
    let token = request.token.filter(|token| !token.is_empty()).ok_or_else(|| missing("Token"))?;
    let was_authenticated = request.authenticate_on_unsubscribe.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let now_ms = shared.clock.now_ms();
    let confirmed = shared.catalog.change(move |contents, draft| {
        contents.topic(&arn)?;
        let by_token = |one: &Subscription| one.stored.token.as_ref().is_some_and(|own| own.text == token);
        let found = contents.find_subscription(&of_topic(&arn), by_token);
        let found = found.filter(|found| !is_over(&found.stored, now_ms)).ok_or_else(|| invalid("Token"))?;
        if !found.stored.is_confirmed {
            let stored = StoredSubscription { is_confirmed: true, was_authenticated, ..found.stored.clone() };
            draft.edits.push(Edit::PutSubscription(Arc::new(Subscription::of(stored)?)));
        }
        Ok(found.arn().to_string())
    });
    Ok(ConfirmSubscriptionAnswer { subscription_arn: confirmed.await? })
}
