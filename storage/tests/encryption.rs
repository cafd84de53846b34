//! An encrypted log keeps its secrets on the disk, tells a wrong key from damage, and lets keys change.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anabranch_storage::{
    Compression, Config, DataKey, Error, FlushPolicy, KeyId, KeyProvider, LaneBatch, LaneId, Log, Position, ReadLimit,
    inspect,
};

const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };
const SECRET: &[u8] = b"a secret that must not be on the disk";

#[derive(Debug)]
struct Keys {
    current: u8,
    known: HashMap<KeyId, DataKey>,
}

fn id(number: u8) -> KeyId {
    KeyId([number; 16])
}

/// Knows the keys 1 to `known`; each is made of its number.
fn keys(current: u8, known: u8) -> Arc<dyn KeyProvider> {
    Arc::new(Keys { current, known: (1..=known).map(|number| (id(number), DataKey([number; 32]))).collect() })
}

impl KeyProvider for Keys {
    fn current(&self) -> (KeyId, DataKey) {
        (id(self.current), self.known[&id(self.current)].clone())
    }

    fn find(&self, id: KeyId) -> Option<DataKey> {
        self.known.get(&id).cloned()
    }
}

fn config(keys: Option<Arc<dyn KeyProvider>>) -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, keys, ..Config::default() }
}

fn append(log: &Log, count: u64) {
    for _ in 0..count {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &[SECRET, b"", SECRET] }]).unwrap().wait().unwrap();
    }
}

fn count(log: &Log) -> usize {
    let records = log.read(LaneId(0), Position(0), ALL).unwrap();
    assert!(records.iter().all(|record| record.data == SECRET || record.data.is_empty()));
    records.len()
}

fn is_on_disk(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let image = std::fs::read(entry.unwrap().path()).unwrap();
        image.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn what_is_encrypted_is_read_back_and_not_on_the_disk() {
    for compression in [Compression::None, Compression::Zstd { level: 3 }] {
        for flush in [FlushPolicy::Fsync, FlushPolicy::Os] {
            let home = tempfile::tempdir().unwrap();
            let config = Config { compression, flush, ..config(Some(keys(1, 1))) };
            let (log, _) = Log::open(home.path(), config.clone()).unwrap();
            append(&log, 600);
            assert_eq!(count(&log), 1_800);
            drop(log);
            assert!(!is_on_disk(home.path(), SECRET));
            let verification = inspect::verify(home.path()).unwrap();
            assert_eq!((verification.problems.len(), verification.records_verified), (0, 1_800), "without the key");
            let (log, recovery) = Log::open(home.path(), config).unwrap();
            assert_eq!(recovery.damage, []);
            append(&log, 1);
            assert_eq!(count(&log), 1_803);
        }
    }
}

#[test]
fn a_missing_or_wrong_key_is_an_error_that_says_so() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), config(Some(keys(1, 1)))).unwrap();
    append(&log, 10);
    drop(log);
    let refused = |config| Log::open(home.path(), config).unwrap_err();
    assert!(matches!(refused(config(None)), Error::UnknownKey { key, .. } if key == id(1)));
    let other = Keys { current: 2, known: HashMap::from([(id(2), DataKey([2; 32]))]) };
    assert!(matches!(refused(config(Some(Arc::new(other)))), Error::UnknownKey { key, .. } if key == id(1)));
    let wrong = Keys { current: 1, known: HashMap::from([(id(1), DataKey([9; 32]))]) };
    let error = refused(config(Some(Arc::new(wrong))));
    assert!(matches!(error, Error::WrongKey { key, .. } if key == id(1)), "{error}");
    assert!(inspect::dump(home.path(), None, |_| {}).is_err(), "no record without the key");
    let (log, _) = Log::open(home.path(), config(Some(keys(1, 1)))).unwrap();
    assert_eq!(count(&log), 30, "nothing of it changed the log");
}

#[test]
fn keys_change_and_encryption_starts_and_stops_without_rewriting() {
    let home = tempfile::tempdir().unwrap();
    for (round, keys) in [None, Some(keys(1, 1)), Some(keys(2, 2)), Some(keys(2, 2))].into_iter().enumerate() {
        let (log, recovery) = Log::open(home.path(), config(keys)).unwrap();
        assert_eq!(recovery.damage, []);
        append(&log, 400);
        assert_eq!(count(&log), (round + 1) * 1_200);
    }
    // What is encrypted stays readable only with its keys, also after encryption was turned off.
    assert!(matches!(Log::open(home.path(), config(None)), Err(Error::UnknownKey { .. })));
    let (log, _) = Log::open(home.path(), config(Some(keys(2, 2)))).unwrap();
    assert_eq!(count(&log), 4_800);
    assert_eq!(log.visible(), Position(4_800));
}

#[test]
fn a_payload_moved_elsewhere_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), config(Some(keys(1, 1)))).unwrap();
    append(&log, 2);
    drop(log);
    let path = home.path().join(format!("{:020}.segment", 0));
    let mut image = std::fs::read(&path).unwrap();
    // Both frames have the same size; swap their stored payloads and make all checksums right.
    let stored = u32::from_le_bytes(image[4096 + 12..4096 + 16].try_into().unwrap()) as usize;
    let (first, second) = (4096, 4096 + (56 + stored).next_multiple_of(8));
    for at in 0..stored {
        image.swap(first + 56 + at, second + 56 + at);
    }
    (0..4).for_each(|at| image.swap(first + 8 + at, second + 8 + at));
    for frame in [first, second] {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&image[16..40]);
        hasher.update(&(frame as u64).to_le_bytes());
        hasher.update(&image[frame + 8..frame + 56]);
        image[frame + 4..frame + 8].copy_from_slice(&hasher.finalize().to_le_bytes());
    }
    std::fs::write(&path, image).unwrap();
    let (log, _) = Log::open(home.path(), config(Some(keys(1, 1)))).unwrap();
    let error = log.read(LaneId(0), Position(0), ALL).unwrap_err();
    assert!(error.to_string().contains("does not decrypt"), "{error}");
}
