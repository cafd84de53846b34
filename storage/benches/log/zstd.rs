//! Compressed frames of JSON click events.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anabranch_storage::{Compression, Config, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit};

use crate::table::{Goal, Table};

const BATCH: usize = 100;
const BATCHES: usize = 1_000;

pub(crate) fn rows(table: &mut Table<'_>) {
    let directory = table.directory().to_owned();
    let events: Vec<Vec<u8>> = (0..(BATCH * 200) as u64).map(click).collect();
    for level in [1, 3] {
        let name = format!("zstd {level}, batches of {BATCH} click events: append, one core");
        let mut smaller = Vec::new();
        let mut reading = Vec::new();
        table.value(&name, "MB/s of input", Goal::AtLeast(300.0), || {
            let (rate, ratio, read) = append(&directory, &events, level);
            smaller.push(ratio);
            reading.push(read);
            rate
        });
        if !smaller.is_empty() {
            table.print("… times smaller", "×", Goal::AtLeast(4.0), crate::table::median(smaller));
            table.print("… reading it back", "MB/s", Goal::None, crate::table::median(reading));
        }
    }
}

/// MB/s appended, how many times smaller it got, MB/s read.
fn append(directory: &Path, events: &[Vec<u8>], level: i32) -> (f64, f64, f64) {
    let home = tempfile::tempdir_in(directory).unwrap();
    let config = Config {
        segment_bytes_min: 256 << 20,
        segment_bytes_max: 256 << 20,
        flush: FlushPolicy::Os,
        compression: Compression::Zstd { level },
        ..Config::default()
    };
    let (log, _) = Log::open(home.path(), config).unwrap();
    let mut input = 0;
    let began = Instant::now();
    for number in 0..BATCHES {
        let start = number * BATCH % events.len();
        let records: Vec<&[u8]> = events[start..start + BATCH].iter().map(Vec::as_slice).collect();
        input += records.iter().map(|record| record.len()).sum::<usize>();
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &records }]).unwrap().wait().unwrap();
    }
    let rate = input as f64 / 1e6 / began.elapsed().as_secs_f64();
    let ratio = input as f64 / (log.stat().used_bytes - 4096) as f64;
    let began = Instant::now();
    let mut from = Position(0);
    let mut read = 0;
    while from < log.visible() {
        let found = log.read(LaneId(0), from, ReadLimit { records: 10_000, bytes: 8 << 20 }).unwrap();
        from = found.next();
        read += black_box(found.iter().map(|record| record.data.len()).sum::<usize>());
    }
    assert_eq!(read, input);
    (rate, ratio, read as f64 / 1e6 / began.elapsed().as_secs_f64())
}

/// An event as a web shop's page sends it; numbers and names differ from one to the next.
fn click(number: u64) -> Vec<u8> {
    let mix = |salt: u64| {
        let mut value = number.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        value ^= value >> 29;
        value.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17
    };
    let pages = ["/", "/products", "/products/chairs", "/products/tables", "/cart", "/checkout", "/about", "/search"];
    let agents = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    ];
    format!(
        r#"{{"eventId":"{:016x}","sessionId":"{:08x}","userId":{},"timestamp":"2026-05-{:02}T{:02}:{:02}:{:02}.{:03}Z","page":"{}","productId":{},"referrer":"https://www.example.com/","userAgent":"{}","durationMs":{}}}"#,
        mix(1),
        mix(2) % 4_000_000,
        mix(3) % 50_000,
        1 + number / 86_400 % 28,
        number / 3_600 % 24,
        number / 60 % 60,
        number % 60,
        mix(4) % 1_000,
        pages[(mix(5) % 8) as usize],
        mix(6) % 5_000,
        agents[(mix(7) % 3) as usize],
        mix(8) % 30_000,
    )
    .into_bytes()
}
