//! Real processes write a log on the simulated disk, mounted: they are killed, the power is cut,
//! and what they were told was durable must be there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step ends the run")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit, inspect};
use anabranch_storage_simulation::{SimulatedDisk, fuse};
use clap::Parser;

const WRITERS: u32 = 4;
const LANES: u32 = 3;
const ROUNDS_A_LOG: u64 = 10;
/// Older records may be dropped.
const ROUNDS_KEPT: u64 = 2;

/// Runs rounds of writing, killing and cutting the power.
#[derive(Debug, Parser)]
struct Options {
    /// Number of rounds.
    #[arg(long, default_value_t = 100)]
    rounds: u64,
    /// Of all that is random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The disk forgets what it was asked to flush: the run must then fail.
    #[arg(long)]
    forget_flushes: bool,
    /// Be the process that writes to the log in this directory, in this round.
    #[arg(long, num_args = 2, hide = true)]
    write: Option<Vec<String>>,
}

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 1 << 20, ..Config::default() }
}

fn data(round: u64, writer: u32, number: u64) -> Vec<u8> {
    let mut data = format!("{round} {writer} {number} ").into_bytes();
    let mix = (number + round).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    data.resize(data.len() + if mix.is_multiple_of(16) { mix as usize } else { mix as usize % 700 }, b'x');
    data
}

fn main() {
    let options = Options::parse();
    if let Some([directory, round]) = options.write.as_deref() {
        return write(Path::new(directory), round.parse().unwrap());
    }
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut disk = SimulatedDisk::new(options.seed);
    let mut acknowledged = BTreeMap::new();
    let (mut total, mut torn) = (0, 0);
    for round in 0..options.rounds {
        if round % ROUNDS_A_LOG == 0 {
            disk = SimulatedDisk::new(rng.u64(..));
            acknowledged.clear();
        }
        disk.forget_flushes(options.forget_flushes);
        let home = tempfile::tempdir().unwrap();
        let session = fuse::mount(&disk, home.path()).unwrap();
        let mut after = None;
        // The power goes while the writer writes. What it says after that was flushed before.
        let cut = || after = Some(disk.after_power_cut().unwrap());
        for (position, data) in cut_writer(home.path(), round, rng.usize(20..400), cut) {
            let earlier = acknowledged.insert(position, (round, data));
            assert_eq!(earlier, None, "seed {}, round {round}: position {position} was given twice", options.seed);
            total += 1;
        }
        session.join();
        disk = after.expect("the power was cut");
        let session = fuse::mount(&disk, home.path()).unwrap();
        torn += u64::from(check(home.path(), &acknowledged, round));
        session.join();
    }
    println!(
        "seed {}: {} power cuts, {total} acknowledged records, none lost; {torn} torn tails",
        options.seed, options.rounds
    );
}

/// Appends until it is killed, saying what was acknowledged.
fn write(directory: &Path, round: u64) {
    let (log, _) = Log::open(directory, config()).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let log = &log;
            scope.spawn(move || {
                for number in 0.. {
                    let record = data(round, writer, number);
                    let batch = LaneBatch { lane: LaneId(writer % LANES), records: &[&record] };
                    let appended = log.append(round, &[batch]).unwrap();
                    let position = appended.first_positions()[0];
                    appended.wait().unwrap();
                    let line = format!("{position} {writer} {number}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    if writer == 0 && number % 20 == 0 {
                        log.trim_before(round.saturating_sub(ROUNDS_KEPT)).unwrap();
                    }
                }
            });
        }
    });
}

/// Runs a writer, cuts its power once it has acknowledged so much, kills it, and returns all that it
/// acknowledged.
fn cut_writer(directory: &Path, round: u64, acknowledgements: usize, cut: impl FnOnce()) -> Vec<(u64, Vec<u8>)> {
    let program: PathBuf = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .arg("--write")
        .arg(directory)
        .arg(round.to_string())
        .stdout(Stdio::piped())
        // It complains of the power cut.
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut acknowledged, mut line, mut cut) = (Vec::new(), String::new(), Some(cut));
    // What it had said before it died counts too; the last line may be cut short.
    while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        let words: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        acknowledged.push((words[0], data(round, words[1] as u32, words[2])));
        if acknowledged.len() >= acknowledgements
            && let Some(cut) = cut.take()
        {
            cut();
            child.kill().unwrap();
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(cut.is_none(), "round {round}: the writer ended by itself");
    acknowledged
}

/// Whether a torn tail was found.
fn check(directory: &Path, acknowledged: &BTreeMap<u64, (u64, Vec<u8>)>, round: u64) -> bool {
    let (log, recovery) = Log::open(directory, config()).unwrap();
    assert_eq!(recovery.damage, [], "round {round}: a power cut damages nothing");
    let mut found = BTreeMap::new();
    for lane in 0..LANES {
        let all = ReadLimit { records: usize::MAX, bytes: usize::MAX };
        let mut latest = [None; WRITERS as usize];
        for record in log.read(LaneId(lane), Position(0), all).unwrap().iter() {
            let words = String::from_utf8_lossy(record.data);
            let words: Vec<u64> = words.split(' ').take(3).map(|word| word.parse().unwrap()).collect();
            let place = Some((words[0], words[2]));
            let latest = &mut latest[words[1] as usize];
            assert!(*latest < place, "round {round}: a writer's records are in order, each once");
            *latest = place;
            found.insert(record.position.0, record.data.to_vec());
        }
    }
    let start = log.start().0;
    for (position, (written_in, data)) in acknowledged {
        let may_be_dropped = *position < start && written_in + ROUNDS_KEPT < round;
        let is_there = found.get(position) == Some(data);
        assert!(is_there || may_be_dropped, "round {round}: the record acknowledged at {position} is lost");
    }
    log.close().unwrap();
    drop(log);
    assert_eq!(inspect::verify(directory).unwrap().problems, [], "round {round}");
    recovery.torn.is_some()
}
