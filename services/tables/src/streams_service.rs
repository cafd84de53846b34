//! DynamoDB Streams: a second API with its own target prefix over the same tables.

use std::sync::Arc;

use anabranch_protocol::{ApiError, Encoding, JsonService, RequestContext};
use async_trait::async_trait;
use bytes::Bytes;

use crate::{Tables, operations};

/// The change records of tables that have a `StreamSpecification`.
pub struct TableStreams(Arc<Tables>);

impl TableStreams {
    /// The operations of this API.
    pub(crate) const OPERATIONS: [&str; 4] = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];

    pub(crate) fn new(tables: Arc<Tables>) -> Self {
        Self(tables)
    }
}

#[async_trait]
impl JsonService for TableStreams {
    fn target_prefix(&self) -> &'static str {
        "DynamoDBStreams_20120810"
    }

    async fn call(
        &self,
        context: &RequestContext,
        operation: &str,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        if !self.speaks(encoding) {
            return Err(ApiError::serialization("DynamoDB speaks JSON only"));
        }
        if !Self::OPERATIONS.contains(&operation) {
            return Err(operations::unsupported(operation));
        }
        self.0.perform(context, operation, body).await
    }
}
