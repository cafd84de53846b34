//! The reference clickstream pipeline: generator, replay and report.

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
