//! DynamoDB Streams: a second API with its own target prefix over the same tables.

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Service, ServiceModel};
use async_trait::async_trait;

use crate::model;
use crate::service::Tables;

/// The change records of tables that have a `StreamSpecification`.
pub struct TableStreams(Arc<Tables>);

impl Tables {
    /// The DynamoDB Streams API (`DynamoDBStreams_20120810`) over the same tables.
    pub fn streams(self: &Arc<Self>) -> TableStreams {
        TableStreams(self.clone())
    }
}

#[async_trait]
impl Service for TableStreams {
    fn model(&self) -> &'static ServiceModel {
        &model::TABLE_STREAMS
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        self.0.answer(call).await
    }
}
