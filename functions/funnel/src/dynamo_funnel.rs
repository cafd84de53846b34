//! The DynamoDB table `funnel` as a [`FunnelStore`]: `UpdateItem` adding to a string set.

use crate::store::{FunnelStore, StoreError};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use click::Step;
use std::collections::BTreeSet;

/// Steps in one DynamoDB table (partition key `session_id`, string set `steps`).
pub struct DynamoFunnel {
    client: Client,
    table_name: String,
}

impl DynamoFunnel {
    /// Steps in the table with that name.
    #[must_use]
    pub fn new(client: Client, table_name: String) -> Self {
        Self { client, table_name }
    }
}

impl FunnelStore for DynamoFunnel {
    async fn add_steps(&self, session_id: &str, steps: &BTreeSet<Step>) -> Result<(), StoreError> {
        let names = steps.iter().map(|step| step.name().to_owned()).collect();
        let call = self.client.update_item().table_name(&self.table_name);
        let call = call.key("session_id", AttributeValue::S(session_id.to_owned()));
        let call = call.update_expression("ADD steps :steps");
        let call = call.expression_attribute_values(":steps", AttributeValue::Ss(names));
        call.send().await.map(drop).map_err(|error| StoreError(DisplayErrorContext(error).to_string()))
    }
}
