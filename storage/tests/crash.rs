//! Writers are killed with SIGKILL in full flow; what they were told was durable is still there,
//! in order, once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit};

const WRITERS: u32 = 8;
const DIRECTORY_VARIABLE: &str = "ANABRANCH_CRASH_TEST_DIRECTORY";

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 1 << 20, ..Config::default() }
}

fn data(round: u64, writer: u32, number: u64) -> Vec<u8> {
    let mut data = [round.to_le_bytes(), u64::from(writer).to_le_bytes(), number.to_le_bytes()].concat();
    data.resize(24 + (number % 500) as usize, writer as u8);
    data
}

/// The process that is killed: not a test of its own, it returns at once unless it is started as one.
#[test]
fn writer_process() {
    let Ok(variable) = std::env::var(DIRECTORY_VARIABLE) else { return };
    let (directory, round) = variable.rsplit_once('#').unwrap();
    let round: u64 = round.parse().unwrap();
    let (log, _) = Log::open(Path::new(directory), config()).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let log = &log;
            scope.spawn(move || {
                for number in 0.. {
                    let record = data(round, writer, number);
                    let batch = LaneBatch { lane: LaneId(writer % 3), records: &[&record] };
                    let appended = log.append(round, &[batch]).unwrap();
                    let position = appended.first_positions()[0];
                    appended.wait().unwrap();
                    // One write a line, so that a line is read whole or not at all.
                    let line = format!("ack {writer} {number} {position}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// Starts a writer process, lets it acknowledge some records and kills it; returns what it acknowledged.
fn killed_round(directory: &Path, round: u64, acknowledgements: usize) -> Vec<(u32, u64, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY_VARIABLE, format!("{}#{round}", directory.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    // What it had printed before it died was acknowledged too; the last line may be cut short.
    while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        if let Some(words) = line.trim_end().strip_prefix("ack ") {
            let words: Vec<u64> = words.split(' ').map(|word| word.parse().unwrap()).collect();
            acknowledged.push((words[0] as u32, words[1], words[2]));
        }
        if acknowledged.len() == acknowledgements {
            child.kill().unwrap();
        }
        line.clear();
    }
    child.wait().unwrap();
    acknowledged
}

#[test]
fn kill_9_under_load_loses_nothing_acknowledged() {
    let rounds = std::env::var("ANABRANCH_CRASH_ROUNDS").map_or(12, |rounds| rounds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for round in 0..rounds {
        for (writer, number, position) in killed_round(directory.path(), round, 50 + round as usize * 37 % 400) {
            let earlier = acknowledged.insert(position, data(round, writer, number));
            assert_eq!(earlier, None, "position {position} was given twice");
        }
        let (log, recovery) = Log::open(directory.path(), config()).unwrap();
        assert_eq!(recovery.damage, [], "a killed process damages nothing");
        check(&log, &acknowledged);
    }
    println!("{rounds} rounds, {} acknowledged records, none lost", acknowledged.len());
}

fn check(log: &Log, acknowledged: &BTreeMap<u64, Vec<u8>>) {
    let mut found: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for lane in 0..3 {
        let records =
            log.read(LaneId(lane), Position(0), ReadLimit { records: usize::MAX, bytes: usize::MAX }).unwrap();
        let mut latest = [None; WRITERS as usize];
        for record in records.iter() {
            let word = |at: usize| u64::from_le_bytes(record.data[at..at + 8].try_into().unwrap());
            let place = Some((word(0), word(16)));
            assert!(latest[word(8) as usize] < place, "a writer's records are in order, each once");
            latest[word(8) as usize] = place;
            found.insert(record.position.0, record.data.to_vec());
        }
    }
    for (position, data) in acknowledged {
        assert_eq!(found.get(position), Some(data), "the record acknowledged at {position}");
    }
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(home.path()).status();
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).is_ok_and(|status| status.success()) {
        println!("skipped: needs the right to mount a tmpfs");
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill_and_go_on(home.path()));
    Command::new("umount").args(["-l"]).arg(home.path()).status().unwrap();
    outcome.unwrap();
}

fn fill_and_go_on(home: &Path) {
    let filler = home.join("filler");
    std::fs::write(&filler, vec![1; 2 << 20]).unwrap();
    let (log, _) = Log::open(&home.join("log"), config()).unwrap();
    let record = vec![7; 10_000];
    let append = || log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&record] }]);
    let mut appended = 0;
    let error = loop {
        match append() {
            Ok(ticket) => ticket.wait().unwrap(),
            Err(error) => break error,
        }
        appended += 1;
    };
    assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    assert!(appended > 50, "the room there is gets used: {appended}");
    assert!(matches!(append(), Err(Error::NoSpace { .. })), "and stays an error");
    let all = || log.read(LaneId(0), Position(0), ReadLimit { records: usize::MAX, bytes: usize::MAX }).unwrap();
    assert_eq!(all().len(), appended, "nothing acknowledged is lost");
    std::fs::remove_file(&filler).unwrap();
    append().unwrap().wait().unwrap();
    assert_eq!(all().len(), appended + 1, "writing goes on without opening again");
    log.close().unwrap();
}
