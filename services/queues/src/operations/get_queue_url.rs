//! `GetQueueUrl`: the URL of a queue.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::Deserialize;

use super::create_queue::QueueUrlAnswer;
use crate::error::{invalid_value, missing};
use crate::name::QueueName;
use crate::registry::Registry;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

pub(super) async fn get_queue_url(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: Request,
) -> Result<QueueUrlAnswer, ApiError> {
    let name = QueueName::of(context, request.queue_name.ok_or_else(|| missing("QueueName"))?);
    let account = match request.owner {
        None => context.account,
        Some(owner) => owner
            .parse()
            .map_err(|_| invalid_value(&owner, "QueueOwnerAWSAccountId", "An account has twelve digits."))?,
    };
    let queue = registry.get(&QueueName { account, ..name })?;
    Ok(QueueUrlAnswer { queue_url: queue.name.url(context) })
}
