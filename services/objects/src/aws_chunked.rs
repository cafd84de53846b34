//! Bodies in `aws-chunked` form: chunks with their size in hexadecimal and perhaps a signature,
//! then trailers, among them a checksum. (S3 API reference, "Authenticating Requests:
//! Transferring Payload in Chunks" and "… with trailing headers".)
//!
//! Signatures are not checked, since any credentials work; trailing checksums are, by the
//! operation, once the body was read.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use futures::future::FutureExt;
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem;
use parking_lot::Mutex;

/// Bytes of the line that begins a chunk, or of a trailer.
const LINE_BYTES_MAX: usize = 4 << 10;
/// Trailers of one body.
const TRAILERS_MAX: usize = 16;
/// Bytes of small chunks that are gathered before they are handed on.
const GATHERED_BYTES_MAX: usize = 64 << 10;
/// Chunks that are gathered before other requests get a turn.
const GATHERED_CHUNKS_MAX: usize = 4_096;

/// Trailers of a body: those announced by its head, and their values once it was read to its end.
/// An extension of the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trailers {
    announced: Arc<[HeaderName]>,
    values: Arc<Mutex<HeaderMap>>,
}

impl Trailers {
    /// Those that `x-amz-trailer` announces, `None` if one of them can't be a header name, or there are too many.
    pub(crate) fn announced(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all("x-amz-trailer").iter();
        let names = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
        let names = names.map(|name| name.trim().parse().ok()).take(TRAILERS_MAX + 1);
        let announced: Vec<HeaderName> = names.collect::<Option<_>>()?;
        (announced.len() <= TRAILERS_MAX).then(|| Self { announced: announced.into(), values: Arc::default() })
    }

    pub(crate) fn is_announced(&self, name: &str) -> bool {
        self.announced.iter().any(|announced| announced == name)
    }

    /// The first that was announced and never came.
    pub(crate) fn missing(&self) -> Option<&HeaderName> {
        let values = self.values.lock();
        self.announced.iter().find(|name| !values.contains_key(*name))
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.values.lock().get(name)?.to_str().ok().map(str::to_string)
    }
}

enum State {
    ChunkHeader,
    Data(u64),
    DataEnd,
    Trailer,
    End,
}

/// Decodes a body as it streams.
pub(crate) struct Decoder<Body> {
    body: Body,
    buffer: BytesMut,
    /// Bytes of the buffer that are known not to contain the end of a line.
    searched: usize,
    state: State,
    trailers: Trailers,
}

impl<Body, E> Decoder<Body>
where
    Body: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(body: Body, trailers: Trailers) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0, state: State::ChunkHeader, trailers }
    }

    /// The decoded bytes.
    pub(crate) fn stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        futures::stream::try_unfold(self, |mut decoder| async move {
            let gathered = decoder.gather().await?;
            tokio::task::yield_now().await;
            Ok(gathered.map(|bytes| (bytes, decoder)))
        })
    }

    /// The next bytes: those of one large chunk, or of as many small ones as have arrived.
    async fn gather(&mut self) -> io::Result<Option<Bytes>> {
        let Some(first) = self.next().await? else { return Ok(None) };
        if first.len() >= GATHERED_BYTES_MAX {
            return Ok(Some(first));
        }
        let mut gathered = BytesMut::from(first);
        for _ in 1..GATHERED_CHUNKS_MAX {
            if gathered.len() >= GATHERED_BYTES_MAX {
                break;
            }
            // Nothing is lost by giving up: what was read is kept in the buffer.
            match self.next().now_or_never() {
                None => break,
                Some(Ok(Some(more))) => gathered.extend_from_slice(&more),
                Some(Ok(None)) => break,
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(Some(gathered.freeze()))
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.state {
                State::ChunkHeader => {
                    let line = self.line().await?.ok_or_else(cut_short)?;
                    let size = line[..].split(|byte| *byte == b';').next().unwrap_or_default();
                    let size = number(size.trim_ascii())
                        .ok_or_else(|| malformed("a chunk's size is not a hexadecimal number"))?;
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    if self.buffer.is_empty() && !self.fill().await? {
                        return Err(cut_short());
                    }
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Some(self.buffer.split_to(taken).freeze()));
                }
                State::DataEnd => {
                    if !self.line().await?.ok_or_else(cut_short)?.is_empty() {
                        return Err(malformed("a chunk is longer than its size"));
                    }
                    self.state = State::ChunkHeader;
                }
                State::Trailer => match self.line().await? {
                    None => self.state = State::End,
                    Some(line) if line.is_empty() => self.state = State::End,
                    Some(line) => self.keep_trailer(&String::from_utf8_lossy(&line))?,
                },
                State::End => {
                    if !self.buffer.is_empty() || self.fill().await? {
                        return Err(malformed("something follows its end"));
                    }
                    return Ok(None);
                }
            }
        }
    }

    fn keep_trailer(&self, line: &str) -> io::Result<()> {
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a trailer has no colon"))?;
        let name: HeaderName = name.trim().parse().map_err(|_| malformed("a trailer's name is not a header name"))?;
        let value: HeaderValue =
            value.trim().parse().map_err(|_| malformed("a trailer's value is not a header value"))?;
        let mut values = self.trailers.values.lock();
        if values.len() == TRAILERS_MAX || values.insert(name, value).is_some() {
            return Err(malformed("there are too many trailers, or two of one name"));
        }
        Ok(())
    }

    /// The next line without its end, or `None` at the end of the body.
    async fn line(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(end) = memmem::find(&self.buffer[self.searched..], b"\r\n") {
                let line = self.buffer.split_to(self.searched + end);
                self.buffer.advance(2);
                self.searched = 0;
                return Ok(Some(line));
            }
            // The last byte may be half of an end.
            self.searched = self.buffer.len().saturating_sub(1);
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(malformed("a line is too long"));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut_short()) };
            }
        }
    }

    async fn fill(&mut self) -> io::Result<bool> {
        loop {
            match self.body.next().await {
                None => return Ok(false),
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    self.buffer.extend_from_slice(&bytes);
                    return Ok(true);
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// A number of at most 64 bits in hexadecimal digits, and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| is_number)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the aws-chunked body is malformed: {what}"))
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the aws-chunked body is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    async fn decode(body: &[u8], piece: usize) -> (io::Result<Vec<Bytes>>, Trailers) {
        let trailers = Trailers::default();
        let pieces: Vec<io::Result<Bytes>> =
            body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let decoder = Decoder::new(futures::stream::iter(pieces), trailers.clone());
        (decoder.stream().try_collect().await, trailers)
    }

    #[tokio::test]
    async fn chunks_and_trailers_in_any_pieces() {
        let body =
            b"5;chunk-signature=ab\r\nclick\r\n1\r\ns\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for piece in 1..body.len() {
            let (decoded, trailers) = decode(body, piece).await;
            assert_eq!(decoded.unwrap().concat(), b"clicks");
            assert_eq!(trailers.get("x-amz-checksum-crc32").as_deref(), Some("AAAAAA=="));
        }
    }

    #[tokio::test]
    async fn chunks_of_one_byte_are_put_together() {
        let body = "1;chunk-signature=ab\r\nx\r\n".repeat(200_000) + "0\r\n\r\n";
        let (decoded, _) = decode(body.as_bytes(), 8_000).await;
        let decoded = decoded.unwrap();
        assert_eq!(decoded.iter().map(Bytes::len).sum::<usize>(), 200_000);
        assert!(decoded.len() < 100, "in {} pieces", decoded.len());
    }

    #[tokio::test]
    async fn anything_else_is_an_error() {
        let wrong = [
            "5\r\nclic",
            "5\r\nclicks\r\n0\r\n\r\n",
            "z\r\n",
            "",
            "\r\n",
            "1\r\na\r\n",
            "+1\r\na\r\n0\r\n\r\n",
            "-1\r\na\r\n0\r\n\r\n",
            "1\na\n0\n\n",
            "ffffffffffffffff\r\na",
            "10000000000000000\r\na",
            "1\r\na\r\n0\r\n\r\n1\r\nb\r\n0\r\n\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\nx-a:1\r\nx-a:2\r\n\r\n",
        ];
        for body in wrong {
            for piece in [1, 3, 100] {
                assert!(decode(body.as_bytes(), piece).await.0.is_err(), "{body:?}");
            }
        }
        let endless = "1;".to_string() + &"a".repeat(2 * LINE_BYTES_MAX);
        assert!(decode(endless.as_bytes(), 100).await.0.is_err());
        let trailers: String = (0..=TRAILERS_MAX).map(|number| format!("x-{number}:1\r\n")).collect();
        assert!(decode(format!("0\r\n{trailers}\r\n").as_bytes(), 100).await.0.is_err());
    }
}
