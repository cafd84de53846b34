//! How requests name a stream: by its name, its ARN or its id (`StreamId`), which must agree.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use uuid::Uuid;

use crate::error::{invalid_argument, stream_not_found};
use crate::stream::{Stream, StreamKey, StreamState};
use crate::streams::Streams;

/// What a request says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StreamNames<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) arn: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
}

impl Streams {
    /// The key of the stream that `names` name. By name or ARN it need not be there.
    pub(crate) fn key_of(&self, context: &RequestContext, names: StreamNames<'_>) -> Result<StreamKey, ApiError> {
        let differ = || {
            invalid_argument(
                "StreamName, StreamARN and StreamId do not name the same stream. Provide one of them, or matching ones.",
            )
        };
        let by_id = names.id.map(|id| self.with_stream_id(id)).transpose()?.map(|stream| stream.state().key.clone());
        let key = match (names.arn.and_then(StreamKey::of_arn), by_id) {
            (Some(by_arn), Some(by_id)) if by_arn != by_id => return Err(differ()),
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => {
                let key = names.name.map(|name| StreamKey::of_name(context, name));
                return key.ok_or_else(|| ApiError::validation("Either StreamName or StreamARN must be provided."));
            }
        };
        if names.name.is_some_and(|name| name != key.name) {
            return Err(differ());
        }
        Ok(key)
    }

    /// The stream that a request names.
    pub(crate) fn named(&self, context: &RequestContext, names: StreamNames<'_>) -> Result<Arc<Stream>, ApiError> {
        self.get(&self.key_of(context, names)?)
    }

    /// The stream that a request for data names: it must be past CREATING and not be deleted.
    pub(crate) fn readable(&self, context: &RequestContext, names: StreamNames<'_>) -> Result<Arc<Stream>, ApiError> {
        let stream = self.named(context, names)?;
        let state = stream.state();
        if state.status(self.clock.now_ms()) == "CREATING" {
            return Err(stream_not_found(&state.key));
        }
        Ok(stream)
    }
}

impl StreamState {
    /// Its `StreamId`.
    pub(crate) fn stream_id(&self) -> String {
        stream_id(self.id)
    }

    /// Refuses another stream's `StreamId` beside what named this one already.
    pub(crate) fn check_stream_id(&self, id: Option<&str>) -> Result<(), ApiError> {
        if id.is_some_and(|id| id != self.stream_id()) {
            return Err(invalid_argument(format!("StreamId is not that of stream {}.", self.key.under_account())));
        }
        Ok(())
    }
}

/// Twenty letters and digits, a dash and three more (`StreamId` of the service model).
pub(crate) fn stream_id(id: Uuid) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut left = id.as_u128();
    let mut digit = || {
        let digit = DIGITS[(left % 36) as usize];
        left /= 36;
        char::from(digit)
    };
    let long: String = (0..20).map(|_| digit()).collect();
    let short: String = (0..3).map(|_| digit()).collect();
    format!("{long}-{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_the_model() {
        assert_eq!(stream_id(Uuid::from_u128(36 + 10)), "a1000000000000000000-000");
        assert_eq!(stream_id(Uuid::max()).len(), 24);
        assert_ne!(stream_id(Uuid::from_u128(1)), stream_id(Uuid::from_u128(2)));
    }
}
