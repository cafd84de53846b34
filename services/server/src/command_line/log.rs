//! `anabranch log`: a log on disk, offline.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anabranch_storage::inspect::{self, LogStat};
use anabranch_storage::{Config, Damage, LaneId, Log};
use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;

/// Exit code of `verify` when something does not hold.
const DAMAGED: u8 = 7;

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check every checksum; exit code 7 if one does not hold
    Verify {
        /// The log's directory
        dir: PathBuf,
    },
    /// Show segments and lanes
    Stat {
        /// The log's directory
        dir: PathBuf,
    },
    /// Replace lost records by gaps, so that reading can go on; keeps the damaged files
    Repair {
        /// The log's directory
        dir: PathBuf,
    },
    /// Copy a log: hard links of sealed segments, a copy of the rest
    Backup {
        /// The log's directory
        dir: PathBuf,
        /// The copy's directory, which must not exist
        target: PathBuf,
    },
    /// Print each record as a line of JSON
    Dump {
        /// The log's directory
        dir: PathBuf,
        /// Only this lane
        #[arg(long)]
        lane: Option<u32>,
    },
}

pub(super) fn run(arguments: &LogArguments) -> Result<(), Failure> {
    match &arguments.action {
        Action::Verify { dir } => verify(dir),
        Action::Stat { dir } => stat(dir),
        Action::Repair { dir } => repair(dir),
        Action::Backup { dir, target } => backup(dir, target),
        Action::Dump { dir, lane } => dump(dir, lane.map(LaneId)),
    }
}

fn verify(directory: &Path) -> Result<(), Failure> {
    let verification = inspect::verify(directory).map_err(Failure::new)?;
    println!(
        "{} records in {} frames ({} bytes) in {} segments verified",
        verification.records_verified,
        verification.frames_verified,
        verification.bytes_verified,
        verification.stat.segments.len(),
    );
    print_torn_tail(&verification.stat);
    for problem in &verification.problems {
        println!("damaged: {problem}");
    }
    match verification.problems.len() {
        0 => Ok(()),
        damaged => Err(Failure { message: format!("{damaged} places are damaged"), exit_code: DAMAGED }),
    }
}

fn repair(directory: &Path) -> Result<(), Failure> {
    let repair = anabranch_storage::repair(directory).map_err(Failure::new)?;
    let Some(kept) = &repair.kept_aside else {
        println!("nothing is damaged; the log is unchanged");
        return Ok(());
    };
    for lost in &repair.lost {
        println!("lost: {lost}");
    }
    for path in &repair.rewritten {
        println!("rewritten: {}", path.display());
    }
    let positions: u64 = repair.lost.iter().map(|lost| lost.resume.0 - lost.first.0).sum();
    println!("{positions} positions are lost; the damaged files are kept in {}", kept.display());
    Ok(())
}

fn backup(directory: &Path, target: &Path) -> Result<(), Failure> {
    // Opening would create a log where there is none.
    inspect::stat(directory).map_err(Failure::new)?;
    let (log, _) = Log::open(directory, Config::default()).map_err(Failure::new)?;
    let backup = log.backup(target).map_err(Failure::new)?;
    log.close().map_err(Failure::new)?;
    println!(
        "positions {} to {} are in {}: {} segments linked, {} copied ({} bytes)",
        backup.start,
        backup.end,
        target.display(),
        backup.segments_linked,
        backup.segments_copied,
        backup.bytes_copied
    );
    Ok(())
}

fn stat(directory: &Path) -> Result<(), Failure> {
    let stat = inspect::stat(directory).map_err(Failure::new)?;
    println!(
        "{:<28} {:>12} {:>12} {:>10} {:>10} {:>12} {:>12}  state",
        "segment", "first", "end", "frames", "records", "used", "capacity"
    );
    for segment in &stat.segments {
        println!(
            "{:<28} {:>12} {:>12} {:>10} {:>10} {:>12} {:>12}  {}",
            segment.path.file_name().unwrap_or_default().display(),
            segment.base.0,
            segment.end.0,
            segment.frames,
            segment.records,
            segment.used,
            segment.capacity,
            if segment.sealed { "sealed" } else { "open" },
        );
    }
    println!("\n{:<12} {:>10} {:>10}", "lane", "frames", "records");
    for (lane, figures) in &stat.lanes {
        println!("{:<12} {:>10} {:>10}", lane.0, figures.frames, figures.records);
    }
    print_torn_tail(&stat);
    stat.recovery.damage.iter().for_each(|damage: &Damage| println!("damaged: {damage}"));
    Ok(())
}

fn print_torn_tail(stat: &LogStat) {
    if let Some(torn) = &stat.recovery.torn {
        println!(
            "{} at offset {}: {} bytes after the last flush are incomplete; opening the log cuts them",
            torn.segment.display(),
            torn.offset,
            torn.bytes
        );
    }
}

fn dump(directory: &Path, lane: Option<LaneId>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    inspect::dump(directory, lane, |record| {
        if written.is_ok() {
            let data = base64_simd::STANDARD.encode_to_string(&record.data);
            let line = json!({
                "lane": record.lane.0,
                "position": record.position.0,
                "timestampMs": record.timestamp_ms,
                "dataBase64": data,
            });
            written = writeln!(out, "{line}");
        }
    })
    .map_err(Failure::new)?;
    match written.and_then(|()| out.flush()) {
        // The reader of the lines has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::new),
    }
}
