//! DeleteDeliveryStream.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::registry::Registry;
use crate::shapes::DELIVERY_STREAM_NAME;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteDeliveryStreamRequest {
    delivery_stream_name: Option<String>,
    /// About KMS grants, of which there are none here.
    #[serde(rename = "AllowForceDelete")]
    _allow_force_delete: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DeleteDeliveryStreamResponse {}

/// Deletes a delivery stream with what it still buffers, as AWS may.
pub(crate) async fn delete_delivery_stream(
    registry: &Arc<Registry>,
    context: &RequestContext,
    request: DeleteDeliveryStreamRequest,
) -> Result<DeleteDeliveryStreamResponse, ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.finish()?;

    let changing = registry.changing.clone().lock_owned().await;
    let active = registry.find(context, &name.unwrap_or_default())?;
    registry.delete(active, changing).await?;
    Ok(DeleteDeliveryStreamResponse {})
}
