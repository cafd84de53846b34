//! Answers of the engine that name regions, accounts, ARNs or streams: they name the caller's.

use dynoxide::actions::TableDescription;
use dynoxide::actions::create_table::CreateTableResponse;
use dynoxide::actions::delete_table::DeleteTableResponse;
use dynoxide::actions::describe_stream::DescribeStreamResponse;
use dynoxide::actions::describe_table::DescribeTableResponse;
use dynoxide::actions::get_records::GetRecordsResponse;
use dynoxide::actions::list_streams::ListStreamsResponse;
use dynoxide::actions::update_table::UpdateTableResponse;

use crate::names::{Caller, shard_id, stream_label};

/// Leaves an answer that names nothing of the kind.
pub(crate) fn as_is<T>(_answer: &mut T, _caller: &Caller<'_>) {}

pub(crate) fn create_table(answer: &mut CreateTableResponse, caller: &Caller<'_>) {
    table(&mut answer.table_description, caller);
}

pub(crate) fn delete_table(answer: &mut DeleteTableResponse, caller: &Caller<'_>) {
    table(&mut answer.table_description, caller);
}

pub(crate) fn describe_table(answer: &mut DescribeTableResponse, caller: &Caller<'_>) {
    table(&mut answer.table, caller);
}

pub(crate) fn update_table(answer: &mut UpdateTableResponse, caller: &Caller<'_>) {
    table(&mut answer.table_description, caller);
}

pub(crate) fn describe_stream(answer: &mut DescribeStreamResponse, _caller: &Caller<'_>) {
    // Its ARN is the one that was asked for.
    let stream = &mut answer.stream_description;
    for shard in &mut stream.shards {
        shard.shard_id = shard_id(&stream.table_name, &stream.stream_label);
    }
    stream.stream_label = stream_label(&stream.stream_label);
}

pub(crate) fn list_streams(answer: &mut ListStreamsResponse, caller: &Caller<'_>) {
    for stream in &mut answer.streams {
        stream.stream_label = stream_label(&stream.stream_label);
        stream.stream_arn = stream_arn(&stream.table_name, &stream.stream_label, caller);
    }
    if answer.last_evaluated_stream_arn.is_some() {
        answer.last_evaluated_stream_arn = answer.streams.last().map(|stream| stream.stream_arn.clone());
    }
}

pub(crate) fn get_records(answer: &mut GetRecordsResponse, caller: &Caller<'_>) {
    for record in &mut answer.records {
        record.aws_region = caller.context.region.to_string();
    }
}

fn table(table: &mut TableDescription, caller: &Caller<'_>) {
    let name = &table.table_name;
    table.table_arn = caller.arn(&format!("table/{name}"));
    let index = |index: &str| caller.arn(&format!("table/{name}/index/{index}"));
    for index_ in table.global_secondary_indexes.iter_mut().flatten() {
        index_.index_arn = index(&index_.index_name);
    }
    for index_ in table.local_secondary_indexes.iter_mut().flatten() {
        index_.index_arn = index(&index_.index_name);
    }
    for index_ in table.vector_indexes.iter_mut().flatten() {
        index_.index_arn = index(&index_.index_name);
    }
    if let Some(label) = &mut table.latest_stream_label {
        *label = stream_label(label);
        table.latest_stream_arn = Some(stream_arn(name, label, caller));
    }
    let key = table.sse_description.as_mut().and_then(|sse| sse.kms_master_key_arn.as_mut());
    // One that the engine made up has its own region; one that the caller gave stays.
    if let Some(key) = key
        && let Some(id) = key.strip_prefix(dynoxide::streams::kms_key_arn("").as_str())
    {
        *key = caller.context.arn("kms", &format!("key/{id}")).to_string();
    }
}

fn stream_arn(table: &str, label: &str, caller: &Caller<'_>) -> String {
    caller.arn(&format!("table/{table}/stream/{label}"))
}
