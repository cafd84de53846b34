//! Deployment packages and layers: each lies unpacked under its hash, beside the archive as it came.
//!
//! A package is durable before it is used. What no function and no layer uses any more is removed
//! once the processes that ran it have ended.

mod unzip;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_protocol::ApiError;
use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{invalid_parameter, service_exception};
use unzip::{UnzipError, unzip};

/// Most bytes of a package and its layers, unpacked. (Lambda quotas, "Deployment package size".)
pub(crate) const UNZIPPED_BYTES_MAX: u64 = 262_144_000;
/// Most bytes of a package that comes in a request. (As above.)
pub(crate) const ZIPPED_BYTES_MAX: usize = 52_428_800;

/// What packages begin with that are not yet, or no more, in use.
const UNFINISHED: &str = "unfinished-";

/// The packages there are.
#[derive(Debug)]
pub(crate) struct CodeStore {
    directory: PathBuf,
    /// Packages that somebody is about to use, by hash.
    holds: Mutex<HashMap<String, usize>>,
}

/// A package that is not removed as long as this lives.
#[derive(Debug)]
pub(crate) struct HeldPackage {
    store: Arc<CodeStore>,
    /// Of the archive, in hexadecimal.
    pub(crate) sha256: String,
    /// Bytes of the archive.
    pub(crate) bytes: u64,
}

impl CodeStore {
    /// Opens the store and removes what an earlier run left unfinished.
    pub(crate) fn open(directory: PathBuf) -> io::Result<Arc<Self>> {
        fs::create_dir_all(&directory)?;
        let store = Self { directory, holds: Mutex::default() };
        for entry in fs::read_dir(&store.directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                remove(&entry.path())?;
            }
        }
        Ok(Arc::new(store))
    }

    /// Where a package lies unpacked.
    pub(crate) fn directory(&self, sha256: &str) -> PathBuf {
        self.directory.join(sha256)
    }

    /// Where the archive lies as it came.
    pub(crate) fn archive(&self, sha256: &str) -> PathBuf {
        self.directory.join(format!("{sha256}.zip"))
    }

    /// Unpacks `archive`. It is durable when this returns.
    ///
    /// # Errors
    /// `InvalidParameterValueException` for what is no archive or too large.
    pub(crate) async fn add(self: &Arc<Self>, archive: Bytes) -> Result<HeldPackage, ApiError> {
        if archive.is_empty() {
            return Err(invalid_parameter("Uploaded file must be a non-empty zip"));
        }
        let store = self.clone();
        let added = tokio::task::spawn_blocking(move || store.add_now(&archive)).await;
        let added = added.map_err(|error| service_exception(error.to_string()))?;
        added.map_err(|error| match error {
            UnzipError::Unreadable(why) => {
                tracing::debug!(why, "a deployment package was refused");
                let message = "Could not unzip uploaded file. Please check your file, then try to upload again.";
                invalid_parameter(message)
            }
            UnzipError::TooLarge => {
                invalid_parameter(format!("Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes"))
            }
            UnzipError::Disk(error) => {
                tracing::error!(%error, "a deployment package can't be written");
                service_exception(format!("The deployment package can't be written: {error}"))
            }
        })
    }

    fn add_now(self: &Arc<Self>, archive: &[u8]) -> Result<HeldPackage, UnzipError> {
        let sha256 = hex(&Sha256::digest(archive));
        let held = self.hold(&sha256, archive.len() as u64);
        let (directory, zip) = (self.directory(&sha256), self.archive(&sha256));
        if directory.is_dir() && zip.is_file() {
            return Ok(held);
        }
        let unfinished = self.directory.join(format!("{UNFINISHED}{}", Uuid::new_v4().simple()));
        let unfinished_zip = unfinished.with_extension("zip");
        let written = (|| {
            unzip(archive, &unfinished, UNZIPPED_BYTES_MAX)?;
            File::create(&unfinished_zip)?.write_all(archive)?;
            // One call for thousands of files.
            rustix::fs::syncfs(File::open(&self.directory)?).map_err(io::Error::from)?;
            fs::rename(&unfinished_zip, &zip)?;
            match fs::rename(&unfinished, &directory) {
                // Somebody else has just unpacked the same.
                Err(_) if directory.is_dir() => remove(&unfinished)?,
                outcome => outcome?,
            }
            File::open(&self.directory)?.sync_all()?;
            Ok(())
        })();
        if written.is_err() {
            let _ = remove(&unfinished);
            let _ = remove(&unfinished_zip);
        }
        written.map(|()| held)
    }

    fn hold(self: &Arc<Self>, sha256: &str, bytes: u64) -> HeldPackage {
        *self.holds.lock().entry(sha256.to_string()).or_default() += 1;
        HeldPackage { store: self.clone(), sha256: sha256.into(), bytes }
    }

    /// Removes what nobody uses. Waits for the disk.
    pub(crate) fn sweep(&self, is_used: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let Some(sha256) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { continue };
            let removed = self.directory.join(format!("{UNFINISHED}{}", Uuid::new_v4().simple()));
            {
                let holds = self.holds.lock();
                if sha256.starts_with(UNFINISHED) || holds.contains_key(&sha256) || is_used(&sha256) {
                    continue;
                }
                // Whoever adds the same package from now on finds it gone, and unpacks it.
                fs::rename(&path, &removed)?;
            }
            remove(&removed)?;
        }
        Ok(())
    }
}

impl Drop for HeldPackage {
    fn drop(&mut self) {
        let mut holds = self.store.holds.lock();
        if let Some(count) = holds.get_mut(&self.sha256) {
            *count -= 1;
            if *count == 0 {
                holds.remove(&self.sha256);
            }
        }
    }
}

/// The hash of a file, in hexadecimal, and its length. Waits for the disk.
pub(crate) fn hash_file(path: &Path) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let bytes = io::copy(&mut File::open(path)?, &mut HashWriter(&mut hasher))?;
    Ok((hex(&hasher.finalize()), bytes))
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash of hexadecimal digits in base64, the form of `CodeSha256`.
pub(crate) fn base64_of_hex(digits: &str) -> String {
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).filter_map(byte).collect();
    base64_simd::STANDARD.encode_to_string(bytes)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
