//! CreateLogStream and DeleteLogStream.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use crate::error::finish;
use crate::group::Group;
use crate::shapes::{LOG_GROUP_NAME, LOG_STREAM_NAME};
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogStreamRequest {
    log_group_name: Option<String>,
    log_stream_name: Option<String>,
}

impl LogStreamRequest {
    fn checked(self, shared: &Shared, context: &RequestContext) -> Result<(Arc<Group>, String), ApiError> {
        let mut violations = Violations::default();
        violations.required_text("logGroupName", self.log_group_name.as_deref(), &LOG_GROUP_NAME);
        violations.required_text("logStreamName", self.log_stream_name.as_deref(), &LOG_STREAM_NAME);
        finish(violations)?;
        let group = shared.groups.find(context, self.log_group_name.as_deref().unwrap_or_default())?;
        Ok((group, self.log_stream_name.unwrap_or_default()))
    }
}

/// Makes a log stream.
pub(super) async fn create(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: LogStreamRequest,
) -> Result<(), ApiError> {
    let (group, name) = request.checked(shared, context)?;
    shared.blocking(move |shared| Ok(group.create_stream(&shared.store, &name)?)).await
}

/// Deletes a log stream with its events.
pub(super) async fn delete(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: LogStreamRequest,
) -> Result<(), ApiError> {
    let (group, name) = request.checked(shared, context)?;
    shared.blocking(move |shared| Ok(group.delete_stream(&shared.store, &name)?)).await
}
