//! The operations: one line each, in the order of the API reference.

use anabranch_protocol::{ApiError, ErrorKind, RequestContext};
use bytes::Bytes;
use dynoxide::Database;
use serde::Deserialize;
use std::borrow::Cow;

use crate::changes::Touched;
use crate::engine::Effect;
use crate::error::{CallError, internal};
use crate::names::{Caller, TableNames, as_given};
use crate::request::decode;
use crate::{answer, check};

type Perform = fn(&Caller<'_>, &[u8]) -> Result<Vec<u8>, CallError>;

/// One operation of DynamoDB or DynamoDB Streams.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    tables: TableNames,
    perform: Perform,
}

macro_rules! operations {
    ($($name:literal $method:ident $effect:ident $tables:ident $check:path, $answer:path;)+) => {
        const OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            effect: Effect::$effect,
            tables: TableNames::$tables,
            perform: |caller, body| {
                let mut request = decode($name, body)?;
                $check(&mut request, caller)?;
                let mut answer = caller.database.$method(request)?;
                $answer(&mut answer, caller);
                encode(&answer)
            },
        }),+];
    };
}

operations! {
    "BatchExecuteStatement" batch_execute_statement Writes Nowhere check::by_engine, answer::as_is;
    "BatchGetItem" batch_get_item Reads Batch check::by_engine, answer::as_is;
    "BatchWriteItem" batch_write_item Writes Batch check::by_engine, answer::as_is;
    "CreateTable" create_table Creates Member check::by_engine, answer::create_table;
    "DeleteItem" delete_item Writes Member check::by_engine, answer::as_is;
    "DeleteTable" delete_table Writes Member check::by_engine, answer::delete_table;
    "DescribeStream" describe_stream Reads Nowhere check::describe_stream, answer::describe_stream;
    "DescribeTable" describe_table Reads Member check::by_engine, answer::describe_table;
    "DescribeTimeToLive" describe_time_to_live Reads Member check::by_engine, answer::as_is;
    "ExecuteStatement" execute_statement Writes Nowhere check::by_engine, answer::as_is;
    "ExecuteTransaction" execute_transaction Writes Nowhere check::by_engine, answer::as_is;
    "GetItem" get_item Reads Member check::by_engine, answer::as_is;
    "GetRecords" get_records Reads Nowhere check::get_records, answer::get_records;
    "GetShardIterator" get_shard_iterator Reads Nowhere check::get_shard_iterator, answer::as_is;
    "ListStreams" list_streams Reads Member check::list_streams, answer::list_streams;
    "ListTables" list_tables Reads Nowhere check::by_engine, answer::as_is;
    "ListTagsOfResource" list_tags_of_resource Reads Nowhere check::list_tags_of_resource, answer::as_is;
    "PutItem" put_item Writes Member check::by_engine, answer::as_is;
    "Query" query Reads Member check::by_engine, answer::as_is;
    "Scan" scan Reads Member check::by_engine, answer::as_is;
    "SearchVectors" search_vectors Reads Member check::by_engine, answer::as_is;
    "TagResource" tag_resource Writes Nowhere check::tag_resource, answer::as_is;
    "TransactGetItems" transact_get_items Reads Transaction check::transact_get_items, answer::as_is;
    "TransactWriteItems" transact_write_items Writes Transaction check::transact_write_items, answer::as_is;
    "UntagResource" untag_resource Writes Nowhere check::untag_resource, answer::as_is;
    "UpdateItem" update_item Writes Member check::by_engine, answer::as_is;
    "UpdateTable" update_table Writes Member check::by_engine, answer::update_table;
    "UpdateTimeToLive" update_time_to_live Writes Member check::by_engine, answer::as_is;
}

/// The operation called `name`.
///
/// # Errors
/// `UnknownOperationException`, naming it.
pub(crate) fn find(name: &str) -> Result<Operation, ApiError> {
    OPERATIONS.iter().find(|operation| operation.name == name).copied().ok_or_else(|| unsupported(name))
}

/// The answer to an operation that is not offered here.
pub(crate) fn unsupported(name: &str) -> ApiError {
    ApiError::new(
        ErrorKind::Unsupported,
        "com.amazon.coral.service#UnknownOperationException",
        format!("DynamoDB operation {name} is unknown or not supported by Anabranch"),
    )
}

/// The table that a request names, by name or by ARN.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(rename = "TableName", borrow)]
    table: Cow<'a, str>,
}

impl Operation {
    /// Which tables a request may have written to.
    pub(crate) fn touched(&self, body: &[u8]) -> Touched {
        let named = (self.tables == TableNames::Member).then(|| serde_json::from_slice::<Named<'_>>(body).ok());
        let table = |named: Named<'_>| named.table.rsplit('/').next().unwrap_or_default().to_string();
        named.flatten().map_or(Touched::Any, |named| Touched::Table(table(named)))
    }

    /// Reads the request, performs it and writes the answer, naming resources in the caller's
    /// region and account (the engine knows one of each).
    pub(crate) fn perform(
        &self,
        database: &Database,
        context: &RequestContext,
        body: &[u8],
    ) -> Result<Bytes, CallError> {
        let caller = Caller { database, context, operation: self.name };
        let Some((body, given)) = caller.by_name(self.tables, body)? else {
            return (self.perform)(&caller, body).map(Bytes::from);
        };
        let answer = (self.perform)(&caller, &body)?;
        Ok(Bytes::from(as_given(&answer, &given).map_err(|error| internal(&error))?))
    }
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, CallError> {
    Ok(serde_json::to_vec(value).map_err(|error| internal(&error))?)
}
