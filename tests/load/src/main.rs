//! Measures a Kinesis endpoint: puts or gets from several connections, each waiting for its answer,
//! or subscriptions by enhanced fan-out. Or a DynamoDB endpoint: updates of items; or one of SQS: messages in batches of ten. Prints records a second with the latencies of the calls.
//! Requests are made before the clock runs, so that the client costs little.
//!
//! `cargo run --release -p anabranch-load -- --endpoint 127.0.0.1:4566 --connections 8 --batch 100`

mod beside;
mod connection;
mod fan_out;
mod get;
mod measure;
mod options;
mod put;
mod queue;
mod repeat;
mod spread;
mod stream;
mod update;

use std::error::Error;

use clap::Parser;

use measure::{measure, report};
use options::{Options, Work};
use stream::make_stream;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match options.work {
        Work::Put => {
            make_stream(&options, &options.stream, options.shards)?;
            report(&options, &measure(&options, put::put)?);
        }
        Work::PutSpread => {
            spread::make_streams(&options)?;
            report(&options, &measure(&options, spread::put)?);
        }
        Work::PutBeside => {
            make_stream(&options, &options.stream, options.shards)?;
            println!("{}", beside::put(&options)?);
        }
        Work::Get => report(&options, &measure(&options, get::get)?),
        Work::Update => {
            update::make_table(&options)?;
            report(&options, &measure(&options, update::update)?);
        }
        Work::Queue => {
            queue::make_queue(&options)?;
            report(&options, &measure(&options, queue::send)?);
        }
        Work::Delivery => println!("{}", fan_out::delivery(&options)?),
        Work::Subscribers => println!("{}", fan_out::subscribers(&options)?),
    }
    Ok(())
}
