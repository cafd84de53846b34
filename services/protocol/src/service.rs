//! What the gateway asks of a service that speaks AWS JSON.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{ApiError, Encoding, EventStream, RequestContext};

/// A service whose operations are named by `X-Amz-Target: <prefix>.<operation>`.
#[async_trait]
pub trait JsonService: Send + Sync + 'static {
    /// The part of `X-Amz-Target` before the dot, such as `Kinesis_20131202`.
    fn target_prefix(&self) -> &'static str;

    /// Whether the service reads and writes `encoding`; JSON only, unless it says otherwise.
    fn speaks(&self, encoding: Encoding) -> bool {
        encoding == Encoding::Json
    }

    /// Performs `operation` and returns the body of the answer, which is empty for
    /// operations without output.
    async fn call(
        &self,
        context: &RequestContext,
        operation: &str,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Bytes, ApiError>;

    /// Whether `operation` is answered by [`JsonService::subscribe`] instead.
    fn answers_with_events(&self, _operation: &str) -> bool {
        false
    }

    /// Performs `operation`, whose answer is an event stream.
    async fn subscribe(
        &self,
        _context: &RequestContext,
        operation: &str,
        _encoding: Encoding,
        _body: Bytes,
    ) -> Result<EventStream, ApiError> {
        Err(ApiError::unknown_operation(operation))
    }
}
