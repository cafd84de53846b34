//! One run: random work on a log on a simulated disk, with crashes, compared with the model.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_storage::{
    Appended, Compression, Config, DataKey, Error, KeyId, KeyProvider, LaneBatch, LaneId, Log, Position, inspect,
    platform::Platform,
};
use fastrand::Rng;

use crate::disk::{SimulatedDisk, Trouble};
use crate::model::{Entry, Found, LANES, Model, read_all};

const DIRECTORY: &str = "/log";
const ROUNDS: usize = 6;
const STEPS_A_ROUND: usize = 12;
const FLIPS: usize = 6;
const LOSSES: usize = 4;
/// Closed logs that are kept to be read while they are open anew.
const KEPT: usize = 3;
/// Attempts to open a log while descriptors are refused, before there are some again.
const STARVED_OPENINGS: usize = 40;

/// What a run did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Times the power was cut.
    pub power_cuts: u64,
    /// Flushes and writes that were made to fail.
    pub failures: u64,
    /// Times there was no room.
    pub full: u64,
    /// Calls refused for want of a file descriptor.
    pub starved: u64,
    /// Bits flipped.
    pub flips: u64,
    /// Times segments were taken away.
    pub lost: u64,
    /// Orderly closings, and processes that ended without one.
    pub reopened: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.power_cuts += other.power_cuts;
        self.failures += other.failures;
        self.full += other.full;
        self.starved += other.starved;
        self.flips += other.flips;
        self.lost += other.lost;
        self.reopened += other.reopened;
    }
}

/// Runs `seed`. The same seed does the same every time.
///
/// # Errors
/// What the log did wrong, in words.
pub fn run(seed: u64) -> Result<Counts, String> {
    run_and_keep(seed, None)
}

/// As [`run`]; if the log did something wrong, its files are written to `keep` to be looked at.
///
/// # Errors
/// As [`run`].
pub fn run_and_keep(seed: u64, keep: Option<&Path>) -> Result<Counts, String> {
    let mut run = Run::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| run.go()));
    if let (Some(keep), Ok(Err(_))) = (keep, &outcome) {
        run.disk.write_to(keep).map_err(|error| format!("{}: {error}", keep.display()))?;
    }
    outcome.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", words.unwrap_or_else(|| "(no message)".into())))
    })
}

#[derive(Debug)]
struct Keys;

impl KeyProvider for Keys {
    fn current(&self) -> (KeyId, DataKey) {
        (KeyId([1; 16]), DataKey([42; 32]))
    }

    fn find(&self, id: KeyId) -> Option<DataKey> {
        (id == KeyId([1; 16])).then_some(DataKey([42; 32]))
    }
}

struct Run {
    rng: Rng,
    disk: SimulatedDisk,
    config: Config,
    model: Model,
    counts: Counts,
    number: u64,
    time_ms: u64,
    /// Whether something fails in this round that poisons the log.
    may_poison: bool,
    /// What an earlier opening of the log in this process handed out, and what it must still show.
    kept: Vec<(Log, Found)>,
    /// Only single records of one length, so that a frame fits exactly where another was cut off.
    uniform: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let disk = SimulatedDisk::new(rng.u64(..));
        let config = Config {
            segment_bytes_min: 64 << 10,
            segment_bytes_max: [64 << 10, 128 << 10][rng.usize(..2)],
            compression: if rng.u8(..4) == 0 { Compression::Zstd { level: 1 } } else { Compression::None },
            spare_segments_max: rng.usize(..3),
            keys: if rng.u8(..4) == 0 { Some(Arc::new(Keys)) } else { None },
            ..Config::default()
        };
        let uniform = rng.u8(..4) == 0;
        Self {
            rng,
            disk,
            config,
            model: Model::default(),
            counts: Counts::default(),
            number: 0,
            time_ms: 0,
            may_poison: false,
            kept: Vec::new(),
            uniform,
        }
    }

    fn go(&mut self) -> Result<Counts, String> {
        for _ in 0..ROUNDS {
            self.round()?;
        }
        if self.rng.u8(..3) == 0 {
            self.rot()?;
            self.lose()?;
        }
        Ok(self.counts)
    }

    /// Opens the log, works on it, and ends in one of the ways in which a process may end.
    fn round(&mut self) -> Result<(), String> {
        let trouble = self.random_trouble();
        self.disk.set_trouble(trouble);
        let Some(log) = self.open()? else { return self.after_cut() };
        for _ in 0..STEPS_A_ROUND {
            if self.disk.is_off() {
                break;
            }
            self.step(&log)?;
        }
        self.model.acknowledge(log.visible().0);
        if self.disk.is_off() {
            drop(log);
            return self.after_cut();
        }
        self.check_kept()?;
        match self.rng.u8(..5) {
            0 => {
                // The power goes while nothing is being done.
                self.disk = self.cut(log)?;
            }
            1 => {
                let _ = log.close();
                self.counts.reopened += 1;
            }
            2 => {
                // Closed, and opened again while someone still reads what it was.
                let _ = log.close();
                let found = read_all(&log)?;
                self.kept.truncate(KEPT - 1);
                self.kept.insert(0, (log, found));
                self.counts.reopened += 1;
            }
            // As a killed process: what was written is in the page cache, nothing else happens.
            _ => {
                self.disk.set_trouble(Trouble { power_cut_at: Some(0), ..Trouble::default() });
                drop(log);
                self.disk.power_on_again();
                self.counts.reopened += 1;
            }
        }
        Ok(())
    }

    /// What was handed out before the log was closed stays as it was, whatever became of its files.
    fn check_kept(&self) -> Result<(), String> {
        for (log, before) in &self.kept {
            if read_all(log)?.records != before.records {
                return Err("a closed log shows something else than when it was closed".into());
            }
        }
        Ok(())
    }

    fn cut(&mut self, log: Log) -> Result<SimulatedDisk, String> {
        self.counts.power_cuts += 1;
        let after = self.disk.after_power_cut().map_err(|error| error.to_string())?;
        self.kept.clear();
        drop(log);
        Ok(after)
    }

    fn after_cut(&mut self) -> Result<(), String> {
        self.counts.power_cuts += 1;
        self.kept.clear();
        self.disk = self.disk.after_power_cut().map_err(|error| error.to_string())?;
        Ok(())
    }

    fn random_trouble(&mut self) -> Trouble {
        let mut trouble = Trouble { short_writes: self.rng.u8(..4) == 0, ..Trouble::default() };
        let at = Some(self.rng.u64(..60));
        self.may_poison = false;
        match self.rng.u8(..9) {
            0..3 => trouble.power_cut_at = at,
            3 => {
                trouble.flush_fails_at = at;
                self.may_poison = true;
                self.counts.failures += 1;
            }
            4 => {
                trouble.write_fails_at = at;
                self.may_poison = true;
                self.counts.failures += 1;
            }
            5 => {
                trouble.full_at = at;
                self.counts.full += 1;
            }
            6 => trouble.descriptors_refused = self.rng.u8(1..=8),
            _ => {}
        }
        trouble
    }

    /// Whether a call on the log may fail this way now. What passes must leave no trace.
    fn is_expected(&mut self, error: &Error) -> bool {
        match error {
            Error::TooManyOpenFiles { .. } => {
                self.counts.starved += 1;
                if self.rng.u8(..4) == 0 {
                    self.disk.set_trouble(Trouble::default());
                }
                true
            }
            Error::NoSpace { .. } => {
                // There is room again; the log must go on by itself.
                self.disk.set_trouble(Trouble::default());
                true
            }
            Error::Io { .. } | Error::Poisoned { .. } => self.may_poison || self.disk.is_off(),
            _ => false,
        }
    }

    /// Opens the log and checks what it holds; `None` if the power was cut meanwhile. Other
    /// trouble is tried again without.
    fn open(&mut self) -> Result<Option<Log>, String> {
        for attempt in 0.. {
            match Log::open_on(Arc::new(self.disk.clone()), Path::new(DIRECTORY), self.config.clone()) {
                Ok((log, recovery)) => {
                    if let Some(damage) = recovery.damage.first() {
                        return Err(format!("damage is reported where there is none: {damage}"));
                    }
                    let found = read_all(&log)?;
                    if let Some(damage) = found.damaged.first() {
                        return Err(format!("reading reports damage where there is none: {damage:?}"));
                    }
                    self.model.check_opened(&log, &found)?;
                    return Ok(Some(log));
                }
                Err(_) if self.disk.is_off() => return Ok(None),
                Err(Error::TooManyOpenFiles { .. }) if attempt < STARVED_OPENINGS => self.counts.starved += 1,
                Err(Error::Io { .. } | Error::Poisoned { .. }) if !self.may_poison => break,
                Err(Error::Io { .. } | Error::Poisoned { .. }) => {
                    self.may_poison = false;
                    self.disk.set_trouble(Trouble::default());
                }
                Err(error) if error.is_passing() && attempt <= STARVED_OPENINGS => {
                    self.disk.set_trouble(Trouble::default());
                }
                Err(error) => return Err(format!("opening: {error}")),
            }
        }
        Err("opening fails without a reason".into())
    }

    fn step(&mut self, log: &Log) -> Result<(), String> {
        match self.rng.u8(..10) {
            0 => self.trim(log),
            1 => self.read(log),
            _ => self.append(log),
        }
    }

    fn append(&mut self, log: &Log) -> Result<(), String> {
        let mut tickets = Vec::new();
        for _ in 0..self.rng.usize(1..4) {
            if let Some(ticket) = self.append_once(log)? {
                tickets.push(ticket);
            }
        }
        // Sometimes nobody waits; what was appended then may or may not get to the disk.
        if self.rng.u8(..8) > 0 {
            for ticket in tickets {
                let (end, records) = self.end_of(&ticket);
                if ticket.wait().is_ok() {
                    self.counts.acknowledged += records;
                    self.model.acknowledge(end);
                }
            }
        }
        Ok(())
    }

    fn end_of(&self, ticket: &Appended) -> (u64, u64) {
        let first = ticket.first_positions().first().map_or(0, |first| first.0);
        let of_this = self.model.pending.iter().filter(|frame| frame.keys().next().is_some_and(|key| *key >= first));
        let frames = of_this.take(ticket.first_positions().len());
        frames.fold((0, 0), |(_, records), frame| {
            (frame.keys().last().map_or(0, |last| last + 1), records + frame.len() as u64)
        })
    }

    fn append_once(&mut self, log: &Log) -> Result<Option<Appended>, String> {
        let (frames, records) = if self.uniform { (1, 1) } else { (self.rng.usize(1..4), self.rng.usize(1..5)) };
        let batches: Vec<(u32, Vec<Vec<u8>>)> = (0..frames)
            .map(|_| {
                let records = (0..records).map(|_| self.record()).collect();
                (self.rng.u32(..LANES), records)
            })
            .collect();
        self.time_ms += self.rng.u64(..3);
        let slices: Vec<Vec<&[u8]>> =
            batches.iter().map(|(_, records)| records.iter().map(Vec::as_slice).collect()).collect();
        let given: Vec<LaneBatch<'_>> = batches
            .iter()
            .zip(&slices)
            .map(|((lane, _), records)| LaneBatch { lane: LaneId(*lane), records })
            .collect();
        match log.append(self.time_ms, &given) {
            Ok(appended) => {
                for ((lane, records), first) in batches.into_iter().zip(appended.first_positions()) {
                    let entry = |data| -> Entry { (lane, appended.timestamp_ms(), data) };
                    let frame: BTreeMap<u64, Entry> = (first.0..).zip(records.into_iter().map(entry)).collect();
                    let taken = |position| self.model.durable.contains_key(position);
                    if let Some(position) = frame.keys().find(|position| taken(position)) {
                        return Err(format!("position {position} was given twice"));
                    }
                    self.model.pending.push(frame);
                }
                Ok(Some(appended))
            }
            Err(error) if self.is_expected(&error) => Ok(None),
            Err(error) => Err(format!("appending: {error}")),
        }
    }

    fn record(&mut self) -> Vec<u8> {
        self.number += 1;
        let bytes = match self.rng.u8(..12) {
            _ if self.uniform => 1_000,
            0 => 0,
            1 => self.rng.usize(..20_000),
            2 => self.rng.usize(..200),
            _ => 100,
        };
        let mut record = format!("click {}", self.number).into_bytes();
        record.resize(bytes, (self.number % 251) as u8);
        record
    }

    fn trim(&mut self, log: &Log) -> Result<(), String> {
        let (start, visible) = (log.start().0, log.visible().0);
        let to = self.rng.u64(start..=visible.max(start));
        self.model.acknowledge(visible);
        self.model.trimmed = self.model.trimmed.max(to);
        match log.trim_to(Position(to)) {
            Ok(_) => Ok(()),
            Err(error) if self.is_expected(&error) => Ok(()),
            Err(error) => Err(format!("trimming: {error}")),
        }
    }

    /// What a reader sees now must be there for ever.
    fn read(&mut self, log: &Log) -> Result<(), String> {
        let found = read_all(log)?;
        self.model.acknowledge(log.visible().0);
        let start = log.start().0;
        let expected = self.model.durable.range(start..);
        if !expected.eq(found.records.range(start..)) {
            return Err("reading does not agree with what was appended".into());
        }
        Ok(())
    }

    /// Flips bits of a log at rest: each is reported or harmless.
    fn rot(&mut self) -> Result<(), String> {
        self.disk.set_trouble(Trouble::default());
        let log = loop {
            match self.open()? {
                Some(log) => break log,
                // The power was cut when the log was closed last.
                None => self.after_cut()?,
            }
        };
        self.model.acknowledge(log.visible().0);
        log.close().map_err(|error| error.to_string())?;
        drop(log);
        let platform = Arc::new(self.disk.clone());
        let keys = self.config.keys.clone();
        let verified = inspect::verify_on(platform, Path::new(DIRECTORY), keys.as_deref());
        let verified = verified.map_err(|error| format!("verifying: {error}"))?;
        if let Some(problem) = verified.problems.first() {
            return Err(format!("verify finds fault with a sound log: {problem}"));
        }
        let segments: Vec<(PathBuf, u64)> =
            verified.stat.segments.iter().map(|segment| (segment.path.clone(), segment.used)).collect();
        for _ in 0..FLIPS {
            let (path, used) = &segments[self.rng.usize(..segments.len())];
            let bit = self.rng.u64(..used * 8);
            self.flip(path, bit)?;
            self.flip_back(path, bit)?;
        }
        Ok(())
    }

    /// Loses files of a log at rest, in front, behind or all of them: it is reported, and no position
    /// is given twice.
    fn lose(&mut self) -> Result<(), String> {
        let directory = Path::new(DIRECTORY);
        let names = self.disk.list(directory).map_err(|error| error.to_string())?;
        let mut segments: Vec<PathBuf> =
            names.iter().filter(|name| name.ends_with(".segment")).map(|name| directory.join(name)).collect();
        segments.sort();
        for _ in 0..LOSSES {
            let copy = self.disk.copy().map_err(|error| error.to_string())?;
            let (first, last) = (self.rng.usize(..=segments.len()), self.rng.usize(..=segments.len()));
            for (number, path) in segments.iter().enumerate() {
                if number < first || number >= last.max(first) {
                    copy.remove(path).map_err(|error| error.to_string())?;
                }
            }
            self.counts.lost += 1;
            let what = format!("segments {first}.. and ..{last} of {} are gone", segments.len());
            self.check_lost(copy).map_err(|error| format!("{what}: {error}"))?;
        }
        Ok(())
    }

    fn check_lost(&self, disk: SimulatedDisk) -> Result<(), String> {
        // Twice: what is missing stays missing.
        for _ in 0..2 {
            let opened = Log::open_on(Arc::new(disk.clone()), Path::new(DIRECTORY), self.config.clone());
            let (log, recovery) = opened.map_err(|error| format!("opening: {error}"))?;
            let reported: Vec<(u64, u64)> =
                recovery.damage.iter().map(|damage| (damage.first.0, damage.resume.0)).collect();
            let mut found = read_all(&log)?;
            // What the round before appended.
            found.records.retain(|_, (lane, ..)| *lane < LANES);
            // What was about to be dropped on purpose is not missed.
            self.model.check_damaged(&found, &reported, self.model.trimmed)?;
            let batch = LaneBatch { lane: LaneId(LANES), records: &[b"after"] };
            let appended = log.append(self.time_ms, &[batch]).map_err(|error| format!("appending: {error}"))?;
            let given = appended.first_positions()[0].0;
            if self.model.durable.last_key_value().is_some_and(|(last, _)| *last >= given) {
                return Err(format!("position {given} was given twice"));
            }
            appended.wait().map_err(|error| format!("appending: {error}"))?;
        }
        Ok(())
    }

    fn flip_back(&self, path: &Path, bit: u64) -> Result<(), String> {
        self.disk.rot(path, bit).map_err(|error| error.to_string())
    }

    fn flip(&mut self, path: &Path, bit: u64) -> Result<(), String> {
        self.disk.rot(path, bit).map_err(|error| error.to_string())?;
        self.counts.flips += 1;
        // Looked at on a copy, since opening goes on from what it finds.
        let copy = self.disk.copy().map_err(|error| error.to_string())?;
        let opened = Log::open_on(Arc::new(copy), Path::new(DIRECTORY), self.config.clone());
        let (log, recovery) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(format!("a flipped bit of {} keeps the log shut: {error}", path.display())),
        };
        let found = read_all(&log)?;
        let mut reported: Vec<(u64, u64)> =
            recovery.damage.iter().map(|damage| (damage.first.0, damage.resume.0)).collect();
        if recovery.torn.is_some() {
            reported.push((log.visible().0, u64::MAX));
        }
        self.model
            .check_damaged(&found, &reported, 0)
            .map_err(|error| format!("{error} (bit {} of byte {} of {})", bit % 8, bit / 8, path.display()))
    }
}
