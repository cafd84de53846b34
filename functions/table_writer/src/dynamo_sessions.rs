//! The DynamoDB table `sessions` as a [`SessionStore`]: `BatchGetItem` and conditional `UpdateItem`.

use crate::session::{Fold, Session};
use crate::store::{Saved, SessionStore, StoreError, Stored};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
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

    async fn write(&self, session_id: &str, fold: &Fold, seen: Option<&SequenceNumber>) -> Result<Saved, StoreError> {
        let session = &fold.session;
        let mut update = UPDATE.to_owned();
        let mut call = self.client.update_item().table_name(&self.table_name);
        call = call.key("session_id", AttributeValue::S(session_id.to_owned()));
        call = call
            .expression_attribute_values(":clicks", AttributeValue::N(session.clicks.to_string()))
            .expression_attribute_values(":first_seen", AttributeValue::S(session.first_seen.to_string()))
            .expression_attribute_values(":last_seen", AttributeValue::S(session.last_seen.to_string()))
            .expression_attribute_values(":last_page", AttributeValue::S(session.last_page.clone()))
            .expression_attribute_values(":last_sequence", AttributeValue::S(session.last_sequence.to_string()));
        if let Some(user_agent) = &session.user_agent {
            update.push_str(", user_agent = :user_agent");
            call = call.expression_attribute_values(":user_agent", AttributeValue::S(user_agent.clone()));
        }
        if !fold.new_event_ids.is_empty() {
            update.push_str(" ADD event_ids :event_ids");
            let ids = AttributeValue::Ss(fold.new_event_ids.iter().cloned().collect());
            call = call.expression_attribute_values(":event_ids", ids);
        }
        call = match seen {
            Some(seen) => call
                .condition_expression("last_sequence = :seen")
                .expression_attribute_values(":seen", AttributeValue::S(seen.to_string())),
            None => call.condition_expression("attribute_not_exists(last_sequence)"),
        };
        match call.update_expression(update).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) => match error.as_service_error() {
                Some(cause) if cause.is_conditional_check_failed_exception() => Ok(Saved::ChangedMeanwhile),
                _ => Err(StoreError(DisplayErrorContext(error).to_string())),
            },
        }
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
