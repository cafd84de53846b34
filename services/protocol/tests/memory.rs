//! Decoding a request takes memory in proportion to what the request may hold, not to what a body
//! can be made to claim.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use anabranch_protocol::{ApiError, Blob, BoundedList, BoundedMap, Encoding};
use peak_alloc::PeakAlloc;
use serde::Deserialize;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[derive(Debug, Deserialize)]
struct Entry {
    #[expect(dead_code, reason = "only its memory is looked at")]
    data: Option<Blob>,
    #[expect(dead_code, reason = "only its memory is looked at")]
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Request {
    records: Option<BoundedList<Entry, 500>>,
    tags: Option<BoundedMap<String, 200>>,
    keys: Option<BoundedList<String, 50>>,
    name: Option<String>,
}

/// Bytes taken beside the body while it is decoded.
fn taken(encoding: Encoding, body: &[u8]) -> (usize, Result<Request, ApiError>) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let request = encoding.decode(body);
    (MEMORY.peak_usage().saturating_sub(before), request)
}

/// Of the bodies.
const BYTES: usize = 1 << 20;

/// A map of one member in CBOR; `value` is its encoded value.
fn cbor(member: &str, value: &[u8]) -> Vec<u8> {
    [&[0xa1, 0x60 | member.len() as u8], member.as_bytes(), value].concat()
}

/// The head of a CBOR item of 2^20 bytes or members.
fn head(major: u8) -> [u8; 5] {
    [major << 5 | 26, 0, 0x10, 0, 0]
}

#[test]
fn decoding_takes_no_more_than_three_times_the_body() {
    // One test, since the peak is the process's.
    let in_json = |member: &str, item: &str, ends: &str| {
        let items = vec![item; BYTES / (item.len() + 1)].join(",");
        format!("{{\"{member}\":{}{items}{}}}", &ends[..1], &ends[1..]).into_bytes()
    };
    let many =
        |major: u8, item: &[u8]| [&head(major)[..], &item.repeat(BYTES * (1 + usize::from(major == 5)))].concat();
    let open = |start: u8, item: &[u8]| [&[start][..], &item.repeat(BYTES / item.len()), &[0xff]].concat();
    let text = [&head(3)[..], &vec![b'x'; BYTES]].concat();
    let nested = [vec![0x81; BYTES], vec![0x80]].concat();
    let bodies = [
        ("a million empty records", Encoding::Json, in_json("records", "{}", "[]"), Some(true)),
        ("a map of millions", Encoding::Json, in_json("tags", "\"\":\"\"", "{}"), Some(true)),
        ("a list of texts", Encoding::Json, in_json("keys", "\"\"", "[]"), Some(true)),
        ("what no member is called", Encoding::Json, in_json("other", "0", "[]"), Some(true)),
        ("a long text", Encoding::Json, format!("{{\"name\":\"{}\"}}", "x".repeat(BYTES)).into_bytes(), Some(true)),
        (
            "a long text for a list",
            Encoding::Json,
            format!("{{\"keys\":\"{}\"}}", "\x7f".repeat(BYTES)).into(),
            Some(false),
        ),
        (
            "a record that is a text",
            Encoding::Json,
            format!("{{\"records\":[\"{}\"]}}", "\x7f".repeat(BYTES)).into(),
            Some(false),
        ),
        ("deep lists", Encoding::Json, vec![b'['; BYTES], Some(false)),
        ("empty records", Encoding::Cbor, cbor("records", &many(4, b"\xa0")), Some(true)),
        ("open records", Encoding::Cbor, cbor("records", &open(0x9f, b"\xa0")), Some(true)),
        ("records of one byte each", Encoding::Cbor, cbor("records", &many(4, b"\0")), Some(false)),
        ("a map of texts", Encoding::Cbor, cbor("tags", &many(5, b"\x60")), Some(true)),
        ("what no member is called", Encoding::Cbor, cbor("other", &many(4, b"\0")), Some(true)),
        ("lists in lists", Encoding::Cbor, cbor("other", &many(4, b"\x80")), Some(true)),
        ("a long text", Encoding::Cbor, cbor("name", &text), Some(true)),
        ("a text in pieces", Encoding::Cbor, cbor("name", &open(0x7f, b"\x61x")), Some(true)),
        ("a text in empty pieces", Encoding::Cbor, cbor("name", &open(0x7f, b"\x60")), Some(true)),
        ("tags on tags", Encoding::Cbor, cbor("name", &[vec![0xc1; BYTES], vec![0x60]].concat()), Some(true)),
        ("deep lists", Encoding::Cbor, cbor("other", &nested), Some(false)),
        ("a claimed length", Encoding::Cbor, cbor("name", b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(false)),
        ("a claimed count", Encoding::Cbor, cbor("records", b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(false)),
        ("a claimed map", Encoding::Cbor, cbor("tags", b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(false)),
    ];
    for (what, encoding, body, is_read) in bodies {
        let (bytes, request) = taken(encoding, &body);
        let times = bytes as f64 / body.len() as f64;
        assert!(
            bytes <= 64 << 10 || bytes <= 2 * body.len(),
            "{what} in {encoding:?}: {times:.1} times the body beside it"
        );
        if let Some(is_read) = is_read {
            assert_eq!(request.is_ok(), is_read, "{what} in {encoding:?}");
        }
        if let Ok(Request { records: Some(records), .. }) = &request {
            assert!(records.len() <= 500 && records.count() > 100_000, "{what}");
        }
        if let Ok(Request { tags: Some(tags), .. }) = &request {
            assert!(tags.len() <= 200 && tags.count() > 0, "{what}");
        }
        if let Ok(Request { keys: Some(keys), name: None, .. }) = &request {
            assert!(keys.len() <= 50 && keys.count() > 100_000, "{what}");
        }
    }
}
