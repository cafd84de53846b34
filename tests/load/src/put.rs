//! Putting records, each connection waiting for its answer.

use std::sync::Barrier;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::connection::request;
use crate::measure::Measured;
use crate::options::Options;
use crate::repeat::repeat;

/// Puts from one connection until time or records are up.
pub(crate) fn put(options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    put_to(&options.stream, options, number, start)
}

/// As [`put`], to this stream.
pub(crate) fn put_to(stream: &str, options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    let data = STANDARD.encode(vec![b'x'; options.bytes]);
    let record = |key: usize| json!({ "Data": data, "PartitionKey": format!("key-{number}-{key}") });
    let requests: Vec<Vec<u8>> = (0..16)
        .map(|variant| match options.batch {
            1 => {
                let mut body = record(variant);
                body["StreamName"] = json!(stream);
                request("PutRecord", &body)
            }
            batch => {
                let records: Vec<_> = (0..batch).map(|key| record(variant * batch + key)).collect();
                request("PutRecords", &json!({ "StreamName": stream, "Records": records }))
            }
        })
        .collect();
    repeat(options, &requests, options.batch, start)
}
