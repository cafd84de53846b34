//! Lambda function `funnel`: wiring. Reads the table's name from the environment, builds the
//! client once, and serves batches of the stream.

use aws_config::BehaviorVersion;
use aws_lambda_events::event::kinesis::KinesisEvent;
use funnel::{DynamoFunnel, FunnelBatchError, record_batch};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let table_name = std::env::var("FUNNEL_TABLE").map_err(|_| "the environment variable FUNNEL_TABLE is not set")?;
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let table = DynamoFunnel::new(aws_sdk_dynamodb::Client::new(&config), table_name);
    let table = &table;
    run(service_fn(|event: LambdaEvent<KinesisEvent>| async move {
        record_batch(&event.payload, table).await.map_err(FunnelBatchError::into_diagnostic)
    }))
    .await
}
