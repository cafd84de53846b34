//! Bodies in `aws-chunked` form: chunks with their size in hexadecimal and perhaps a signature,
//! then trailers, among them a checksum. (S3 API reference, "Authenticating Requests:
//! Transferring Payload in Chunks" and "… with trailing headers".)
//!
//! Signatures are not checked, since any credentials work; trailing checksums are, by the
//! operation, once the body was read.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;

/// Longest line of a chunk's header or a trailer.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Trailers of a body, filled in when it was read to its end. An extension of the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trailers(Arc<Mutex<HeaderMap>>);

impl Trailers {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.lock().get(name)?.to_str().ok().map(str::to_string)
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
    state: State,
    trailers: Trailers,
}

impl<Body, E> Decoder<Body>
where
    Body: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    pub(crate) fn new(body: Body, trailers: Trailers) -> Self {
        Self { body, buffer: BytesMut::new(), state: State::ChunkHeader, trailers }
    }

    /// The decoded bytes.
    pub(crate) fn stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        futures::stream::try_unfold(self, |mut decoder| async move {
            Ok(decoder.next().await?.map(|bytes| (bytes, decoder)))
        })
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.state {
                State::ChunkHeader => {
                    let line = self.line().await?.ok_or_else(cut_short)?;
                    let size = line.split(';').next().unwrap_or_default().trim();
                    let size = u64::from_str_radix(size, 16)
                        .map_err(|_| malformed("a chunk's size is no hexadecimal number"))?;
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    if self.buffer.is_empty() && !self.fill().await? {
                        return Err(cut_short());
                    }
                    let taken = self.buffer.len().min(left as usize);
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
                    Some(line) => self.keep_trailer(&line)?,
                },
                State::End => {
                    // Whatever follows is not part of the body, but the connection must be read to its end.
                    while self.fill().await? {
                        self.buffer.clear();
                    }
                    return Ok(None);
                }
            }
        }
    }

    fn keep_trailer(&self, line: &str) -> io::Result<()> {
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a trailer has no colon"))?;
        let name: HeaderName = name.trim().parse().map_err(|_| malformed("a trailer's name is no header name"))?;
        let value: HeaderValue = value.trim().parse().map_err(|_| malformed("a trailer's value is no header value"))?;
        self.trailers.0.lock().insert(name, value);
        Ok(())
    }

    /// The next line without its end, or `None` at the end of the body.
    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(malformed("a line is too long"));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut_short()) };
            }
        }
    }

    async fn fill(&mut self) -> io::Result<bool> {
        match self.body.next().await {
            None => Ok(false),
            Some(Ok(bytes)) => {
                self.buffer.extend_from_slice(&bytes);
                Ok(true)
            }
            Some(Err(error)) => Err(io::Error::other(error.to_string())),
        }
    }
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

    async fn decode(body: &[u8], piece: usize) -> (io::Result<Vec<u8>>, Trailers) {
        let trailers = Trailers::default();
        let pieces: Vec<io::Result<Bytes>> =
            body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let decoder = Decoder::new(futures::stream::iter(pieces), trailers.clone());
        let decoded = decoder.stream().try_fold(Vec::new(), |mut all, bytes| async move {
            all.extend_from_slice(&bytes);
            Ok(all)
        });
        (decoded.await, trailers)
    }

    #[tokio::test]
    async fn chunks_and_trailers_in_any_pieces() {
        let body =
            b"5;chunk-signature=ab\r\nclick\r\n1\r\ns\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for piece in 1..body.len() {
            let (decoded, trailers) = decode(body, piece).await;
            assert_eq!(decoded.unwrap(), b"clicks");
            assert_eq!(trailers.get("x-amz-checksum-crc32").as_deref(), Some("AAAAAA=="));
        }
    }

    #[tokio::test]
    async fn anything_else_is_an_error() {
        for body in ["5\r\nclic", "5\r\nclicks\r\n0\r\n\r\n", "z\r\n", "", "1\r\na\r\n"] {
            assert!(decode(body.as_bytes(), 3).await.0.is_err(), "{body:?}");
        }
    }
}
