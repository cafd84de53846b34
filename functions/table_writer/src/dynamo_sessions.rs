//! The DynamoDB table `sessions` as a [`SessionStore`]: `BatchGetItem`, and conditional updates in
//! `TransactWriteItems`, or in `UpdateItem` for one.
//!
//! A transaction takes twice the write units of as many single updates, and a fraction of their calls, each of which
//! costs the function a signature, a round trip and its waiting.

use crate::session::Session;
use crate::store::{Change, Saved, SessionStore, StoreError, Stored};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{self, AttributeValue, KeysAndAttributes, TransactWriteItem};
use click::SequenceNumber;
use futures::future::try_join_all;
use std::collections::HashMap;
use std::time::Duration;

/// The most keys of one `BatchGetItem`.
const KEYS_MAX: usize = 100;
/// How many times keys that `BatchGetItem` leaves out are asked for again.
const UNPROCESSED_TRIES_MAX: u32 = 8;
/// Longest pause before the first of them; it doubles with each.
const UNPROCESSED_PAUSE: Duration = Duration::from_millis(20);

/// What an update sets; ids are added, so that their set is never sent back whole.
const UPDATE: &str = "SET clicks = :clicks, first_seen = :first_seen, last_seen = :last_seen, \
                      last_page = :last_page, last_sequence = :last_sequence";

/// Sessions in one DynamoDB table (partition key `session_id`).
pub struct DynamoSessions {
    client: Client,
    table_name: String,
}

impl DynamoSessions {
    /// Sessions in the table with that name.
    #[must_use]
    pub fn new(client: Client, table_name: String) -> Self {
        Self { client, table_name }
    }

    fn item(&self, change: &Change) -> Result<TransactWriteItem, BuildError> {
        let Update { update, condition, values } = Update::of(change);
        let update = types::Update::builder()
            .table_name(&self.table_name)
            .key("session_id", AttributeValue::S(change.session_id.clone()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Reads up to [`KEYS_MAX`] sessions.
    async fn read_some(&self, session_ids: &[&str]) -> Result<Stored, StoreError> {
        let key = |id: &&str| HashMap::from([("session_id".to_owned(), AttributeValue::S((*id).to_owned()))]);
        let keys = KeysAndAttributes::builder().set_keys(Some(session_ids.iter().map(key).collect()));
        let keys = keys.consistent_read(true).build().map_err(|error| StoreError(error.to_string()))?;
        let mut request = Some(HashMap::from([(self.table_name.clone(), keys)]));
        let mut stored = Stored::new();
        let mut pause = UNPROCESSED_PAUSE;
        for _ in 0..UNPROCESSED_TRIES_MAX {
            let call = self.client.batch_get_item().set_request_items(request.take());
            let output = call.send().await.map_err(|error| StoreError(DisplayErrorContext(error).to_string()))?;
            for item in output.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                if let Some(AttributeValue::S(session_id)) = item.get("session_id") {
                    stored.insert(session_id.clone(), session(&item));
                }
            }
            match output.unprocessed_keys.filter(|keys| !keys.is_empty()) {
                None => return Ok(stored),
                unprocessed => request = unprocessed,
            }
            tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
            pause *= 2;
        }
        Err(StoreError("BatchGetItem leaves keys unprocessed".into()))
    }
}

impl SessionStore for DynamoSessions {
    async fn read(&self, session_ids: &[&str]) -> Result<Stored, StoreError> {
        let parts = try_join_all(session_ids.chunks(KEYS_MAX).map(|ids| self.read_some(ids))).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn write(&self, change: &Change) -> Result<Saved, StoreError> {
        let Update { update, condition, values } = Update::of(change);
        let call = self.client.update_item().table_name(&self.table_name);
        let call = call.key("session_id", AttributeValue::S(change.session_id.clone()));
        let call = call.update_expression(update).condition_expression(condition);
        match call.set_expression_attribute_values(Some(values)).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) => match error.as_service_error() {
                Some(cause) if cause.is_conditional_check_failed_exception() => Ok(Saved::ChangedMeanwhile),
                _ => Err(StoreError(DisplayErrorContext(error).to_string())),
            },
        }
    }

    async fn write_all(&self, changes: &[Change]) -> Result<Saved, StoreError> {
        let items = changes.iter().map(|change| self.item(change)).collect::<Result<Vec<_>, _>>();
        let items = items.map_err(|error| StoreError(error.to_string()))?;
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if cancelled.cancellation_reasons().iter().any(|reason| {
                        matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))
                    }) =>
                {
                    Ok(Saved::ChangedMeanwhile)
                }
                _ => Err(StoreError(DisplayErrorContext(error).to_string())),
            },
        }
    }
}

/// The expressions that write a session, and their values.
struct Update {
    update: String,
    condition: &'static str,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    fn of(change: &Change) -> Self {
        let session = &change.fold.session;
        let text = |text: &dyn ToString| AttributeValue::S(text.to_string());
        let mut update = UPDATE.to_owned();
        let mut values = HashMap::from([
            (":clicks".to_owned(), AttributeValue::N(session.clicks.to_string())),
            (":first_seen".to_owned(), text(&session.first_seen)),
            (":last_seen".to_owned(), text(&session.last_seen)),
            (":last_page".to_owned(), text(&session.last_page)),
            (":last_sequence".to_owned(), text(&session.last_sequence)),
        ]);
        if let Some(user_agent) = &session.user_agent {
            update.push_str(", user_agent = :user_agent");
            values.insert(":user_agent".to_owned(), text(user_agent));
        }
        if !change.fold.new_event_ids.is_empty() {
            update.push_str(" ADD event_ids :event_ids");
            let ids = change.fold.new_event_ids.iter().cloned().collect();
            values.insert(":event_ids".to_owned(), AttributeValue::Ss(ids));
        }
        let condition = match &change.seen {
            Some(seen) => {
                values.insert(":seen".to_owned(), text(seen));
                "last_sequence = :seen"
            }
            None => "attribute_not_exists(last_sequence)",
        };
        Self { update, condition, values }
    }
}

/// Reads an item back. Anything this function did not write is an error; nothing is guessed.
fn session(item: &HashMap<String, AttributeValue>) -> Result<Session, StoreError> {
    let text = |name: &str| {
        let value = item.get(name).and_then(|value| value.as_s().ok());
        value.ok_or_else(|| StoreError(format!("the stored session has no string {name}")))
    };
    let time = |name: &str| {
        text(name)?.parse().map_err(|error| StoreError(format!("the stored session's {name} is no time: {error}")))
    };
    let clicks = item.get("clicks").and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
    Ok(Session {
        clicks: clicks.ok_or_else(|| StoreError("the stored session has no number clicks".into()))?,
        first_seen: time("first_seen")?,
        last_seen: time("last_seen")?,
        last_page: text("last_page")?.clone(),
        user_agent: text("user_agent").ok().cloned(),
        event_ids: item.get("event_ids").and_then(|value| value.as_ss().ok()).into_iter().flatten().cloned().collect(),
        last_sequence: SequenceNumber::new(text("last_sequence")?).map_err(|error| StoreError(error.to_string()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_read_back_or_refused_by_name() {
        let s = |text: &str| AttributeValue::S(text.into());
        let mut item = HashMap::from([
            ("clicks".to_owned(), AttributeValue::N("2".into())),
            ("first_seen".to_owned(), s("2026-06-15T10:00:00Z")),
            ("last_seen".to_owned(), s("2026-06-15T10:00:01Z")),
            ("last_page".to_owned(), s("/")),
            ("last_sequence".to_owned(), s("4959")),
            ("event_ids".to_owned(), AttributeValue::Ss(vec!["a".into(), "b".into()])),
        ]);
        let read = session(&item).unwrap();
        assert_eq!((read.clicks, read.event_ids.len(), read.user_agent), (2, 2, None));
        item.insert("last_seen".into(), s("soon"));
        assert!(session(&item).unwrap_err().0.contains("last_seen is no time"));
        item.remove("clicks");
        assert!(session(&item).is_err());
    }
}
