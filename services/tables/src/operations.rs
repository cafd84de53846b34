//! The operations: one line each, in the order of the API reference.

use anabranch_protocol::{ApiError, RequestContext};
use bytes::Bytes;
use dynoxide::Database;
use dynoxide::streams::{LOCAL_ACCOUNT, LOCAL_REGION};

use crate::engine::CallError;
use crate::request::decode;

/// Whether an operation's bodies name resources by ARN. Those that carry items don't, and
/// are passed through untouched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arns {
    None,
    Named,
}

type Perform = fn(&Database, &[u8]) -> Result<Vec<u8>, CallError>;

/// One operation of DynamoDB or DynamoDB Streams.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    arns: Arns,
    perform: Perform,
}

macro_rules! operations {
    ($($name:literal $method:ident $arns:ident;)+) => {
        const OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            arns: Arns::$arns,
            perform: |database, body| encode(&database.$method(decode($name, body)?)?),
        }),+];
    };
}

operations! {
    "BatchExecuteStatement" batch_execute_statement None;
    "BatchGetItem" batch_get_item None;
    "BatchWriteItem" batch_write_item None;
    "CreateTable" create_table Named;
    "DeleteItem" delete_item None;
    "DeleteTable" delete_table Named;
    "DescribeStream" describe_stream Named;
    "DescribeTable" describe_table Named;
    "DescribeTimeToLive" describe_time_to_live None;
    "ExecuteStatement" execute_statement None;
    "ExecuteTransaction" execute_transaction None;
    "GetItem" get_item None;
    "GetRecords" get_records None;
    "GetShardIterator" get_shard_iterator None;
    "ListStreams" list_streams Named;
    "ListTables" list_tables None;
    "ListTagsOfResource" list_tags_of_resource None;
    "PutItem" put_item None;
    "Query" query None;
    "Scan" scan None;
    "SearchVectors" search_vectors None;
    "TagResource" tag_resource None;
    "TransactGetItems" transact_get_items None;
    "TransactWriteItems" transact_write_items None;
    "UntagResource" untag_resource None;
    "UpdateItem" update_item None;
    "UpdateTable" update_table Named;
    "UpdateTimeToLive" update_time_to_live None;
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
    ApiError::client(
        "com.amazon.coral.service#UnknownOperationException",
        format!("DynamoDB operation {name} is unknown or not supported by Anabranch"),
    )
}

impl Operation {
    /// Reads the request, performs it and writes the answer, naming resources in the caller's
    /// region and account (the engine knows one of each).
    pub(crate) fn perform(
        &self,
        database: &Database,
        context: &RequestContext,
        body: &[u8],
    ) -> Result<Bytes, CallError> {
        if self.arns == Arns::None {
            return (self.perform)(database, body).map(Bytes::from);
        }
        let ours = format!("arn:aws:dynamodb:{LOCAL_REGION}:{LOCAL_ACCOUNT}:");
        let theirs = context.arn("dynamodb", "");
        let body = String::from_utf8_lossy(body).replace(&theirs, &ours);
        let answer = (self.perform)(database, body.as_bytes())?;
        Ok(Bytes::from(String::from_utf8_lossy(&answer).replace(&ours, &theirs)))
    }
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, CallError> {
    Ok(serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?)
}
