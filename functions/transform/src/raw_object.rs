//! A raw object as lines: gzip or plain, each line a click or an error with its reason.

use base64_simd::STANDARD;
use click::Click;
use flate2::read::MultiGzDecoder;
use serde::Serialize;
use std::io::Read;

/// The most bytes an object may have once decompressed: twice what Firehose buffers at most (128 MiB).
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The first bytes of every gzip member.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A line that is not a click; one line of an error object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BadLine {
    /// Its number in the object, from 1; 0 for the object as a whole.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
    /// The line as it came, in `encoding`.
    pub raw: String,
    /// `utf-8`, or `base64` for a line that is not UTF-8.
    pub encoding: &'static str,
}

/// What a raw object holds.
#[derive(Debug, Default)]
pub(crate) struct RawObject {
    /// The clicks, in order.
    pub clicks: Vec<Click>,
    /// The rest, in order.
    pub bad_lines: Vec<BadLine>,
}

impl RawObject {
    /// Reads a whole object. Damage in the middle of a gzip file costs only what follows it, and is reported.
    pub(crate) fn read(content: &[u8]) -> Self {
        Self::read_limited(content, UNPACKED_BYTES_MAX)
    }

    fn read_limited(content: &[u8], bytes_max: u64) -> Self {
        let (text, damage) = unpack(content, bytes_max);
        let mut object = Self::default();
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            match Click::from_json(line) {
                Ok(click) => object.clicks.push(click),
                Err(error) => object.bad_lines.push(bad_line(index + 1, error.to_string(), line)),
            }
        }
        object.bad_lines.extend(damage.map(|reason| bad_line(0, reason, b"")));
        object
    }
}

fn unpack(content: &[u8], bytes_max: u64) -> (Vec<u8>, Option<String>) {
    if !content.starts_with(&GZIP_MAGIC) {
        return (content.to_vec(), None);
    }
    let mut text = Vec::new();
    let result = MultiGzDecoder::new(content).take(bytes_max + 1).read_to_end(&mut text);
    let damage = match result {
        Err(error) => Some(format!("the object's gzip is damaged after {} bytes: {error}", text.len())),
        Ok(_) if text.len() as u64 > bytes_max => {
            text.truncate(usize::try_from(bytes_max).unwrap_or(usize::MAX));
            Some(format!("the object unpacks to more than {bytes_max} bytes; the rest was not read"))
        }
        Ok(_) => None,
    };
    (text, damage)
}

fn bad_line(line: usize, reason: String, bytes: &[u8]) -> BadLine {
    match std::str::from_utf8(bytes) {
        Ok(text) => BadLine { line, reason, raw: text.to_owned(), encoding: "utf-8" },
        Err(_) => BadLine { line, reason, raw: STANDARD.encode_to_string(bytes), encoding: "base64" },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    const CLICK: &str =
        r#"{"event_id":"a","session_id":"s","timestamp":"2026-06-15T10:00:00Z","type":"page_view","page":"/"}"#;

    pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn clicks_and_errors_are_told_apart() {
        let text = [CLICK.as_bytes(), b"{\"v\":1}", b"\xff\xfe", b"", CLICK.as_bytes()].join(&b'\n');
        let object = RawObject::read(&gzip(&text));
        assert_eq!(object.clicks.len(), 2);
        let [missing, binary] = &object.bad_lines[..] else { panic!("{:?}", object.bad_lines) };
        assert_eq!((missing.line, &*missing.reason, &*missing.raw), (2, "event_id is required", "{\"v\":1}"));
        assert_eq!((binary.line, &*binary.raw, binary.encoding), (3, "//4=", "base64"));
    }

    #[test]
    fn plain_text_and_several_members_are_read_too() {
        assert_eq!(RawObject::read(CLICK.as_bytes()).clicks.len(), 1);
        let line = format!("{CLICK}\r\n");
        let two = [gzip(line.as_bytes()), gzip(line.as_bytes())].concat();
        assert_eq!(RawObject::read(&two).clicks.len(), 2);
    }

    #[test]
    fn damage_and_excess_are_told() {
        let whole = gzip(format!("{CLICK}\n").repeat(100).as_bytes());
        let cut = RawObject::read(&whole[..whole.len() - 4]);
        assert!(cut.bad_lines.last().unwrap().reason.contains("gzip is damaged"));
        let over = RawObject::read_limited(&whole, 250);
        assert_eq!(over.clicks.len(), 2);
        assert!(over.bad_lines.last().unwrap().reason.contains("more than 250 bytes"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            RawObject::read(&bytes);
            RawObject::read(&[&GZIP_MAGIC[..], &bytes].concat());
        }
    }
}
