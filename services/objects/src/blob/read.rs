//! Reading the files of an object, one open at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::{Blobs, Hold};
use crate::index::BlobRef;

/// Bytes read from a file at a time.
const READ_BYTES_MAX: u64 = 256 << 10;

/// What is still to be read.
struct Reading {
    blobs: Arc<Blobs>,
    /// Ids, sizes and ranges of the files that are not finished.
    spans: VecDeque<(BlobRef, Range<u64>)>,
    /// The first of them, once it is open.
    file: Option<File>,
    _hold: Hold,
}

impl Reading {
    fn open(&mut self) -> io::Result<()> {
        let (None, Some((blob, _))) = (&self.file, self.spans.front()) else { return Ok(()) };
        let file = self.blobs.open(&blob.id)?;
        let size = file.metadata()?.len();
        if size != blob.size {
            let message = format!("file {} has {size} bytes instead of {}", blob.id, blob.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.file = Some(file);
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.open()?;
        let (Some((_, span)), Some(file)) = (self.spans.front_mut(), &self.file) else { return Ok(None) };
        let length = (span.end - span.start).min(READ_BYTES_MAX);
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, span.start)?;
        span.start += length;
        if span.is_empty() {
            self.spans.pop_front();
            self.file = None;
        }
        Ok(Some(bytes.into()))
    }
}

impl Blobs {
    /// Reads `range` of the bytes that `blobs` make together. The first file is opened before this
    /// returns, so that what is missing can still be told; `hold` keeps the rest in place, so that
    /// replacing or deleting the object does not cut the read short.
    pub(crate) async fn read(
        self: &Arc<Self>,
        blobs: &[BlobRef],
        range: Range<u64>,
        hold: Hold,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static> {
        let mut spans = VecDeque::new();
        let mut begin = 0;
        for blob in blobs {
            let span = range.start.max(begin)..range.end.min(begin + blob.size);
            // The file of an empty object is opened too: it has to be there.
            if !span.is_empty() || blob.size == 0 && blobs.len() == 1 {
                spans.push_back((blob.clone(), span.start - begin..span.end - begin));
            }
            begin += blob.size;
        }
        let reading = Reading { blobs: self.clone(), spans, file: None, _hold: hold };
        let (mut reading, opened) = off_the_runtime(reading, Reading::open).await?;
        opened?;
        if range.is_empty() {
            reading.spans.clear();
        }
        let chunks = futures::stream::try_unfold(reading, |reading| async move {
            if reading.spans.is_empty() {
                return Ok::<_, io::Error>(None);
            }
            let (reading, bytes) = off_the_runtime(reading, Reading::next).await?;
            Ok(bytes?.map(|bytes| (bytes, reading)))
        });
        Ok(SyncStream(parking_lot::Mutex::new(chunks.boxed())))
    }
}

async fn off_the_runtime<T: Send + 'static>(
    mut reading: Reading,
    work: impl FnOnce(&mut Reading) -> io::Result<T> + Send + 'static,
) -> io::Result<(Reading, io::Result<T>)> {
    let work = move || {
        let outcome = work(&mut reading);
        (reading, outcome)
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

/// s3s asks for streams that are `Sync`; a boxed stream is polled by one owner only, which a
/// mutex that is never contended states.
struct SyncStream<T>(parking_lot::Mutex<T>);

impl<T: Stream + Unpin> Stream for SyncStream<T> {
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.get_mut().poll_next_unpin(context)
    }
}
