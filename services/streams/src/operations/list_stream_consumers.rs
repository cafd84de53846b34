//! ListStreamConsumers.

use anabranch_protocol::{RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::page_token::{PageToken, read_token, write_token};
use super::view::ConsumerView;
use crate::error::{Error, RequestError};
use crate::limits::LIST_CONSUMERS_MAX;
use crate::service::Streams;
use crate::shapes::{NEXT_TOKEN, PAGE_LIMIT, STREAM_ARN, STREAM_ID};
use crate::state::key::StreamKey;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreamConsumersRequest {
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    stream_creation_timestamp: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreamConsumersAnswer {
    consumers: Vec<ConsumerView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What a token remembers: the list of consumers that it goes on with.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    stream: StreamKey,
    created_ms: u64,
    after_consumer: String,
    issued_ms: u64,
}

impl PageToken for Token {
    fn issued_ms(&self) -> u64 {
        self.issued_ms
    }
}

/// Lists a stream's consumers by name, a page at a time.
pub(super) fn list_stream_consumers(
    streams: &Streams,
    context: &RequestContext,
    request: ListStreamConsumersRequest,
) -> Result<ListStreamConsumersAnswer, Error> {
    let mut violations = Violations::default();
    violations.required_text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    violations.text("nextToken", request.next_token.as_deref(), &NEXT_TOKEN);
    violations.integer("maxResults", request.max_results, &PAGE_LIMIT);
    violations.finish()?;
    let now_ms = streams.clock.now_ms();
    let state = streams.registry.named(context, None, request.stream_arn.as_deref())?.state();
    let created = request.stream_creation_timestamp;
    state.check_created(created)?;
    let after = match &request.next_token {
        None => None,
        Some(_) if created.is_some() => {
            return Err(RequestError::TokenBeside { member: "StreamCreationTimestamp" }.into());
        }
        Some(text) => {
            let token: Token = read_token(text, now_ms)?;
            if token.stream != state.key || token.created_ms != state.created_ms {
                return Err(RequestError::TokenOfOtherStream.into());
            }
            Some(token.after_consumer)
        }
    };
    let limit = request.max_results.map_or(LIST_CONSUMERS_MAX, |limit| LIST_CONSUMERS_MAX.min(limit as usize));
    let mut consumers =
        state.registered(now_ms).filter(|consumer| after.as_ref().is_none_or(|after| consumer.name > *after));
    let page: Vec<_> = consumers.by_ref().take(limit).collect();
    let last = page.last().filter(|_| consumers.next().is_some());
    let next_token = last.map(|last| {
        let (stream, created_ms) = (state.key.clone(), state.created_ms);
        write_token(&Token { stream, created_ms, after_consumer: last.name.clone(), issued_ms: now_ms })
    });
    let stream_arn = state.key.arn();
    let view = |consumer| ConsumerView::new(consumer, &stream_arn, now_ms);
    Ok(ListStreamConsumersAnswer { consumers: page.into_iter().map(view).collect(), next_token })
}
