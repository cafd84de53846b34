//! The command line, and the order of the job: read, stream, wait, report.

use crate::expected::Expected;
use crate::input::Input;
use crate::place::{Clients, Place, PlaceError};
use crate::read_error::ReadError;
use crate::report::Report;
use crate::stream::StreamError;
use crate::{access_log, day, drain, figures, render, report, stream};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Streams clicks through the pipeline that `anabranch up template.yaml` serves, and reports what became of them.
#[derive(Debug, Parser)]
#[command(version, after_help = "Example: clickstream run --clicks 20000 --ready-file anabranch-data/ready.json")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Stream a generated day of a mobile shop, the same for the same seed.
    Run {
        /// How many clicks.
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
        clicks: u32,
        /// Another seed makes another day.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        options: Options,
    },
    /// Stream an access log in Apache's combined format, one click per line.
    Replay {
        /// The log.
        #[arg(long)]
        log: PathBuf,
        #[command(flatten)]
        options: Options,
    },
    /// Report what the pipeline holds, and stream nothing.
    Report {
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// Where Anabranch listens [default: what the ready file says, else http://127.0.0.1:4566].
    #[arg(long)]
    endpoint: Option<String>,
    /// The file that `anabranch up --ready-file` wrote.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Where clicks are posted, if not where the ready file says.
    #[arg(long)]
    api_url: Option<String>,
    /// How many requests are in flight at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// Give up when nothing has moved for this many seconds.
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// Also write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Why the job could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// One of the user's files.
    #[error("{path}: {source}")]
    File {
        /// The service's name.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The pipeline was not found.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Clicks could not be streamed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Tables or buckets could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The figures could not be written as JSON.
    #[error("report: {0}")]
    Json(#[from] serde_json::Error),
}

/// Does what the arguments ask for.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Run { clicks, seed, options } => job(day::generate(seed, clicks), &options).await,
        Command::Replay { log, options } => {
            let content = std::fs::read(&log).map_err(|source| CliError::File { path: log.clone(), source })?;
            job(access_log::read(&log.display().to_string(), &content), &options).await
        }
        Command::Report { options } => {
            let (place, clients) = connect(&options)?;
            let figures = figures::read(&clients, &place).await?;
            finish(&report::standing(figures, &place), &options)
        }
    }
}

async fn job(input: Input, options: &Options) -> Result<ExitCode, CliError> {
    let (place, clients) = connect(options)?;
    let expected = Expected::of(&input);
    let fresh = figures::pages_are_empty(&clients, &place).await?;
    let began = Instant::now();
    let sent = stream::stream(&input, &place, &clients, usize::from(options.concurrency)).await?;
    let send_time = began.elapsed();
    let drained = drain::wait(&expected, &clients, &place, options.patience).await;
    let total_time = began.elapsed();
    let figures = figures::read(&clients, &place).await?;
    let outcome = report::Outcome { input, expected, sent, drained, send_time, total_time, pages_were_empty: fresh };
    finish(&report::job(outcome, figures, &place), options)
}

fn connect(options: &Options) -> Result<(Place, Clients), CliError> {
    let place = Place::find(options.endpoint.as_deref(), options.ready_file.as_deref(), options.api_url.as_deref())?;
    let clients = Clients::new(&place);
    Ok((place, clients))
}

fn finish(report: &Report, options: &Options) -> Result<ExitCode, CliError> {
    println!("{}", render::render(report, render::Style::of_stdout()));
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(report)? + "\n";
        std::fs::write(path, text).map_err(|source| CliError::File { path: path.clone(), source })?;
    }
    Ok(if report.complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
