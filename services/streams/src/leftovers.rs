//! What an earlier run left behind: files of streams that were never finished or were being removed, and
//! directories that nothing accounts for.

use std::io;
use std::path::Path;

use anabranch_control::{ControlStore, Marker, Table, move_aside};
use anabranch_protocol::{Problem, ProblemKind};
use uuid::Uuid;

use crate::stream_log::remove_if_there;

/// Ids of streams that are being made, or were removed, and whose files are to go.
pub(crate) const UNFINISHED: Table = Table("streams_unfinished");

/// Removes the files of streams that were never finished or were deleted.
pub(crate) fn remove_unfinished(control: &ControlStore, directory: &Path) -> anabranch_control::Result<()> {
    for (id, Marker) in control.scan::<Marker>(UNFINISHED, "")? {
        let path = directory.join(&id);
        match remove_if_there(&path) {
            Ok(()) => control.delete(UNFINISHED, &id)?,
            Err(error) => tracing::warn!(path = %path.display(), %error, "removing a deleted stream's files"),
        }
    }
    Ok(())
}

/// Moves directories that lie among the logs and are no stream's to where nothing is lost, and
/// tells of it.
pub(crate) fn move_strays(
    directory: &Path,
    strays: &Path,
    is_known: impl Fn(Uuid) -> bool,
) -> io::Result<Vec<Problem>> {
    let mut moved = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok());
        // A file is the mark that ties the directory to its control store.
        if !entry.file_type()?.is_dir() || id.is_some_and(&is_known) {
            continue;
        }
        let to = move_aside(&entry.path(), strays)?;
        tracing::warn!(from = %entry.path().display(), to = %to.display(), "moved a directory aside that no stream has");
        moved += 1;
    }
    if moved == 0 {
        return Ok(Vec::new());
    }
    let message = format!(
        "{moved} directories that no stream has were found among the logs and moved to {}: look at them, and remove them \
         if they are not needed",
        strays.display()
    );
    tracing::warn!(message);
    Ok(vec![Problem::new(ProblemKind::Strays, "streams", message)])
}
