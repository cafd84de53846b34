//! Whether the database is the one that was made here. Its id is in a table of its own and in the
//! file [`ID_FILE`] beside it, so that a database that was lost, emptied or exchanged is noticed
//! instead of taken for a new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::error::TablesError;

/// Holds the id of the database beside it.
const ID_FILE: &str = "tables.id";

/// Checks that the database at `path` belongs to `directory`, before anything opens it for good.
/// A new one is given an id, and so is one of a version that gave none.
pub(crate) fn check(directory: &Path, path: &Path) -> Result<(), TablesError> {
    let id_path = directory.join(ID_FILE);
    let known = match fs::read_to_string(&id_path) {
        Ok(text) => Some(text.trim().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(TablesError::Directory { path: id_path, source }),
    };
    let bytes = match fs::metadata(path) {
        Ok(metadata) => Some(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(TablesError::Directory { path: path.to_path_buf(), source }),
    };
    let lost = |state| TablesError::Lost { path: path.to_path_buf(), state, id_path: id_path.clone() };
    if known.is_some() && bytes.unwrap_or(0) == 0 {
        return Err(lost(if bytes.is_some() { "empty" } else { "missing" }));
    }
    // A write-ahead log without its database: what it holds would be thrown away.
    let log = path.with_extension("sqlite-wal");
    if bytes.unwrap_or(0) == 0 && fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(lost(if bytes.is_some() { "empty" } else { "missing" }));
    }
    let failed = |error: rusqlite::Error| TablesError::Database { path: path.to_path_buf(), reason: error.to_string() };
    let connection = Connection::open(path).map_err(failed)?;
    match (stored(&connection).map_err(failed)?, known) {
        (Some(stored), Some(known)) if stored == known => Ok(()),
        (None, Some(_)) => Err(lost("another one")),
        (Some(_), Some(_)) => Err(lost("another one")),
        (stored, None) => {
            let id = match stored {
                Some(id) => id,
                None => give(&connection).map_err(failed)?,
            };
            drop(connection);
            write(&id_path, &id).map_err(|source| TablesError::Directory { path: id_path.clone(), source })
        }
    }
}

fn stored(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let known: Option<String> = connection
        .query_row("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'anabranch_database'", [], |row| {
            row.get(0)
        })
        .optional()?;
    if known.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT id FROM anabranch_database", [], |row| row.get(0)).optional()
}

fn give(connection: &Connection) -> rusqlite::Result<String> {
    let id = Uuid::new_v4().to_string();
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch("BEGIN; CREATE TABLE IF NOT EXISTS anabranch_database (id TEXT NOT NULL);")?;
    connection.execute("INSERT INTO anabranch_database (id) VALUES (?1)", [&id])?;
    connection.execute_batch("COMMIT")?;
    Ok(id)
}

/// Whole or not at all.
fn write(path: &Path, id: &str) -> io::Result<()> {
    let unfinished = path.with_extension("id.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(id.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::engine::Engine;
    use crate::workers::Workers;

    fn made() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path()).unwrap();
        directory
    }

    fn open(directory: &Path) -> Result<(), TablesError> {
        Engine::open(directory, Arc::new(Workers::start(1).unwrap())).map(drop)
    }

    fn refusal(directory: &Path) -> String {
        match open(directory) {
            Ok(_) => panic!("the tables were opened"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_database_that_was_lost_emptied_or_exchanged_is_refused() {
        let directory = made();
        let path = directory.path().join("tables.sqlite");
        let kept = fs::read(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(refusal(directory.path()).contains("is empty"), "{}", refusal(directory.path()));
        assert_eq!(fs::read(&path).unwrap(), b"", "nothing was made of it");
        fs::remove_file(&path).unwrap();
        assert!(refusal(directory.path()).contains("is missing"));
        assert!(!path.exists(), "nothing was made of it");
        fs::copy(made().path().join("tables.sqlite"), &path).unwrap();
        assert!(refusal(directory.path()).contains("is another one"));
        fs::write(&path, kept).unwrap();
        open(directory.path()).unwrap();
    }

    #[test]
    fn a_log_without_its_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("tables.sqlite-wal"), "commits").unwrap();
        assert!(refusal(directory.path()).contains("is missing"));
        assert_eq!(fs::read(directory.path().join("tables.sqlite-wal")).unwrap(), b"commits");
    }

    #[test]
    fn a_database_of_a_version_that_gave_no_id_is_given_one() {
        let directory = made();
        let connection = Connection::open(directory.path().join("tables.sqlite")).unwrap();
        connection.execute_batch("DROP TABLE anabranch_database").unwrap();
        drop(connection);
        fs::remove_file(directory.path().join(ID_FILE)).unwrap();
        open(directory.path()).unwrap();
        assert!(directory.path().join(ID_FILE).exists());
        open(directory.path()).unwrap();
    }
}
