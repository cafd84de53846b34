//! The data directory: who owns it, which format it has, and where each service lives in it.
//!
//! `VERSION` holds the format's number; `LOCK` is locked by the owning process and holds its id.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::StartError;

/// The format that this program writes, and the latest it reads.
const FORMAT: u32 = 1;

/// A data directory that this process owns until the value is dropped.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: Lock,
}

/// A file that is locked. The system releases it when the process ends, however it ends.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started has it open, too,
        // until it is another program.
        if let Err(error) = rustix::fs::flock(&self.0, FlockOperation::Unlock) {
            tracing::debug!(%error, "the lock of the data directory is released when its file is closed");
        }
    }
}

impl DataDirectory {
    /// Takes possession of the directory at `path`, creating it if absent.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |source| StartError::DataDirectory { path: path.to_path_buf(), source };
        create_directories(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let version = read_version(&path)?;
        if version.is_none() {
            refuse_foreign(&path)?;
        }
        let lock = take_lock(&path)?;
        if version.is_none() {
            write_version(&path).map_err(failed)?;
        }
        if let Err(error) = keep_from_others(&path) {
            tracing::warn!(%error, path = %path.display(), "other users may be able to read the data directory");
        }
        Ok(Self { path, _lock: lock })
    }

    /// The directory itself, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The part of it named `name`.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// The format's number, if the directory has one that this program reads.
fn read_version(path: &Path) -> Result<Option<u32>, StartError> {
    let text = match fs::read_to_string(path.join("VERSION")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StartError::DataDirectory { path: path.join("VERSION"), source }),
    };
    match text.trim().parse() {
        Ok(found) if found > FORMAT => {
            Err(StartError::NewerFormat { path: path.to_path_buf(), found, supported: FORMAT })
        }
        Ok(found) => Ok(Some(found)),
        Err(_) => {
            let reason = format!("its VERSION says {:?}", text.trim());
            Err(StartError::ForeignDirectory { path: path.to_path_buf(), reason })
        }
    }
}

/// Without a `VERSION`, only what a crash before its first write leaves behind may be there.
fn refuse_foreign(path: &Path) -> Result<(), StartError> {
    let failed = |source| StartError::DataDirectory { path: path.to_path_buf(), source };
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // A freshly made file system has the second.
        if !["LOCK", "VERSION.new", "lost+found"].iter().any(|ours| name == *ours) {
            let reason = format!("it holds {} and no VERSION", name.display());
            return Err(StartError::ForeignDirectory { path: path.to_path_buf(), reason });
        }
    }
    Ok(())
}

fn take_lock(path: &Path) -> Result<Lock, StartError> {
    let lock_path = path.join("LOCK");
    let failed = |source: io::Error| StartError::DataDirectory { path: lock_path.clone(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&lock_path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(StartError::DataDirectoryInUse { path: path.to_path_buf(), pid });
        }
        Err(error) => return Err(failed(error.into())),
    }
    // Only a help for whoever finds the lock taken, so a full disk is no reason not to start.
    let named = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = named {
        tracing::warn!(%error, path = %lock_path.display(), "the lock file does not name this process");
    }
    Ok(Lock(file))
}

/// Closes the directory to other users, whoever made it and with whatever rights: it holds all
/// that clients put, and the key of the server's certificate.
fn keep_from_others(path: &Path) -> io::Result<()> {
    let rights = fs::metadata(path)?.permissions();
    if rights.mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(rights.mode() & !0o077))
}

fn write_version(path: &Path) -> io::Result<()> {
    let new = path.join("VERSION.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    fs::rename(&new, path.join("VERSION"))?;
    File::open(path)?.sync_all()
}

/// Creates `path` and what is missing above it, each entry durable.
fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_directories(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(parent)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let owned = DataDirectory::open(&path).unwrap();
        let error = DataDirectory::open(&path).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        assert_eq!(error.exit_code(), 4);
        // As a process has that is being started.
        let _inherited = owned._lock.0.try_clone().unwrap();
        drop(owned);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn other_users_get_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let _data = DataDirectory::open(&path).unwrap();
        for (name, mode) in [("", 0o700), ("LOCK", 0o600), ("VERSION", 0o600)] {
            let found = fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{name}: {found:o}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("VERSION"), "2\n").unwrap();
        let error = DataDirectory::open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("has format 2, but this program knows formats up to 1"), "{error}");
        assert_eq!(error.exit_code(), 5);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_of_others_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("thesis.txt"), "").unwrap();
        let error = DataDirectory::open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("thesis.txt"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_crash_before_the_version_was_written_is_no_hindrance() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("LOCK"), "1\n").unwrap();
        fs::write(directory.path().join("VERSION.new"), "").unwrap();
        DataDirectory::open(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(directory.path().join("VERSION")).unwrap(), "1\n");
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDirectory::open(&file).unwrap_err();
        assert!(error.to_string().contains("can't write to the data directory"), "{error}");
        assert_eq!(error.exit_code(), 6);
    }
}
