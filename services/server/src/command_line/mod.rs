//! The command line: flags in, exit code out.

mod failure;
mod log;
mod logs;
mod runtime;
mod serve;
mod tail;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Settings;
use failure::Failure;

/// The Kinesis family, and the Lambda functions around it, in one program on a durable log.
#[derive(Debug, Parser)]
#[command(name = "anabranch", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the AWS APIs on one port
    #[command(after_help = SERVE_HELP)]
    Serve(Settings),
    /// Serve, with everything that a SAM template describes
    #[command(after_help = UP_HELP)]
    Up(up::UpArguments),
    /// Print the records of a stream of a running server
    #[command(after_help = TAIL_HELP)]
    Tail(tail::TailArguments),
    /// Print what a function of a running server writes
    #[command(after_help = LOGS_HELP)]
    Logs(logs::LogsArguments),
    /// Look at a log on disk, while no server has it open
    #[command(after_help = LOG_HELP)]
    Log(log::LogArguments),
}

const SERVE_HELP: &str = "\
Examples:
  anabranch serve
  anabranch serve --data /var/lib/anabranch --listen 0.0.0.0:4566
  anabranch serve --flush interval=50 --log-format json
  anabranch serve --listen 0.0.0.0:4566 --host-name anabranch --cors-origin http://localhost:3000
  aws --endpoint-url http://127.0.0.1:4566 kinesis list-streams

Exit codes:
  0 stopped by SIGINT or SIGTERM   1 a service could not start   2 a wrong setting
  3 the address is in use          4 the data directory is in use
  5 the data directory has a newer format   6 the data directory can't be written";

const UP_HELP: &str = "\
Examples:
  anabranch up template.yaml
  anabranch up template.yaml --parameter BufferIntervalSeconds=2 --data /tmp/try
  anabranch up template.yaml --functions http://127.0.0.1:9000    with `cargo lambda watch`

Running it again on the same data updates what the template changed and keeps the data; nothing
is deleted. Functions are built with cargo before they are started.";

const TAIL_HELP: &str = "\
Examples:
  anabranch tail clicks
  anabranch tail clicks --from latest --follow
  anabranch tail clicks --from 2026-11-20T08:00:00Z --json | jq .partitionKey";

const LOGS_HELP: &str = "\
Examples:
  anabranch logs ingest --follow
  anabranch logs ingest --since 2h --filter ERROR
  anabranch logs /my/log/group --filter '{ $.status >= 500 }'";

const LOG_HELP: &str = "\
Examples (stop the server first):
  anabranch log stat anabranch-data/streams/<uuid>
  anabranch log verify anabranch-data/streams/<uuid>
  anabranch log dump anabranch-data/streams/<uuid> --lane 0 | head";

/// Runs the program.
pub fn main() -> ExitCode {
    if let Err(error) = anabranch_storage::survive_sigbus() {
        eprintln!("anabranch: segments that become unreadable will end the process: {error}");
    }
    match CommandLine::parse().command {
        Command::Serve(settings) => finish(serve::run(&settings)),
        Command::Up(arguments) => finish(up::run(&arguments)),
        Command::Tail(arguments) => finish(tail::run(&arguments)),
        Command::Logs(arguments) => finish(logs::run(&arguments)),
        Command::Log(arguments) => finish(log::run(&arguments)),
    }
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("anabranch: {}", failure.message);
            ExitCode::from(failure.exit_code)
        }
    }
}
