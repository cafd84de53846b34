//! The operations, in the order of the API reference.

mod batch;
mod change_message_visibility;
mod create_queue;
mod delete_message;
mod delete_queue;
mod get_queue_attributes;
mod get_queue_url;
mod list_dead_letter_source_queues;
mod list_queues;
mod message_move_tasks;
mod page;
mod permissions;
mod purge_queue;
mod receive_message;
mod send_message;
mod send_message_batch;
mod set_queue_attributes;
mod tags;

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, Operation, QueryStyle, ResourceReference, ServiceModel, Wire};

use crate::error::QUERY_CODES;
use crate::registry::Registry;

const QUEUE_NAME: &[ResourceReference] = &[ResourceReference::Name { member: "QueueName", resource: "{}" }];
const SOURCE: &[ResourceReference] = &[ResourceReference::Arn("SourceArn")];
const MOVE_TASK: &[ResourceReference] =
    &[ResourceReference::Arn("SourceArn"), ResourceReference::Arn("DestinationArn")];

/// The elements of answers in Query, whose lists and maps are flattened and have other names.
const RENAMED: &[(&str, &str)] = &[
    ("Attributes", "Attribute"),
    ("MessageAttributes", "MessageAttribute"),
    ("Messages", "Message"),
    ("QueueUrls", "QueueUrl"),
    ("queueUrls", "QueueUrl"),
    ("Results", "ListMessageMoveTasksResultEntry"),
    ("Tags", "Tag"),
];

/// As [`RENAMED`], of a batch whose entries that succeeded have this name.
const fn batch(entry: &'static str) -> [(&'static str, &'static str); 2] {
    [("Successful", entry), ("Failed", "BatchResultErrorEntry")]
}

const SENT: &[(&str, &str)] = &batch("SendMessageBatchResultEntry");
const DELETED: &[(&str, &str)] = &batch("DeleteMessageBatchResultEntry");
const CHANGED: &[(&str, &str)] = &batch("ChangeMessageVisibilityBatchResultEntry");

/// Names, wires and operations of SQS.
pub(crate) const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["AmazonSQS"],
    scopes: &["sqs"],
    query_versions: &["2012-11-05"],
    query_style: Some(QueryStyle {
        namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
        is_flattened: true,
        renamed: RENAMED,
    }),
    query_codes: QUERY_CODES,
    query_path_member: Some("QueueUrl"),
    wires: &[Wire::Json, Wire::Query],
    operations: &[
        Operation::new("AddPermission"),
        Operation::new("CancelMessageMoveTask"),
        Operation::new("ChangeMessageVisibility"),
        Operation::new("ChangeMessageVisibilityBatch").by_action("ChangeMessageVisibility").renamed(CHANGED),
        Operation::new("CreateQueue").on(QUEUE_NAME),
        Operation::new("DeleteMessage"),
        Operation::new("DeleteMessageBatch").by_action("DeleteMessage").renamed(DELETED),
        Operation::new("DeleteQueue"),
        Operation::new("GetQueueAttributes"),
        Operation::new("GetQueueUrl").on(QUEUE_NAME),
        Operation::new("ListDeadLetterSourceQueues"),
        Operation::new("ListMessageMoveTasks").on(SOURCE),
        Operation::new("ListQueueTags"),
        Operation::new("ListQueues"),
        Operation::new("PurgeQueue"),
        Operation::new("ReceiveMessage"),
        Operation::new("RemovePermission"),
        Operation::new("SendMessage"),
        Operation::new("SendMessageBatch").by_action("SendMessage").renamed(SENT),
        Operation::new("SetQueueAttributes"),
        Operation::new("StartMessageMoveTask").on(MOVE_TASK),
        Operation::new("TagQueue"),
        Operation::new("UntagQueue"),
    ],
    ..ServiceModel::new("sqs", "Amazon SQS")
};

/// Performs an operation of [`MODEL`].
pub(crate) async fn perform(registry: &Arc<Registry>, call: &Call) -> Result<Answer, ApiError> {
    let context = &call.context;
    macro_rules! answer {
        ($operation:path) => {
            call.answer(&$operation(registry, context, call.input()?).await?)
        };
    }
    macro_rules! done {
        ($operation:path) => {{
            $operation(registry, context, call.input()?).await?;
            call.done()
        }};
    }
    match call.operation.name {
        "AddPermission" => done!(permissions::add_permission),
        "CancelMessageMoveTask" => answer!(message_move_tasks::cancel_message_move_task),
        "ChangeMessageVisibility" => done!(change_message_visibility::change_message_visibility),
        "ChangeMessageVisibilityBatch" => answer!(change_message_visibility::change_message_visibility_batch),
        "CreateQueue" => answer!(create_queue::create_queue),
        "DeleteMessage" => done!(delete_message::delete_message),
        "DeleteMessageBatch" => answer!(delete_message::delete_message_batch),
        "DeleteQueue" => done!(delete_queue::delete_queue),
        "GetQueueAttributes" => answer!(get_queue_attributes::get_queue_attributes),
        "GetQueueUrl" => answer!(get_queue_url::get_queue_url),
        "ListDeadLetterSourceQueues" => answer!(list_dead_letter_source_queues::list_dead_letter_source_queues),
        "ListMessageMoveTasks" => answer!(message_move_tasks::list_message_move_tasks),
        "ListQueueTags" => answer!(tags::list_queue_tags),
        "ListQueues" => answer!(list_queues::list_queues),
        "PurgeQueue" => done!(purge_queue::purge_queue),
        "ReceiveMessage" => {
            let received = receive_message::receive_message(registry, context, call.input()?).await?;
            call.answer_long(&received, received.bytes())
        }
        "RemovePermission" => done!(permissions::remove_permission),
        "SendMessage" => answer!(send_message::send_message),
        "SendMessageBatch" => answer!(send_message_batch::send_message_batch),
        "SetQueueAttributes" => done!(set_queue_attributes::set_queue_attributes),
        "StartMessageMoveTask" => answer!(message_move_tasks::start_message_move_task),
        "TagQueue" => done!(tags::tag_queue),
        "UntagQueue" => done!(tags::untag_queue),
        other => Err(ApiError::unknown_operation(other)),
    }
}
