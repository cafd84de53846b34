//! Checks of requests that the engine does not make, or makes by names that callers don't know.

use std::collections::HashMap;

use anabranch_protocol::{Integer, Violations};
use dynoxide::AttributeValue;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::actions::list_tags_of_resource::ListTagsOfResourceRequest;
use dynoxide::actions::tag_resource::TagResourceRequest;
use dynoxide::actions::transact_get_items::TransactGetItemsRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::actions::untag_resource::UntagResourceRequest;

use crate::error::{CallError, validation};
use crate::names::Caller;

/// Streams or shards that one answer of ListStreams and DescribeStream names at most.
const LISTED_MAX: i64 = 100;
/// Records that one GetRecords of a table's stream answers with at most.
const STREAM_RECORDS_MAX: i64 = 1_000;

type Checked = Result<(), CallError>;

/// Leaves a request that the engine checks whole.
pub(crate) fn by_engine<T>(_request: &mut T, _caller: &Caller<'_>) -> Checked {
    Ok(())
}

pub(crate) fn describe_stream(request: &mut DescribeStreamRequest, caller: &Caller<'_>) -> Checked {
    limit(request.limit, LISTED_MAX)?;
    caller.stream(&request.stream_arn)
}

pub(crate) fn get_records(request: &mut GetRecordsRequest, _caller: &Caller<'_>) -> Checked {
    limit(request.limit, STREAM_RECORDS_MAX)
}

pub(crate) fn get_shard_iterator(request: &mut GetShardIteratorRequest, caller: &Caller<'_>) -> Checked {
    request.shard_id = caller.engine_shard_id(&request.stream_arn, &request.shard_id)?;
    Ok(())
}

pub(crate) fn list_streams(request: &mut ListStreamsRequest, caller: &Caller<'_>) -> Checked {
    limit(request.limit, LISTED_MAX)?;
    request.limit.get_or_insert(LISTED_MAX as usize);
    if let Some(start) = &mut request.exclusive_start_stream_arn {
        caller.stream(start)?;
        if let Some(arn) = caller.engine_stream_arn(start)? {
            *start = arn;
        }
    }
    Ok(())
}

pub(crate) fn list_tags_of_resource(request: &mut ListTagsOfResourceRequest, caller: &Caller<'_>) -> Checked {
    caller.tagged(request.resource_arn.as_deref())
}

pub(crate) fn tag_resource(request: &mut TagResourceRequest, caller: &Caller<'_>) -> Checked {
    caller.tagged(request.resource_arn.as_deref())
}

pub(crate) fn untag_resource(request: &mut UntagResourceRequest, caller: &Caller<'_>) -> Checked {
    caller.tagged(request.resource_arn.as_deref())
}

pub(crate) fn transact_get_items(request: &mut TransactGetItemsRequest, _caller: &Caller<'_>) -> Checked {
    request.transact_items.iter().try_for_each(|item| {
        let get = &item.get;
        let expressions = [("ProjectionExpression", get.projection_expression.as_deref())];
        placeholders(&expressions, get.expression_attribute_names.as_ref(), None)
    })
}

pub(crate) fn transact_write_items(request: &mut TransactWriteItemsRequest, _caller: &Caller<'_>) -> Checked {
    for item in &request.transact_items {
        if let Some(put) = &item.put {
            let expressions = [("ConditionExpression", put.condition_expression.as_deref())];
            let values = put.expression_attribute_values.as_ref();
            placeholders(&expressions, put.expression_attribute_names.as_ref(), values)?;
        }
        if let Some(update) = &item.update {
            let expressions = [("UpdateExpression", Some(update.update_expression.as_str()))];
            let values = update.expression_attribute_values.as_ref();
            placeholders(&expressions, update.expression_attribute_names.as_ref(), values)?;
        }
        if let Some(delete) = &item.delete {
            let expressions = [("ConditionExpression", delete.condition_expression.as_deref())];
            let values = delete.expression_attribute_values.as_ref();
            placeholders(&expressions, delete.expression_attribute_names.as_ref(), values)?;
        }
        if let Some(check) = &item.condition_check {
            let expressions = [("ConditionExpression", Some(check.condition_expression.as_str()))];
            let values = check.expression_attribute_values.as_ref();
            placeholders(&expressions, check.expression_attribute_names.as_ref(), values)?;
        }
    }
    Ok(())
}

/// What a transaction's action says of names and values: they come with an expression, and if
/// they come, not empty. The engine says so of single requests only.
fn placeholders(
    expressions: &[(&str, Option<&str>)],
    names: Option<&HashMap<String, String>>,
    values: Option<&HashMap<String, AttributeValue>>,
) -> Checked {
    let of = [
        ("ExpressionAttributeNames", names.map(HashMap::is_empty)),
        ("ExpressionAttributeValues", values.map(HashMap::is_empty)),
    ];
    for (member, is_empty) in of {
        let Some(is_empty) = is_empty else { continue };
        if expressions.iter().all(|(_, expression)| expression.is_none()) {
            let absent: Vec<String> = expressions.iter().map(|(name, _)| format!("{name} is null")).collect();
            let absent = absent.join(" and ");
            return Err(validation(&format!("{member} can only be specified when using expressions: {absent}")).into());
        }
        if is_empty {
            return Err(validation(&format!("{member} must not be empty")).into());
        }
    }
    Ok(())
}

fn limit(given: Option<usize>, max: i64) -> Checked {
    let mut violations = Violations::default();
    violations.integer("limit", given.map(|given| i64::try_from(given).unwrap_or(i64::MAX)), &Integer { min: 1, max });
    Ok(violations.finish().map_err(|error| validation(&error.message))?)
}
