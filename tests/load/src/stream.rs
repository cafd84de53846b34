//! Streams to work on.

use std::error::Error;

use serde_json::json;

use crate::connection::{Connection, request};
use crate::options::Options;

/// Makes the stream, if it is absent, and waits until it is ACTIVE.
pub(crate) fn make_stream(options: &Options, stream: &str, shards: u32) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(options.endpoint)?;
    let create = json!({ "StreamName": stream, "ShardCount": shards });
    // It may be there from a run before.
    connection.call(&request("CreateStream", &create))?;
    let describe = request("DescribeStreamSummary", &json!({ "StreamName": stream }));
    connection.call_until_active(&describe, "stream")
}
