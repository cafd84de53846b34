//! The reference clickstream pipeline: generator, replay and report.
//!
//! It drives a server that `run` or `replay` started from `template.yaml`: it sends clicks to the
//! HTTP API, waits until the pipeline has drained, and accounts for each click from what it finds
//! in buckets, tables and streams. It speaks to the network only and knows nothing of the server.
//! Start reading at `report.rs`.

mod access_log;
mod api;
mod cli;
mod day;
mod delivery;
mod drain;
mod expected;
mod figures;
mod input;
mod objects;
mod place;
mod progress;
mod read_error;
mod render;
mod report;
mod shop;
mod stream;
mod tables;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("clickstream: {error}");
            ExitCode::FAILURE
        }
    }
}
