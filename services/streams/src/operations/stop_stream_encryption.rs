//! StopStreamEncryption.

use anabranch_protocol::RequestContext;

use super::encryption::{EncryptionRequest, set_encryption};
use crate::error::Error;
use crate::service::Streams;

/// Records that a stream is not encrypted any more from the end of its UPDATING on. Records that
/// came while it was still say so.
pub(super) fn stop_stream_encryption(
    streams: &Streams,
    context: &RequestContext,
    request: EncryptionRequest,
) -> Result<(), Error> {
    set_encryption(streams, context, request, false)
}
