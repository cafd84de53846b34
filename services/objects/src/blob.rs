//! Data files: written once, flushed, then named by the index.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Result, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

use crate::error::io_failure;
use crate::index::{BlobRef, Checksums};

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 << 10;

/// The directory of the data files, spread over 256 subdirectories.
#[derive(Debug, Clone)]
pub(crate) struct Blobs(PathBuf);

/// A file that was written and flushed, with its digests.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) blob: BlobRef,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
}

impl Blobs {
    /// Makes the directories, durably.
    pub(crate) fn open(directory: PathBuf) -> io::Result<Self> {
        for number in 0..=255u8 {
            std::fs::create_dir_all(directory.join(format!("{number:02x}")))?;
        }
        sync_directory(&directory)?;
        Ok(Self(directory))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(id.get(..2).unwrap_or("00")).join(id)
    }

    /// All files there are.
    pub(crate) fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for shelf in std::fs::read_dir(&self.0)? {
            for file in std::fs::read_dir(shelf?.path())? {
                ids.extend(file?.file_name().into_string());
            }
        }
        Ok(ids)
    }

    /// Removes a file that the index does not name any more. What can't be removed now is removed
    /// as an orphan at the next start.
    pub(crate) fn remove(&self, id: &str) {
        if let Err(error) = std::fs::remove_file(self.path(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(id, %error, "removing an object's file");
        }
    }

    /// Writes a body to a new file and flushes file and directory. Nothing is left of it after an error.
    pub(crate) async fn write<Body, E>(&self, mut body: Body, expected: &Checksums) -> S3Result<Written>
    where
        Body: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let id = Uuid::new_v4().simple().to_string();
        let path = self.path(&id);
        // A client that goes away drops this future in the middle; then too nothing stays.
        let mut unfinished = Unfinished(Some((self, &id)));
        let written = self.write_file(&path, &id, &mut body, expected).await;
        if written.is_ok() {
            unfinished.0 = None;
        }
        written
    }

    async fn write_file<Body, E>(
        &self,
        path: &Path,
        id: &str,
        body: &mut Body,
        expected: &Checksums,
    ) -> S3Result<Written>
    where
        Body: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let mut file = File::create(path).await.map_err(io_failure)?;
        let mut md5 = Md5::new();
        let mut hasher = hasher_for(expected);
        let mut size = 0;
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| s3_error!(IncompleteBody, "The request's body can't be read: {error}"))?;
            md5.update(&chunk);
            hasher.update(&chunk);
            size += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(io_failure)?;
        }
        file.flush().await.map_err(io_failure)?;
        file.sync_all().await.map_err(io_failure)?;
        let shelf = path.parent().unwrap_or(&self.0).to_path_buf();
        let synced = tokio::task::spawn_blocking(move || sync_directory(&shelf)).await;
        synced.map_err(|error| s3_error!(InternalError, "{error}"))?.map_err(io_failure)?;
        let sums = hasher.finalize();
        let checksums = Checksums {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        };
        Ok(Written { blob: BlobRef { id: id.into(), size }, md5: md5.finalize().into(), checksums })
    }

    /// Reads `range` of the bytes that `blobs` make together. All files are open when this
    /// returns, so that replacing or deleting the object does not cut the read short.
    pub(crate) async fn read(
        &self,
        blobs: &[BlobRef],
        range: std::ops::Range<u64>,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static> {
        let mut files = std::collections::VecDeque::new();
        let mut begin = 0;
        for blob in blobs {
            let span = range.start.max(begin)..range.end.min(begin + blob.size);
            if span.start < span.end {
                let mut file = File::open(self.path(&blob.id)).await?;
                file.seek(io::SeekFrom::Start(span.start - begin)).await?;
                files.push_back((file, span.end - span.start));
            }
            begin += blob.size;
        }
        let chunks = futures::stream::try_unfold(files, |mut files| async move {
            let Some((file, left)) = files.front_mut() else { return Ok::<_, io::Error>(None) };
            let mut bytes = vec![0; READ_BYTES.min(*left as usize)];
            file.read_exact(&mut bytes).await?;
            *left -= bytes.len() as u64;
            if *left == 0 {
                files.pop_front();
            }
            Ok(Some((Bytes::from(bytes), files)))
        });
        Ok(SyncStream(parking_lot::Mutex::new(chunks.boxed())))
    }
}

/// A file that is removed unless it is finished.
struct Unfinished<'a>(Option<(&'a Blobs, &'a str)>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some((blobs, id)) = self.0 {
            blobs.remove(id);
        }
    }
}

/// s3s asks for streams that are `Sync`; a boxed stream is polled by one owner only, which a
/// mutex that is never contended states.
struct SyncStream<T>(T);

impl<T: Stream + Unpin> Stream for SyncStream<parking_lot::Mutex<T>> {
    type Item = T::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.get_mut().poll_next_unpin(context)
    }
}

fn hasher_for(expected: &Checksums) -> ChecksumHasher {
    ChecksumHasher {
        crc32: expected.crc32.as_ref().map(|_| Crc32::new()),
        crc32c: expected.crc32c.as_ref().map(|_| Crc32c::new()),
        crc64nvme: expected.crc64nvme.as_ref().map(|_| Crc64Nvme::new()),
        sha1: expected.sha1.as_ref().map(|_| Sha1::new()),
        sha256: expected.sha256.as_ref().map(|_| Sha256::new()),
    }
}

/// Makes creations in `directory` durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    std::fs::File::open(directory)?.sync_all()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks a `Content-MD5` header.
pub(crate) fn check_md5(sent: Option<&str>, md5: &[u8; 16]) -> S3Result<()> {
    match sent {
        Some(sent) if STANDARD.decode(sent).ok().as_deref() != Some(&md5[..]) => {
            Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."))
        }
        _ => Ok(()),
    }
}
