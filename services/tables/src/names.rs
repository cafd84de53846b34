//! How callers name tables and streams, and how the engine does. A caller writes a table's name or
//! its ARN; the engine knows names only, and one region and account of its own that no caller may
//! see. Nothing here replaces text: what names something is parsed, and written anew.

use std::collections::HashMap;

use anabranch_protocol::{ApiError, Arn, Clipped, ErrorKind, RequestContext};
use dynoxide::Database;
use jiff::Timestamp;
use memchr::memmem;
use serde_json::{Map, Value};

use crate::error::{CallError, validation};

/// Where a request names tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableNames {
    /// Not at all, or only in ARNs of other things.
    Nowhere,
    /// In the member `TableName`.
    Member,
    /// As the keys of `RequestItems`.
    Batch,
    /// In each action of `TransactItems`.
    Transaction,
}

/// Who calls which operation of which database.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) database: &'a Database,
    pub(crate) context: &'a RequestContext,
    pub(crate) operation: &'static str,
}

/// The tables that a request named by ARN: by name, the ARN that was given.
pub(crate) type Given = HashMap<String, String>;

impl Caller<'_> {
    /// The ARN of `resource` (such as `table/clicks`) for this caller.
    pub(crate) fn arn(&self, resource: &str) -> String {
        self.context.arn("dynamodb", resource).to_string()
    }

    /// Rewrites `body` so that tables are named as the engine names them. `None` if it names none
    /// by ARN.
    ///
    /// # Errors
    /// As those of [`Caller::table`]; a body that can't be read is left to the operation.
    pub(crate) fn by_name(&self, names: TableNames, body: &[u8]) -> Result<Option<(Vec<u8>, Given)>, ApiError> {
        if names == TableNames::Nowhere || memmem::find(body, b"\"arn:").is_none() {
            return Ok(None);
        }
        let Ok(mut request) = serde_json::from_slice::<Value>(body) else { return Ok(None) };
        let mut given = Given::new();
        match names {
            TableNames::Nowhere => {}
            TableNames::Member => self.rename(request.get_mut("TableName"), &mut given)?,
            TableNames::Batch => {
                if let Some(Value::Object(tables)) = request.get_mut("RequestItems") {
                    self.rename_keys(tables, &mut given)?;
                }
            }
            TableNames::Transaction => {
                let items = request.get_mut("TransactItems").and_then(Value::as_array_mut);
                for action in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                    for parameters in action.values_mut() {
                        self.rename(parameters.get_mut("TableName"), &mut given)?;
                    }
                }
            }
        }
        let body = serde_json::to_vec(&request).map_err(|error| crate::error::internal(&error))?;
        Ok(if given.is_empty() { None } else { Some((body, given)) })
    }

    fn rename(&self, member: Option<&mut Value>, given: &mut Given) -> Result<(), ApiError> {
        if let Some(Value::String(name)) = member
            && name.starts_with("arn:")
        {
            let table = self.table(name)?;
            given.insert(table.clone(), std::mem::replace(name, table));
        }
        Ok(())
    }

    fn rename_keys(&self, tables: &mut Map<String, Value>, given: &mut Given) -> Result<(), ApiError> {
        for (name, requests) in std::mem::take(tables) {
            let table = if name.starts_with("arn:") { self.table(&name)? } else { name.clone() };
            if tables.insert(table.clone(), requests).is_some() {
                return Err(validation(&format!(
                    "One or more parameter values were invalid: Table {table} is given both by name and by ARN"
                )));
            }
            if table != name {
                given.insert(table, name);
            }
        }
        Ok(())
    }

    /// The name of the table that `arn` names.
    ///
    /// # Errors
    /// `ValidationException` for what is no ARN of a table in the caller's region,
    /// `AccessDeniedException` for a table of another account.
    pub(crate) fn table(&self, arn: &str) -> Result<String, ApiError> {
        let named = self.named(arn)?;
        let table = named.resource_after("table/").filter(|name| !name.is_empty() && !name.contains('/'));
        table.map(str::to_string).ok_or_else(|| invalid_arn(arn))
    }

    /// Reads the ARN of something of the caller's.
    fn named(&self, arn: &str) -> Result<Arn, ApiError> {
        let named: Arn = arn.parse().map_err(|_| invalid_arn(arn))?;
        let account = named.account.ok_or_else(|| invalid_arn(arn))?;
        // Of partitions there is only `aws` here.
        let is_here = arn.starts_with("arn:aws:") && named.region.as_ref() == Some(&self.context.region);
        if &*named.service != "dynamodb" || !is_here {
            return Err(invalid_arn(arn));
        }
        if account != self.context.account {
            let operation = self.operation;
            return Err(self.access_denied(
                arn,
                &format!(" because no resource-based policy allows the dynamodb:{operation} action"),
            ));
        }
        Ok(named)
    }

    fn access_denied(&self, arn: &str, because: &str) -> ApiError {
        let user = Arn::global("iam", self.context.account, "root");
        let operation = self.operation;
        ApiError::new(
            ErrorKind::AccessDenied,
            "com.amazonaws.dynamodb.v20120810#AccessDeniedException",
            format!("User: {user} is not authorized to perform: dynamodb:{operation} on resource: {arn}{because}"),
        )
    }

    /// Checks the ARN of a table that is to be tagged or asked for its tags. DynamoDB tells no
    /// stranger whether a table exists, but for those that change tags.
    pub(crate) fn tagged(&self, arn: Option<&str>) -> Result<(), CallError> {
        let Some(arn) = arn.filter(|arn| !arn.is_empty()) else { return Ok(()) };
        let table = self.table(arn)?;
        if self.operation == "ListTagsOfResource" && self.database.get_table_metadata(&table)?.is_none() {
            return Err(self.access_denied(arn, "").into());
        }
        Ok(())
    }

    /// Checks that `arn` names a stream that exists.
    pub(crate) fn stream(&self, arn: &str) -> Result<(), CallError> {
        self.stored_label(arn)?.map(drop).ok_or_else(|| not_found(&format!("Stream: {arn}")).into())
    }

    /// The engine's id of the shard that is called `shard_id` in the stream `arn`.
    pub(crate) fn engine_shard_id(&self, arn: &str, shard_id: &str) -> Result<String, CallError> {
        let found = self.stored_label(arn)?.ok_or_else(|| not_found(&format!("Stream: {arn}")))?;
        let (table, label) = found;
        if self::shard_id(&table, &label) == shard_id {
            Ok(dynoxide::streams::shard_id(&table))
        } else {
            Err(not_found(&format!("Shard: {}", Clipped(shard_id))).into())
        }
    }

    /// The engine's ARN of the stream that `arn` names, if there is one.
    pub(crate) fn engine_stream_arn(&self, arn: &str) -> Result<Option<String>, CallError> {
        let found = self.stored_label(arn)?;
        Ok(found.map(|(table, label)| dynoxide::streams::stream_arn(&table, &label)))
    }

    /// The table and the engine's label of the stream that `arn` names.
    fn stored_label(&self, arn: &str) -> Result<Option<(String, String)>, CallError> {
        let arn_ = self.named(arn)?;
        let named = arn_.resource_after("table/").and_then(|rest| rest.split_once("/stream/"));
        let Some((table, named)) = named else { return Err(invalid_arn(arn).into()) };
        let label = self.database.get_table_metadata(table)?.filter(|table| table.stream_enabled);
        let label = label.and_then(|table| table.stream_label).filter(|label| stream_label(label) == named);
        Ok(label.map(|label| (table.to_string(), label)))
    }
}

fn invalid_arn(arn: &str) -> ApiError {
    validation(&format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}"))
}

fn not_found(what: &str) -> ApiError {
    ApiError::not_found(
        "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        format!("Requested resource not found: {what} not found"),
    )
}

/// The id of a stream's one shard, in DynamoDB's form: when it was made, in ms of 20 digits, and
/// eight hexadecimal digits. The engine's is made of the table's name, and shorter than clients allow.
pub(crate) fn shard_id(table: &str, engine_label: &str) -> String {
    let (seconds, nanoseconds) = engine_label.split_once('.').unwrap_or((engine_label, ""));
    let milliseconds = nanoseconds.get(..3).unwrap_or("000");
    // FNV-1a: the same in every run, as the standard library's hashes need not be.
    let hash = table.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("shardId-{:0>20}-{hash:08x}", format!("{seconds}{milliseconds}"))
}

/// A stream's label as DynamoDB writes it, a moment such as `2026-11-21T14:25:00.123`, from the
/// engine's (seconds and nanoseconds since the epoch).
pub(crate) fn stream_label(engine_label: &str) -> String {
    let moment = || {
        let (seconds, nanoseconds) = engine_label.split_once('.')?;
        let moment = Timestamp::new(seconds.parse().ok()?, nanoseconds.parse().ok()?).ok()?;
        Some(moment.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string())
    };
    moment().unwrap_or_else(|| engine_label.to_string())
}

/// Names tables in `answer` as the request did: by ARN those of `given`.
pub(crate) fn as_given(answer: &[u8], given: &Given) -> serde_json::Result<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(answer)?;
    for member in ["Responses", "UnprocessedKeys", "UnprocessedItems", "ItemCollectionMetrics"] {
        if let Some(Value::Object(tables)) = answer.get_mut(member) {
            *tables = std::mem::take(tables)
                .into_iter()
                .map(|(name, value)| (given.get(&name).cloned().unwrap_or(name), value))
                .collect();
        }
    }
    let consumed = match answer.get_mut("ConsumedCapacity") {
        Some(Value::Array(tables)) => tables.iter_mut().collect(),
        Some(table) => vec![table],
        None => Vec::new(),
    };
    for table in consumed {
        let arn = table.get("TableName").and_then(Value::as_str).and_then(|name| given.get(name));
        if let Some(arn) = arn.cloned() {
            table["TableName"] = Value::from(arn);
        }
    }
    serde_json::to_vec(&answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moments() {
        assert_eq!(stream_label("1795271100.123456789"), "2026-11-21T14:25:00.123");
        assert_eq!(stream_label("1795271100.000000000"), "2026-11-21T14:25:00.000");
        assert_eq!(shard_id("clicks", "1795271100.123456789"), "shardId-00000001795271100123-b762a414");
    }
}
