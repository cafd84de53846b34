//! Lambda function `transform`: wiring. Reads the names from the environment, builds the clients
//! once, and serves the notifications of the raw bucket.

use aws_config::BehaviorVersion;
use aws_lambda_events::event::s3::S3Event;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use transform::{DynamoLedger, S3Objects, Transform};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let tables = aws_sdk_dynamodb::Client::new(&config);
    let transform = Transform {
        objects: S3Objects::new(&config),
        ledger: DynamoLedger::new(tables, variable("SEEN_TABLE")?, variable("PAGES_TABLE")?),
        curated_bucket: variable("CURATED_BUCKET")?,
    };
    let transform = &transform;
    run(service_fn(
        |event: LambdaEvent<S3Event>| async move { transform.handle(&event.payload).await.map_err(Error::from) },
    ))
    .await
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set").into())
}
