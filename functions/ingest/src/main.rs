//! Lambda function `ingest`: wiring. Reads the names from the environment, builds the clients once,
//! and serves `POST /clicks`.

use aws_config::BehaviorVersion;
use ingest::{FirehoseSink, Ingest, KinesisSink};
use lambda_http::{Error, Request, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::tracing::init_default_subscriber();
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let stream = KinesisSink::new(aws_sdk_kinesis::Client::new(&config), variable("STREAM_NAME")?);
    let delivery = FirehoseSink::new(aws_sdk_firehose::Client::new(&config), variable("DELIVERY_STREAM_NAME")?);
    let ingest = Ingest::new(stream, delivery);
    run(service_fn(|request: Request| async { Ok::<_, Error>(ingest.handle(request).await) })).await
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set").into())
}
