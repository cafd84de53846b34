//! Data files: written once, flushed, then named by the index.
//!
//! A file bears the suffix `.new` until a row names it durably. So at the next start one with the
//! suffix that no row names is work that was never finished, and one without it that no row names
//! can't be explained.

mod inventory;
mod read;
mod write;

use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64_simd::STANDARD;
use parking_lot::Mutex;
use s3s::{S3Result, s3_error};

use crate::index::BlobRef;
pub(crate) use inventory::{Inventory, Named};
pub(crate) use write::{Incoming, NewBlob, WriteError};

const NEW_SUFFIX: &str = ".new";

/// The directory of the data files, spread over 256 subdirectories that are made as they are needed.
#[derive(Debug)]
pub(crate) struct Blobs {
    directory: PathBuf,
    /// Objects being read, by the id of their first file.
    held: Mutex<HashMap<String, Holders>>,
    /// Subdirectories whose names have been flushed since the start.
    durable_shelves: Mutex<HashSet<PathBuf>>,
}

#[derive(Debug, Default)]
struct Holders {
    readers: usize,
    /// Files to remove once the last reader is done.
    doomed: Vec<String>,
}

impl Blobs {
    pub(crate) fn new(directory: PathBuf) -> Arc<Self> {
        Arc::new(Self { directory, held: Mutex::default(), durable_shelves: Mutex::default() })
    }

    fn shelf(&self, id: &str) -> PathBuf {
        self.directory.join(id.get(..2).unwrap_or("00"))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.shelf(id).join(id)
    }

    fn new_path(&self, id: &str) -> PathBuf {
        self.shelf(id).join(format!("{id}{NEW_SUFFIX}"))
    }

    /// Opens a file, whose suffix may be taken off at this moment.
    fn open(&self, id: &str) -> io::Result<File> {
        let is_absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match File::open(self.path(id)) {
            Err(error) if is_absent(&error) => match File::open(self.new_path(id)) {
                Err(error) if is_absent(&error) => File::open(self.path(id)),
                opened => opened,
            },
            opened => opened,
        }
    }

    /// Takes the suffix off a file that is named now. If that fails, the next start does it.
    fn settle(&self, id: &str) {
        if let Err(error) = std::fs::rename(self.new_path(id), self.path(id)) {
            tracing::debug!(id, %error, "an object's file keeps its suffix until the next start");
        }
    }

    /// Removes the files of an object that the index no longer names, or leaves that to the
    /// last who reads it. Gives the ids of those that are gone for good; the rest is removed at the
    /// next start, if not before.
    pub(crate) fn remove(&self, blobs: &[BlobRef]) -> Vec<String> {
        let Some(first) = blobs.first() else { return Vec::new() };
        if let Some(holders) = self.held.lock().get_mut(&first.id) {
            holders.doomed.extend(blobs.iter().map(|blob| blob.id.clone()));
            return Vec::new();
        }
        blobs.iter().filter(|blob| self.remove_file(&blob.id)).map(|blob| blob.id.clone()).collect()
    }

    fn remove_file(&self, id: &str) -> bool {
        let absent = |outcome: io::Result<()>| match outcome {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        let removed =
            absent(std::fs::remove_file(self.new_path(id))).and_then(|()| absent(std::fs::remove_file(self.path(id))));
        if let Err(error) = &removed {
            tracing::warn!(id, %error, "removing an object's file");
        }
        removed.is_ok()
    }

    /// Keeps the files of the object whose first file is `first` until the answer is dropped.
    pub(crate) fn hold(self: &Arc<Self>, first: &str) -> Hold {
        self.held.lock().entry(first.to_string()).or_default().readers += 1;
        Hold { blobs: self.clone(), first: first.to_string() }
    }

    /// Creates the subdirectory for `id`, unless someone else just did.
    fn make_shelf(&self, id: &str) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(self.shelf(id)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Makes the names of a new file and, the first time, of its subdirectory durable. Whether the
    /// latter is there says nothing: another may have made it a moment ago, or failed to flush it.
    fn sync_names(&self, id: &str) -> io::Result<()> {
        let shelf = self.shelf(id);
        sync_directory(&shelf)?;
        if !self.durable_shelves.lock().contains(&shelf) {
            sync_directory(&self.directory)?;
            self.durable_shelves.lock().insert(shelf);
        }
        Ok(())
    }
}

/// A reader of an object: while there is one, the files stay, whatever becomes of the object.
#[derive(Debug)]
pub(crate) struct Hold {
    blobs: Arc<Blobs>,
    first: String,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.blobs.held.lock();
        let Some(holders) = held.get_mut(&self.first) else { return };
        holders.readers -= 1;
        if holders.readers > 0 {
            return;
        }
        let doomed = held.remove(&self.first).map(|holders| holders.doomed).unwrap_or_default();
        drop(held);
        if doomed.is_empty() {
            return;
        }
        let blobs = self.blobs.clone();
        let remove = move || {
            for id in &doomed {
                blobs.remove_file(id);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Makes creations in `directory` durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    hex_simd::encode_to_string(bytes, hex_simd::AsciiCase::Lower)
}

/// Checks a `Content-MD5` header.
pub(crate) fn check_md5(sent: Option<&str>, md5: &[u8; 16]) -> S3Result<()> {
    let Some(sent) = sent else { return Ok(()) };
    match STANDARD.decode_to_vec(sent).ok().filter(|digest| digest.len() == md5.len()) {
        None => Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")),
        Some(digest) if digest != md5 => {
            Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use std::time::Duration;

    fn blobs_of(blobs: &Blobs, count: usize) -> Vec<BlobRef> {
        let ids = (0..count).map(|_| uuid::Uuid::new_v4().simple().to_string());
        let written = ids.map(|id| {
            std::fs::create_dir_all(blobs.shelf(&id)).unwrap();
            std::fs::write(blobs.path(&id), b"part").unwrap();
            BlobRef { id, size: 4 }
        });
        written.collect()
    }

    fn open_in(directory: &Path) -> usize {
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter(|file| std::fs::read_link(file.path()).is_ok_and(|path| path.starts_with(directory))).count()
    }

    #[tokio::test]
    async fn thousands_of_parts_are_read_with_one_descriptor() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(directory.path().to_path_buf());
        let parts = blobs_of(&blobs, 3_000);
        let mut read = blobs.read(&parts, 2..11_999, blobs.hold(&parts[0].id)).await.unwrap();
        let (mut bytes, mut most_open) = (0, 0);
        while let Some(piece) = read.next().await {
            bytes += piece.unwrap().len();
            most_open = most_open.max(open_in(directory.path()));
        }
        assert_eq!(bytes, 11_997);
        assert!(most_open <= 1, "{most_open} files were open");
    }

    #[tokio::test]
    async fn parts_stay_until_their_last_reader_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(directory.path().to_path_buf());
        let parts = blobs_of(&blobs, 3);
        let read = blobs.read(&parts, 0..12, blobs.hold(&parts[0].id)).await.unwrap();
        let broken_off = blobs.read(&parts, 0..12, blobs.hold(&parts[0].id)).await.unwrap();
        assert!(blobs.remove(&parts).is_empty());
        drop(broken_off);
        let pieces: Vec<_> = read.map(Result::unwrap).collect().await;
        assert_eq!(pieces.concat(), b"partpartpart");
        while parts.iter().any(|part| blobs.path(&part.id).exists()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(blobs.held.lock().is_empty());
    }
}
