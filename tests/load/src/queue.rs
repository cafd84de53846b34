//! Sending messages to a queue in batches, each connection waiting for its answer.

use std::error::Error;
use std::sync::Barrier;

use serde_json::{Value, json};

use crate::connection::{Connection, to_service};
use crate::measure::Measured;
use crate::options::Options;
use crate::repeat::repeat;

/// Most messages of a batch ("SendMessageBatch").
const BATCH_MAX: usize = 10;

fn request(operation: &str, body: &Value) -> Vec<u8> {
    to_service("sqs", "AmazonSQS", operation, body)
}

/// The queue's URL, of which the endpoint reads account and name.
fn url(options: &Options) -> String {
    format!("http://{}/000000000000/{}", options.endpoint, options.stream)
}

/// Makes the queue, if it is absent, and empties it.
pub(crate) fn make_queue(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(options.endpoint)?;
    for (operation, body) in
        [("CreateQueue", json!({ "QueueName": options.stream })), ("PurgeQueue", json!({ "QueueUrl": url(options) }))]
    {
        let (status, answer) = connection.call(&request(operation, &body))?;
        // A queue can be purged once a minute.
        if status != 200 && operation == "CreateQueue" {
            return Err(format!("{operation}: {}", String::from_utf8_lossy(&answer)).into());
        }
    }
    Ok(())
}

/// Sends batches from one connection until time or messages are up.
pub(crate) fn send(options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    let body = "x".repeat(options.bytes);
    let batch = options.batch.clamp(1, BATCH_MAX);
    let entries: Vec<Value> =
        (0..batch).map(|entry| json!({ "Id": format!("{number}-{entry}"), "MessageBody": body })).collect();
    let request = request("SendMessageBatch", &json!({ "QueueUrl": url(options), "Entries": entries }));
    repeat(options, &[request], batch, start)
}
