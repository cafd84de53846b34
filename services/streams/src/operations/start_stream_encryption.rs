//! StartStreamEncryption.

use anabranch_protocol::RequestContext;

use super::encryption::{EncryptionRequest, set_encryption};
use crate::error::Error;
use crate::service::Streams;

/// Records that a stream is encrypted with a KMS key from the end of its UPDATING on, and says so
/// wherever AWS does. There is no KMS here: the key is checked for its form only, and the log's
/// bytes stay as they are.
pub(super) fn start_stream_encryption(
    streams: &Streams,
    context: &RequestContext,
    request: EncryptionRequest,
) -> Result<(), Error> {
    set_encryption(streams, context, request, true)
}
