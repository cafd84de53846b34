//! ListDeliveryStreams.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::limits::LIST_LIMIT_DEFAULT;
use crate::registry::Registry;
use crate::shapes::{DELIVERY_STREAM_NAME, DELIVERY_STREAM_TYPE, LIST_LIMIT};

/// `DeliveryStreamType` that is listed unless another is asked for.
const TYPE_DEFAULT: &str = "DirectPut";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListDeliveryStreamsRequest {
    limit: Option<i64>,
    delivery_stream_type: Option<String>,
    exclusive_start_delivery_stream_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListDeliveryStreamsResponse {
    delivery_stream_names: Vec<String>,
    has_more_delivery_streams: bool,
}

/// Lists names in alphabetical order, of the caller's region and account.
pub(crate) fn list_delivery_streams(
    registry: &Registry,
    context: &RequestContext,
    request: ListDeliveryStreamsRequest,
) -> Result<ListDeliveryStreamsResponse, ApiError> {
    let mut violations = Violations::default();
    let limit = request.limit.unwrap_or(LIST_LIMIT_DEFAULT);
    violations.integer("limit", Some(limit), &LIST_LIMIT);
    let start = request.exclusive_start_delivery_stream_name;
    violations.text("exclusiveStartDeliveryStreamName", start.as_deref(), &DELIVERY_STREAM_NAME);
    let wanted = request.delivery_stream_type.as_deref().unwrap_or(TYPE_DEFAULT);
    violations.text("deliveryStreamType", Some(wanted), &DELIVERY_STREAM_TYPE);
    violations.finish()?;

    let after = start.unwrap_or_default();
    let mut names = registry
        .of_caller(context)
        .into_iter()
        .filter(|active| active.stream.source.type_name() == wanted && active.stream.name > after)
        .map(|active| active.stream.name.clone());
    let delivery_stream_names = names.by_ref().take(limit as usize).collect();
    Ok(ListDeliveryStreamsResponse { delivery_stream_names, has_more_delivery_streams: names.next().is_some() })
}
