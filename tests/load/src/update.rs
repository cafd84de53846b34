//! Updating items of a table, each connection waiting for its answer.

use std::error::Error;
use std::sync::Barrier;

use serde_json::{Value, json};

use crate::connection::{Connection, to_service};
use crate::measure::Measured;
use crate::options::Options;
use crate::repeat::repeat;

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
    connection.call_until_active(&describe, "table")
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
    repeat(options, &requests, 1, start)
}
