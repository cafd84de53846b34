//! Unpacking an archive whose author is not trusted.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

/// Most entries of an archive.
const ENTRIES_MAX: usize = 100_000;
/// Most bytes of what a link points to.
const LINK_BYTES_MAX: u64 = 4_096;
/// What a file may be done with if its archive does not say.
const FILE_MODE_DEFAULT: u32 = 0o644;
/// The owner can always read, or the function could not be run.
const FILE_MODE_MIN: u32 = 0o400;
const DIRECTORY_MODE: u32 = 0o755;

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnzipError {
    /// It is damaged, or asks for what it must not.
    #[error("{0}")]
    Unreadable(String),
    /// It is larger than it may be, unpacked.
    #[error("it is too large")]
    TooLarge,
    /// Our disk.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl From<ZipError> for UnzipError {
    fn from(error: ZipError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

fn unreadable(why: impl Into<String>) -> UnzipError {
    UnzipError::Unreadable(why.into())
}

/// Unpacks `archive` into the new directory `into`. Nothing is written outside of it, and links point
/// to what is in it. Modes are kept.
pub(super) fn unzip(archive: &[u8], into: &Path, bytes_max: u64) -> Result<(), UnzipError> {
    let mut archive = ZipArchive::new(Cursor::new(archive))?;
    if archive.len() > ENTRIES_MAX {
        return Err(unreadable(format!("it has more than {ENTRIES_MAX} entries")));
    }
    if archive.is_empty() {
        return Err(unreadable("it has no entries"));
    }
    make_directory(into)?;
    let (mut left, mut links) = (bytes_max, Vec::new());
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number)?;
        let name = entry.name()?;
        let name = relative(&name).ok_or_else(|| unreadable(format!("{name:?} is no name")))?;
        let path = into.join(&name);
        if entry.is_symlink() {
            let mut target = String::new();
            let read = (&mut entry).take(LINK_BYTES_MAX).read_to_string(&mut target);
            read.map_err(|error| unreadable(error.to_string()))?;
            links.push((name, target));
        } else if entry.is_dir() {
            make_directories(into, &name)?;
        } else {
            if let Some(parent) = name.parent() {
                make_directories(into, parent)?;
            }
            let mode = entry.unix_mode().unwrap_or(FILE_MODE_DEFAULT) & 0o777 | FILE_MODE_MIN;
            left = copy(&mut entry, &path, mode, left)?;
        }
    }
    link(into, links)
}

/// Writes one file; tells how many bytes may still be written.
fn copy(entry: &mut impl Read, path: &Path, mode: u32, mut left: u64) -> Result<u64, UnzipError> {
    if path.is_dir() {
        return Err(unreadable("a file and a directory have one name"));
    }
    // An entry that comes twice replaces itself, whatever its mode.
    let _ = fs::remove_file(path);
    let mut file = File::create(path)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        // What can't be read is the archive's fault, what can't be written ours.
        let read = entry.read(&mut buffer).map_err(|error| unreadable(error.to_string()))?;
        if read == 0 {
            break;
        }
        left = left.checked_sub(read as u64).ok_or(UnzipError::TooLarge)?;
        file.write_all(&buffer[..read])?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(left)
}

/// Makes the links, when all else is there: so no file is written through one.
fn link(into: &Path, links: Vec<(PathBuf, String)>) -> Result<(), UnzipError> {
    let names: BTreeSet<&Path> = links.iter().map(|(name, _)| name.as_path()).collect();
    for (name, target) in &links {
        let is_below_a_link = name.ancestors().skip(1).any(|above| names.contains(above));
        if is_below_a_link || !stays_inside(name, Path::new(target)) {
            return Err(unreadable(format!("the link {} leads outside", name.display())));
        }
        if let Some(parent) = name.parent() {
            make_directories(into, parent)?;
        }
        symlink(target, into.join(name)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => unreadable(format!("{} is there twice", name.display())),
            _ => error.into(),
        })?;
    }
    Ok(())
}

/// Whether a link called `name` to `target` leads to something of the archive: upwards no further
/// than to its root, and then only downwards.
fn stays_inside(name: &Path, target: &Path) -> bool {
    let mut depth = name.components().count() - 1;
    let mut is_down = false;
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => is_down = true,
            Component::ParentDir if !is_down && depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    !target.as_os_str().is_empty()
}

/// The name of an entry, if it is one below the root.
fn relative(name: &str) -> Option<PathBuf> {
    if name.contains('\0') {
        return None;
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

fn make_directories(into: &Path, below: &Path) -> Result<(), UnzipError> {
    let mut path = into.to_path_buf();
    for part in below.components() {
        path.push(part);
        if !path.is_dir() {
            make_directory(&path)?;
        }
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), UnzipError> {
    fs::create_dir(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => unreadable("a file and a directory have one name"),
        _ => error.into(),
    })?;
    // Whatever our umask is.
    Ok(fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE))?)
}
