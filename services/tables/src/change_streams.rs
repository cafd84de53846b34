//! Streams of tables as other services read them, from inside the program.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_ports::{
    PortError, PortErrorKind, ShardCursor, ShardInfo, ShardRead, Start, StreamHandle, StreamRecord, StreamSource,
};
use anabranch_protocol::{ApiError, Arn};
use async_trait::async_trait;
use dynoxide::Database;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, decode_shard_iterator, encode_shard_iterator};
use tokio::sync::watch;

use crate::databases::Databases;
use crate::engine::Effect;
use crate::error::{CallError, internal};
use crate::names::{shard_id, stream_label};
use crate::owner::Owner;
use crate::service::Tables;

/// Records that one read takes from the engine at most: it knows no limit in bytes, and a record may
/// hold two items of 400 KB.
const RECORDS_READ_MAX: usize = 250;

/// A record's `data` is its JSON as GetRecords has it, its `partition_key` the item's key.
#[async_trait]
impl StreamSource for Tables {
    async fn open_stream(&self, arn: &str) -> Result<Arc<dyn StreamHandle>, PortError> {
        let refused = || PortError::new(PortErrorKind::Refused, "ValidationException", format!("{arn} is no stream."));
        let parsed: Arn = arn.parse().map_err(|_| refused())?;
        let named = parsed.resource_after("table/").and_then(|rest| rest.split_once("/stream/"));
        let (table, label) = named.filter(|_| &*parsed.service == "dynamodb").ok_or_else(refused)?;
        let (Some(account), Some(region)) = (parsed.account, parsed.region.clone()) else { return Err(refused()) };
        let owner = Owner { account, region };
        let writes = self.databases.changes.watch(&owner, table);
        let names = Names { arn: arn.into(), table: table.into(), label: label.into() };
        let databases = self.databases.clone();
        let stream = Stream { databases, owner, names: Arc::new(names), writes, seen: AtomicU64::new(0) };
        stream.run(|database, names| names.engine_label(database)).await?;
        Ok(Arc::new(stream))
    }
}

struct Stream {
    databases: Arc<Databases>,
    owner: Owner,
    names: Arc<Names>,
    /// How often the table was written to.
    writes: watch::Receiver<u64>,
    /// How often it was before the last read.
    seen: AtomicU64,
}

struct Names {
    /// The stream's.
    arn: String,
    table: String,
    /// As callers know it.
    label: String,
}

impl Names {
    /// The engine's label of the stream.
    ///
    /// # Errors
    /// When the table is gone, or has no stream, or another one.
    fn engine_label(&self, database: &Database) -> Result<String, CallError> {
        let table = database.get_table_metadata(&self.table)?.filter(|table| table.stream_enabled);
        let label = table.and_then(|table| table.stream_label).filter(|label| stream_label(label) == self.label);
        label.ok_or_else(|| ApiError::not_found("ResourceNotFoundException", format!("{} not found", self.arn)).into())
    }

    /// The engine's label, if `shard` is that of the stream's one shard.
    fn check_shard(&self, database: &Database, shard: &str) -> Result<String, CallError> {
        let label = self.engine_label(database)?;
        match shard_id(&self.table, &label) == shard {
            true => Ok(label),
            false => Err(ApiError::not_found("ResourceNotFoundException", format!("{shard} not found")).into()),
        }
    }
}

impl Stream {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database, &Names) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, PortError> {
        let names = self.names.clone();
        let answered = async {
            let (engine, effect) = self.databases.of(&self.owner, Effect::Reads).await?;
            engine.run(effect, move |database| work(database, &names)).await
        };
        answered.await.map_err(PortError::from)
    }
}

#[async_trait]
impl StreamHandle for Stream {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        let label = self.run(|database, names| names.engine_label(database)).await?;
        let shard_id = shard_id(&self.names.table, &label);
        Ok(vec![ShardInfo { shard_id, parent_shard_id: None, adjacent_parent_shard_id: None, closed: false }])
    }

    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError> {
        let iterator_type = match start {
            Start::TrimHorizon => "TRIM_HORIZON",
            Start::Latest => "LATEST",
            Start::AtTimestamp(_) => {
                let message = "streams of tables are not read from a time on";
                return Err(PortError::new(PortErrorKind::Refused, "ValidationException", message));
            }
        };
        let shard = shard_id.to_string();
        let position = self.run(move |database, names| {
            let label = names.check_shard(database, &shard)?;
            let request = GetShardIteratorRequest {
                stream_arn: dynoxide::streams::stream_arn(&names.table, &label),
                shard_id: dynoxide::streams::shard_id(&names.table),
                shard_iterator_type: iterator_type.into(),
                sequence_number: None,
            };
            let iterator = database.get_shard_iterator(request)?.shard_iterator;
            position_of(iterator.as_deref())
        });
        position.await.map(cursor)
    }

    async fn read_shard(
        &self,
        shard_id: &str,
        cursor_: &ShardCursor,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ShardRead, PortError> {
        // Noted before the read: what is written while it runs is not missed.
        self.seen.store(*self.writes.borrow(), Ordering::Release);
        let (shard, from) = (shard_id.to_string(), position(cursor_)?);
        let limit = max_records.clamp(1, RECORDS_READ_MAX);
        let region = self.owner.region.to_string();
        let (records, next, is_rest) = self
            .run(move |database, names| {
                names.check_shard(database, &shard)?;
                let engine_shard = dynoxide::streams::shard_id(&names.table);
                let shard_iterator = encode_shard_iterator(&names.table, &engine_shard, from);
                let answer = database.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })?;
                let found = answer.records.len();
                let end = position_of(answer.next_shard_iterator.as_deref())?;
                let (mut records, mut bytes) = (Vec::with_capacity(found), 0);
                for mut record in answer.records {
                    record.aws_region.clone_from(&region);
                    let record = stream_record(&record)?;
                    bytes += record.data.len();
                    if bytes > max_bytes && !records.is_empty() {
                        break;
                    }
                    records.push(record);
                }
                let is_cut = records.len() < found;
                let next = match records.last().filter(|_| is_cut) {
                    Some(last) => stored_number(&last.sequence_number)?,
                    None => end,
                };
                Ok((records, next, !is_cut && found < limit))
            })
            .await?;
        let millis_behind = 0;
        Ok(ShardRead { records, next: cursor(next), at_tip: is_rest, closed_and_drained: false, millis_behind })
    }

    async fn wait_for_records(&self, _: &str, _: &ShardCursor) -> Result<(), PortError> {
        let seen = self.seen.load(Ordering::Acquire);
        // The sender lives for as long as someone watches.
        let _ = self.writes.clone().wait_for(|writes| *writes != seen).await;
        Ok(())
    }
}

/// A cursor's text is the engine's number of the last record read.
fn cursor(position: i64) -> ShardCursor {
    ShardCursor::from_text(position.to_string())
}

fn position(cursor: &ShardCursor) -> Result<i64, PortError> {
    let text = cursor.as_str();
    text.parse().map_err(|_| {
        PortError::new(PortErrorKind::Refused, "ValidationException", format!("{text:?} is no place in a shard."))
    })
}

fn position_of(iterator: Option<&str>) -> Result<i64, CallError> {
    let decoded = iterator.and_then(decode_shard_iterator).map(|(_, _, position)| position);
    Ok(decoded.ok_or_else(|| internal(&"the engine gave no place in a shard"))?)
}

/// The engine's number of a record, which it shows behind a leading one, padded with zeros.
fn stored_number(public: &str) -> Result<i64, CallError> {
    let stored = public.get(1..).and_then(|digits| digits.parse().ok());
    Ok(stored.ok_or_else(|| internal(&format_args!("the engine numbered a record {public}")))?)
}

fn stream_record(record: &Record) -> Result<StreamRecord, CallError> {
    // In one order, so that equal keys are equal texts.
    let keys: BTreeMap<_, _> = record.dynamodb.keys.iter().collect();
    let text = serde_json::to_string(&keys).map_err(|error| internal(&error))?;
    Ok(StreamRecord {
        sequence_number: record.dynamodb.sequence_number.clone(),
        partition_key: text,
        data: serde_json::to_vec(record).map_err(|error| internal(&error))?.into(),
        approximate_arrival_ms: (record.dynamodb.approximate_creation_date_time * 1000.0) as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::{Encoding, RequestContext, Service as _, SystemClock};
    use bytes::Bytes;
    use serde_json::{Value, json};

    async fn call(tables: &Tables, operation: &str, input: Value) -> Value {
        let context = RequestContext::default();
        let body = Bytes::from(input.to_string());
        let answer = tables.call(&context, operation, Encoding::Json, body).await.unwrap();
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    async fn put(tables: &Tables, id: u64) {
        let item = json!({"id": {"N": id.to_string()}, "text": {"S": "x".repeat(1_000)}});
        call(tables, "PutItem", json!({"TableName": "orders", "Item": item})).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_is_read_and_wakes_its_reader() {
        let directory = tempfile::tempdir().unwrap();
        let tables = Tables::open(directory.path(), Arc::new(SystemClock)).unwrap();
        let created = call(
            &tables,
            "CreateTable",
            json!({
                "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            }),
        );
        let arn = created.await["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_string();
        let stream = tables.open_stream(&arn).await.unwrap();
        let shard = stream.list_shards().await.unwrap().remove(0).shard_id;
        let start = stream.resolve_start(&shard, Start::TrimHorizon).await.unwrap();
        for id in [1, 2, 1] {
            put(&tables, id).await;
        }
        let all = stream.read_shard(&shard, &start, 10, usize::MAX).await.unwrap();
        assert!(all.at_tip);
        let [first, second, third] = all.records.as_slice() else { panic!("{:?}", all.records) };
        assert_eq!(
            (&first.partition_key, &third.partition_key),
            (&second.partition_key.replace('2', "1"), &first.partition_key)
        );
        assert!(first.sequence_number < second.sequence_number);
        let record: Value = serde_json::from_slice(&third.data).unwrap();
        assert_eq!((&record["eventName"], &record["awsRegion"]), (&json!("MODIFY"), &json!("us-east-1")));
        assert_eq!(record["dynamodb"]["Keys"], json!({"id": {"N": "1"}}));

        // Cut by number and by bytes, it goes on behind what was read.
        let one = stream.read_shard(&shard, &start, 1, usize::MAX).await.unwrap();
        assert_eq!((one.records.len(), one.at_tip), (1, false));
        let small = stream.read_shard(&shard, &start, 10, first.data.len() + 1).await.unwrap();
        assert_eq!((small.records.len(), small.at_tip, &small.next), (1, false, &one.next));
        let rest = stream.read_shard(&shard, &one.next, 10, usize::MAX).await.unwrap();
        let numbers = |read: &[StreamRecord]| -> Vec<String> {
            read.iter().map(|record| record.sequence_number.clone()).collect()
        };
        assert_eq!(numbers(&rest.records), numbers(&all.records[1..]));
        assert_eq!(stream.resolve_start(&shard, Start::Latest).await.unwrap(), all.next);

        let tip = stream.read_shard(&shard, &all.next, 10, usize::MAX).await.unwrap();
        assert!(tip.records.is_empty() && tip.at_tip);
        let (waits, put) = tokio::join!(stream.wait_for_records(&shard, &tip.next), put(&tables, 3));
        let ((), ()) = (waits.unwrap(), put);
        assert_eq!(stream.read_shard(&shard, &tip.next, 10, usize::MAX).await.unwrap().records.len(), 1);

        let gone = arn.replace("/stream/", "/stream/1");
        assert_eq!(tables.open_stream(&gone).await.err().unwrap().kind, PortErrorKind::NotFound);
        let waits = stream.wait_for_records(&shard, &tip.next);
        call(&tables, "DeleteTable", json!({"TableName": "orders"})).await;
        waits.await.unwrap();
        let read = stream.read_shard(&shard, &tip.next, 10, usize::MAX).await;
        assert_eq!(read.err().unwrap().kind, PortErrorKind::NotFound);
        tables.shutdown().await;
    }
}
