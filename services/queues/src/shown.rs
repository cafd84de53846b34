//! What receivers are shown of a message.

use crate::receiving::Received;
use crate::state::Seq;

/// The attributes that SQS gives messages (`MessageSystemAttributeName`).
pub(crate) const SYSTEM_ATTRIBUTES: &[&str] = &[
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// `SequenceNumber`: twenty digits, as AWS's have.
pub(crate) fn sequence_number(seq: Seq) -> String {
    const TWENTY_DIGITS: u64 = 10_000_000_000_000_000_000;
    (TWENTY_DIGITS + seq).to_string()
}

/// The attributes of a message by name, but for those that it does not have.
pub(crate) fn system_attributes(message: &Received, is_fifo: bool) -> Vec<(&'static str, String)> {
    let (state, contents) = (&message.state, &message.contents);
    let value = |name: &str| match name {
        "SenderId" => Some(contents.sender.clone()),
        "SentTimestamp" => Some(state.sent_ms.to_string()),
        "ApproximateReceiveCount" => Some(state.receives.to_string()),
        "ApproximateFirstReceiveTimestamp" => Some(state.first_received_ms.to_string()),
        "SequenceNumber" => is_fifo.then(|| sequence_number(message.seq)),
        "MessageDeduplicationId" => contents.deduplication.clone(),
        "MessageGroupId" => contents.group.clone(),
        "AWSTraceHeader" => contents.trace_header.clone(),
        _ => contents.source_arn.clone(),
    };
    SYSTEM_ATTRIBUTES.iter().filter_map(|name| Some((*name, value(name)?))).collect()
}
