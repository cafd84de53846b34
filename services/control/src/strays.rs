//! What nothing accounts for is moved aside, never removed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::durable::sync_parent;

/// Moves the file or directory at `path` into the directory `strays` (of the same file system;
/// made if absent), durably, and says where it is now. What has its name there already stays.
///
/// # Errors
/// What the file system says.
pub fn move_aside(path: &Path, strays: &Path) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(strays)?;
    sync_parent(strays)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let names = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}.{number}")));
    let free = names.map(|name| strays.join(name)).find(|target| fs::symlink_metadata(target).is_err());
    let target = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &target)?;
    File::open(strays)?.sync_all()?;
    sync_parent(path)?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let strays = directory.path().join("strays/streams");
        let path = directory.path().join("a");
        for (text, name) in [("one", "a"), ("two", "a.2")] {
            fs::write(&path, text).unwrap();
            let moved = move_aside(&path, &strays).unwrap();
            assert_eq!((moved.clone(), fs::read_to_string(moved).unwrap()), (strays.join(name), text.to_string()));
            assert!(!path.exists());
        }
        assert_eq!(fs::read_to_string(strays.join("a")).unwrap(), "one");
    }
}
