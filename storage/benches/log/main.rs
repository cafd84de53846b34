//! The log beside the physical limit it is held against, measured in the same run.
//!
//! `cargo bench -p anabranch-storage --bench log` prints, for each kind of work, what the log does,
//! what the limit is, and their ratio beside the goal: medians of several runs, log and limit in
//! turn. `-- --seconds 0.5 --runs 5 --directory DIR` changes length, number and place; the
//! directory must be on the disk to be measured, not in memory. `--only WORD` runs the rows whose
//! names have the word. `--large` adds the rows on a log of 20 GiB, which needs 45 GiB of room.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step ends the measurement")]

mod append;
mod device;
mod large;
mod limits;
mod read;
mod retention;
mod table;
mod zstd;

use std::path::PathBuf;
use std::time::Duration;

use table::Table;

/// What the command line asks for.
struct Options {
    run: Duration,
    runs: usize,
    directory: PathBuf,
    only: Option<String>,
    large: bool,
}

fn main() {
    let options = options();
    let mut table = Table::new(&options);
    append::rows(&mut table);
    device::rows(&mut table);
    read::rows(&mut table);
    zstd::rows(&mut table);
    retention::rows(&mut table);
    if options.large {
        large::rows(&mut table);
    }
}

fn options() -> Options {
    let mut options = Options {
        run: Duration::from_millis(500),
        runs: 5,
        directory: std::env::current_dir().unwrap().join("target"),
        only: None,
        large: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => options.run = Duration::from_secs_f64(arguments.next().unwrap().parse().unwrap()),
            "--runs" => options.runs = arguments.next().unwrap().parse().unwrap(),
            "--directory" => options.directory = arguments.next().unwrap().into(),
            "--only" => options.only = arguments.next(),
            "--large" => options.large = true,
            // What cargo itself passes.
            _ => {}
        }
    }
    std::fs::create_dir_all(&options.directory).unwrap();
    options
}
