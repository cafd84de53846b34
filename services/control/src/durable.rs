//! Entries of directories that survive a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a new entry durable in the directory that holds it.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
