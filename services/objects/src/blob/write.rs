//! Writing a body to a new file, off the asynchronous threads and in large pieces, whatever the
//! pieces it comes in.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use super::Blobs;
use crate::error::body_failure;
use crate::index::{BlobRef, Checksums};

/// Bytes of a body that are gathered before they are written.
const WRITE_BYTES_MAX: usize = 256 << 10;
/// Bytes of one upload: an object put whole, or a part (S3 User Guide, "Uploading objects").
pub(crate) const UPLOAD_BYTES_MAX: u64 = 5 << 30;

/// What a request says about the body that it sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming {
    /// Checksums to compute: those that have a value, even an empty one.
    pub(crate) checksums: Checksums,
    /// Bytes it is said to have.
    pub(crate) length: Option<u64>,
    /// Most bytes it may have; more than [`UPLOAD_BYTES_MAX`] is never accepted.
    pub(crate) bytes_max: Option<u64>,
}

/// Why a body was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The body is invalid.
    Refused(S3Error),
    /// The disk failed, or no descriptor was left.
    Disk(io::Error),
}

impl From<S3Error> for WriteError {
    fn from(error: S3Error) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// A file that was written and flushed, with its digests. It is removed when this is dropped,
/// unless a row names it by then.
#[derive(Debug)]
pub(crate) struct NewBlob {
    pub(crate) blob: BlobRef,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
    file: Unfinished,
}

impl NewBlob {
    /// A row names the file now.
    pub(crate) fn keep(mut self) {
        self.file.leave();
        self.file.blobs.settle(&self.blob.id);
    }

    /// Whether a row names the file is not known; the next start finds out.
    pub(crate) fn leave(mut self) {
        self.file.leave();
    }
}

/// A file that is removed with this, unless it is to stay.
#[derive(Debug)]
struct Unfinished {
    blobs: Arc<Blobs>,
    id: String,
    is_removed: bool,
}

impl Unfinished {
    fn leave(&mut self) {
        self.is_removed = false;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_removed {
            self.blobs.remove_file(&self.id);
        }
    }
}

/// A body on its way to the disk. It travels with the work off the runtime: a client that goes
/// away drops it there, after the write that was under way.
struct Sink {
    unfinished: Unfinished,
    file: Option<File>,
    buffer: Vec<u8>,
    size: u64,
    md5: Md5,
    hasher: ChecksumHasher,
}

impl Sink {
    fn new(blobs: &Arc<Blobs>, checksums: &Checksums) -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self {
            unfinished: Unfinished { blobs: blobs.clone(), id, is_removed: true },
            file: None,
            buffer: Vec::new(),
            size: 0,
            md5: Md5::new(),
            hasher: hasher_for(checksums),
        }
    }

    fn create(&self) -> io::Result<File> {
        let (blobs, id) = (&self.unfinished.blobs, &self.unfinished.id);
        let path = blobs.new_path(id);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                blobs.make_shelf(id)?;
                options.open(&path)
            }
            opened => opened,
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.create()?,
        };
        self.md5.update(&self.buffer);
        self.hasher.update(&self.buffer);
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        self.file = Some(file);
        Ok(())
    }

    /// Writes the rest and makes file and name durable.
    fn finish(mut self) -> io::Result<NewBlob> {
        self.write()?;
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        self.unfinished.blobs.sync_names(&self.unfinished.id)?;
        let sums = self.hasher.finalize();
        let checksums = Checksums {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        };
        let blob = BlobRef { id: self.unfinished.id.clone(), size: self.size };
        Ok(NewBlob { blob, md5: self.md5.finalize().into(), checksums, file: self.unfinished })
    }
}

impl Blobs {
    /// Writes a body to a new file and flushes file and directory. Nothing is left of it after an error.
    pub(crate) async fn write<Body, E>(
        self: &Arc<Self>,
        mut body: Body,
        incoming: &Incoming,
    ) -> Result<NewBlob, WriteError>
    where
        Body: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let bytes_max = incoming.bytes_max.unwrap_or(UPLOAD_BYTES_MAX).min(UPLOAD_BYTES_MAX);
        check_size(incoming.length.unwrap_or(0), bytes_max)?;
        let mut sink = Sink::new(self, &incoming.checksums);
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|error| body_failure(&*error.into()))?;
            sink.size += chunk.len() as u64;
            check_size(sink.size, bytes_max)?;
            if incoming.length.is_some_and(|length| sink.size > length) {
                return Err(wrong_length().into());
            }
            while !chunk.is_empty() {
                let room = WRITE_BYTES_MAX - sink.buffer.len();
                sink.buffer.extend_from_slice(&chunk.split_to(room.min(chunk.len())));
                if sink.buffer.len() == WRITE_BYTES_MAX {
                    let write = move || {
                        let written = sink.write();
                        (sink, written)
                    };
                    let (returned, written) = tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?;
                    written?;
                    sink = returned;
                }
            }
        }
        if incoming.length.is_some_and(|length| sink.size != length) {
            return Err(wrong_length().into());
        }
        Ok(tokio::task::spawn_blocking(move || sink.finish()).await.map_err(io::Error::other)??)
    }
}

fn check_size(size: u64, bytes_max: u64) -> S3Result<()> {
    if size <= bytes_max {
        return Ok(());
    }
    Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size of {bytes_max} bytes"))
}

fn wrong_length() -> S3Error {
    s3_error!(IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header")
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
