//! The DynamoDB table `funnel` as a [`FunnelStore`]: `TransactWriteItems` adding to string sets.
//!
//! A transaction takes twice the write units of as many single updates, and a fraction of their calls, each of which
//! costs the function a signature, a round trip and its waiting.

use crate::store::{FunnelStore, StoreError};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use click::Step;
use std::collections::BTreeSet;
use std::time::Duration;

/// How many times a transaction that meets another is tried.
const TRIES_MAX: u32 = 8;
/// Longest pause before the first retry; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(20);

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

    fn update(&self, session_id: &str, steps: &BTreeSet<Step>) -> Result<TransactWriteItem, BuildError> {
        let names = steps.iter().map(|step| step.name().to_owned()).collect();
        let update = Update::builder()
            .table_name(&self.table_name)
            .key("session_id", AttributeValue::S(session_id.to_owned()))
            .update_expression("ADD steps :steps")
            .expression_attribute_values(":steps", AttributeValue::Ss(names))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl FunnelStore for DynamoFunnel {
    async fn add_steps(&self, sessions: &[(String, BTreeSet<Step>)]) -> Result<(), StoreError> {
        let updates = sessions.iter().map(|(session_id, steps)| self.update(session_id, steps));
        let updates: Vec<_> = updates.collect::<Result<_, _>>().map_err(|error| StoreError(error.to_string()))?;
        let mut pause = PAUSE_FIRST;
        let mut tries = 1;
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(updates.clone()));
            match call.send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) && tries < TRIES_MAX => {}
                Err(error) => return Err(StoreError(DisplayErrorContext(error).to_string())),
            }
            tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
            pause *= 2;
            tries += 1;
        }
    }
}

/// Whether another transaction was in the way; nothing was written then.
fn is_conflict(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("TransactionConflict"))
        }
        _ => false,
    }
}
