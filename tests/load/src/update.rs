//! Updating items of a table, each connection waiting for its answer.

use std::error::Error;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::connection::{Connection, to_service};
use crate::measure::Measured;
use crate::options::Options;

/// Items that each connection updates, in turn.
const ITEMS: usize = 256;

fn request(operation: &str, body: &Value) -> Vec<u8> {
    to_service("dynamodb", "DynamoDB_20120810", operation, body)
}

/// Makes the table, if it is absent.
pub(crate) fn make_table(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(options.endpoint)?;
    let create = json!({
        "TableName": options.stream,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    connection.call(&request("CreateTable", &create))?;
    let describe = request("DescribeTable", &json!({ "TableName": options.stream }));
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, body) = connection.call(&describe)?;
        if String::from_utf8_lossy(&body).contains("\"ACTIVE\"") {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("the table does not become ACTIVE".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Updates items from one connection until time or updates are up.
pub(crate) fn update(options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    let requests: Vec<Vec<u8>> = (0..ITEMS)
        .map(|item| {
            let update = json!({
                "TableName": options.stream,
                "Key": {"id": {"S": format!("session-{number}-{item}")}},
                "UpdateExpression": "ADD clicks :one SET last_page = :page",
                "ExpressionAttributeValues": {":one": {"N": "1"}, ":page": {"S": "/products/17"}},
            });
            request("UpdateItem", &update)
        })
        .collect();
    let mut connection = Connection::open(options.endpoint).map_err(|error| error.to_string())?;
    start.wait();
    let began = Instant::now();
    let mut measured = Measured::default();
    for call in 0.. {
        let before = Instant::now();
        let (status, body) = connection.call(&requests[call % requests.len()]).map_err(|error| error.to_string())?;
        let after = Instant::now();
        if status != 200 {
            return Err(format!("status {status}: {}", String::from_utf8_lossy(&body)));
        }
        if options.records.is_some() || before.duration_since(began).as_secs_f64() >= options.warm_up {
            measured.latencies.push(after - before);
            measured.records += 1;
            measured.took = after - began;
        }
        let is_over = match options.records {
            Some(records) => ((call + 1) * options.connections) as u64 >= records,
            None => after.duration_since(began).as_secs_f64() >= options.warm_up + options.seconds,
        };
        if is_over {
            return Ok(measured);
        }
    }
    Ok(measured)
}
