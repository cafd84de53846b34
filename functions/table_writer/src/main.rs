//! Lambda function `table-writer`: wiring. Reads the table's name from the environment, builds the
//! client once, and serves batches of the stream.

use aws_config::BehaviorVersion;
use aws_lambda_events::event::kinesis::KinesisEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use table_writer::{DynamoSessions, write_batch};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let table_name =
        std::env::var("SESSIONS_TABLE").map_err(|_| "the environment variable SESSIONS_TABLE is not set")?;
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let sessions = DynamoSessions::new(aws_sdk_dynamodb::Client::new(&config), table_name);
    let sessions = &sessions;
    run(service_fn(|event: LambdaEvent<KinesisEvent>| async move {
        Ok::<_, Error>(write_batch(&event.payload, sessions).await)
    }))
    .await
}
