//! The DynamoDB tables `seen` and `pages` as a [`Ledger`]: `TransactWriteItems` and `BatchGetItem`.

use crate::store::{Claim, Ledger, PageTotals, PageViews, StoreError};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

/// How long an event is remembered; a duplicate that comes later than this is counted.
const SEEN_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many times keys that `BatchGetItem` leaves out are asked for again.
const UNPROCESSED_TRIES_MAX: u32 = 8;

/// Claims and counts in two DynamoDB tables.
pub struct DynamoLedger {
    client: Client,
    seen_table: String,
    pages_table: String,
}

impl DynamoLedger {
    /// A ledger over the tables with those names (partition keys `event_id` and `page`).
    #[must_use]
    pub fn new(client: Client, seen_table: String, pages_table: String) -> Self {
        Self { client, seen_table, pages_table }
    }

    fn put_seen(&self, event_id: &str, object: &str, expires_at: i64) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder()
            .table_name(&self.seen_table)
            .item("event_id", AttributeValue::S(event_id.to_owned()))
            .item("object", AttributeValue::S(object.to_owned()))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .condition_expression("attribute_not_exists(event_id)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn count_page(&self, page: &str, totals: PageTotals) -> Result<TransactWriteItem, BuildError> {
        let update = Update::builder()
            .table_name(&self.pages_table)
            .key("page", AttributeValue::S(page.to_owned()))
            .update_expression("ADD #views :views, #bytes :bytes")
            .expression_attribute_names("#views", "views")
            .expression_attribute_names("#bytes", "bytes")
            .expression_attribute_values(":views", AttributeValue::N(totals.views.to_string()))
            .expression_attribute_values(":bytes", AttributeValue::N(totals.bytes.to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl Ledger for DynamoLedger {
    async fn claim(&self, object: &str, event_ids: &[&str], pages: &PageViews) -> Result<Claim, StoreError> {
        let expires_at = (Timestamp::now() + SEEN_FOR).as_second();
        let puts = event_ids.iter().map(|event_id| self.put_seen(event_id, object, expires_at));
        let counts = pages.iter().map(|(page, totals)| self.count_page(page, *totals));
        let items = puts.chain(counts).collect::<Result<Vec<_>, _>>();
        let items = items.map_err(|error| StoreError(error.to_string()))?;
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Claim::Done),
            Err(error) => refused(&error),
        }
    }

    async fn owners(&self, event_ids: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        let key = |id: &&str| HashMap::from([("event_id".to_owned(), AttributeValue::S((*id).to_owned()))]);
        let keys = KeysAndAttributes::builder().set_keys(Some(event_ids.iter().map(key).collect()));
        let keys = keys.consistent_read(true).build().map_err(|error| StoreError(error.to_string()))?;
        let mut request = Some(HashMap::from([(self.seen_table.clone(), keys)]));
        let mut owners = HashMap::new();
        for tried in 0..UNPROCESSED_TRIES_MAX {
            let call = self.client.batch_get_item().set_request_items(request.take());
            let output = call.send().await.map_err(|error| StoreError(DisplayErrorContext(error).to_string()))?;
            for item in output.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                owners.extend(owner(item));
            }
            match output.unprocessed_keys.filter(|keys| !keys.is_empty()) {
                None => return Ok(owners),
                unprocessed => request = unprocessed,
            }
            tokio::time::sleep(Duration::from_millis(20 << tried).mul_f64(fastrand::f64())).await;
        }
        Err(StoreError("BatchGetItem leaves keys unprocessed".into()))
    }
}

fn owner(item: HashMap<String, AttributeValue>) -> Option<(String, String)> {
    let text = |name| item.get(name)?.as_s().ok().cloned();
    Some((text("event_id")?, text("object")?))
}

/// Why a transaction was cancelled: an owned event is final, a conflict is temporary.
fn refused(error: &SdkError<TransactWriteItemsError>) -> Result<Claim, StoreError> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let has = |code| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") {
                Ok(Claim::Taken)
            } else if has("TransactionConflict") || has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
                Ok(Claim::Busy)
            } else {
                Err(StoreError(DisplayErrorContext(error).to_string()))
            }
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Claim::Busy),
        _ => Err(StoreError(DisplayErrorContext(error).to_string())),
    }
}
