//! Asynchronous events as they are stored.

use anabranch_control::Stored;
use anabranch_protocol::{Account, Blob, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::function_id::{FunctionId, QualifiedFunction, Scope};

/// An accepted event as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) request_id: String,
    pub(crate) account: Account,
    pub(crate) region: Region,
    pub(crate) function: String,
    /// The version or alias it is for, if it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) qualifier: Option<String>,
    pub(crate) payload: Blob,
    pub(crate) client_context: Option<String>,
    pub(crate) accepted_ms: u64,
    /// Invocations that ended in a function error so far.
    pub(crate) failures: u32,
    /// Not before this time, in ms since the Unix epoch.
    pub(crate) due_ms: u64,
}

impl Event {
    /// The function that it is for.
    pub(crate) fn function(&self) -> QualifiedFunction {
        let scope = Scope { account: self.account, region: self.region.clone() };
        QualifiedFunction { id: FunctionId::new(scope, self.function.clone()), qualifier: self.qualifier.clone() }
    }
}

impl Stored for Event {
    const KIND: &'static str = "asynchronous_event";
    const VERSION: u32 = 3;

    /// In version 1 there was one account in one region, in version 2 no version but `$LATEST`.
    fn migrate(version: u32, mut row: Value) -> serde_json::Result<Self> {
        if version == 1 {
            let Scope { account, region } = Scope::default();
            row["account"] = account.as_str().into();
            row["region"] = region.as_str().into();
        }
        serde_json::from_value(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;

    #[test]
    fn events_have_fixtures() {
        let event = Event {
            request_id: "11111111-2222-3333-4444-555555555555".into(),
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            function: "consumer".into(),
            qualifier: Some("live".into()),
            payload: Blob(Bytes::from_static(br#"{"n":1}"#)),
            client_context: Some(r#"{"client":"test"}"#.into()),
            accepted_ms: 1_700_000_000_000,
            failures: 1,
            due_ms: 1_700_000_060_000,
        };
        let first =
            Event { qualifier: None, client_context: None, failures: 0, due_ms: 1_700_000_000_000, ..event.clone() };
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &[event, first]);
    }

    #[test]
    fn an_event_of_the_one_account_there_was_is_for_a_function_of_the_default_one() {
        let row = json!({
            "request_id": "id", "function": "consumer", "payload": "e30=", "client_context": null,
            "accepted_ms": 1, "failures": 0, "due_ms": 1,
        });
        assert_eq!(Event::migrate(1, row).unwrap().function(), "consumer".parse().unwrap());
    }
}
