//! DynamoDB Streams: a second API with its own target prefix over the same tables.

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Service, ServiceModel};
use async_trait::async_trait;

use crate::{Tables, model};

/// The change records of tables that have a `StreamSpecification`.
pub struct TableStreams(Arc<Tables>);

impl TableStreams {
    pub(crate) fn new(tables: Arc<Tables>) -> Self {
        Self(tables)
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
