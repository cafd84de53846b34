//! The id that ties a store to the directories of data that it accounts for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::durable::sync_parent;
use crate::{ControlError, ControlStore, Result, Stored, Table};

/// Name of the file that holds the store's id, in each directory of data that is tied to a store.
pub const STORE_ID_FILE: &str = "STORE";

const STORE: Table = Table("store");
const ID: &str = "id";

/// The id, as the store itself keeps it.
#[derive(Serialize, Deserialize)]
struct StoreId(String);

impl Stored for StoreId {
    const KIND: &'static str = "store_id";
    const VERSION: u32 = 1;
}

/// A directory of data, as it was found.
struct Found<'a> {
    path: &'a Path,
    id: Option<String>,
    /// Whether it holds anything but the id.
    holds_data: bool,
}

impl ControlStore {
    /// Opens the store at `path` that explains the data in the directories `data`, all created if
    /// absent. Store and directories carry the same id (in the directories, in a file named
    /// [`STORE_ID_FILE`]), given to them when the store is new, so that a store that was lost,
    /// emptied or exchanged is noticed before anything is made of its silence.
    ///
    /// A store without an id that holds rows is of a development version, and is given one.
    ///
    /// # Errors
    /// [`ControlError::Lost`] and [`ControlError::Mismatched`] when they don't belong together, in
    /// which case nothing is changed; else as [`ControlStore::open`].
    pub fn open_tied(path: &Path, data: &[PathBuf]) -> Result<Self> {
        open_tied(path, data)
    }
}

fn open_tied(path: &Path, data: &[PathBuf]) -> Result<ControlStore> {
    let found = data.iter().map(|directory| look(directory)).collect::<Result<Vec<_>>>()?;
    let lost = |state| {
        let holding = found.iter().find(|directory| directory.holds_data)?;
        Some(ControlError::Lost { path: path.to_path_buf(), state, data: holding.path.to_path_buf() })
    };
    // Looked at before it is opened, which would make a store of it.
    let state = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some("missing"),
        Ok(metadata) if metadata.len() == 0 => Some("empty"),
        _ => None,
    };
    if let Some(error) = state.and_then(lost) {
        return Err(error);
    }
    let store = ControlStore::open(path)?;
    let id = match store.get::<StoreId>(STORE, ID)? {
        Some(StoreId(id)) => id,
        None => {
            if let Some(error) = lost("empty").filter(|_| !matches!(store.has_rows(), Ok(true))) {
                return Err(error);
            }
            // The directories are given the id first: one that is there without the store's
            // word for it is what a crash in the middle of this left.
            found.iter().find_map(|directory| directory.id.clone()).unwrap_or_else(|| Uuid::new_v4().to_string())
        }
    };
    let is_tied = store.get::<StoreId>(STORE, ID)?.is_some();
    for directory in &found {
        match &directory.id {
            Some(found) if *found == id => {}
            None if !(is_tied && directory.holds_data) => write_id(directory.path, &id)?,
            other => {
                return Err(ControlError::Mismatched {
                    path: path.to_path_buf(),
                    id,
                    data: directory.path.to_path_buf(),
                    found: other.clone().unwrap_or_else(|| "unknown (its STORE file is missing)".into()),
                });
            }
        }
    }
    if !is_tied {
        store.put(STORE, ID, &StoreId(id))?;
    }
    Ok(store)
}

fn look(path: &Path) -> Result<Found<'_>> {
    let id_path = path.join(STORE_ID_FILE);
    let id = match fs::read_to_string(&id_path) {
        Ok(text) => Some(text.trim().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(ControlError::StoreId { path: id_path, source: Arc::new(source) }),
    };
    let holds_data = match fs::read_dir(path) {
        Ok(entries) => entries.flatten().any(|entry| !is_ours(&entry.file_name())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(source) => return Err(ControlError::StoreId { path: id_path, source: Arc::new(source) }),
    };
    Ok(Found { path, id, holds_data })
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    name == STORE_ID_FILE || name == new_name()
}

fn new_name() -> &'static str {
    "STORE.new"
}

/// Writes the id into a directory, whole or not at all, and makes it durable.
fn write_id(directory: &Path, id: &str) -> Result<()> {
    let path = directory.join(STORE_ID_FILE);
    let write = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        sync_parent(directory)?;
        let new = directory.join(new_name());
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_parent(&path)
    };
    write().map_err(|source| ControlError::StoreId { path: path.clone(), source: Arc::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Number;

    struct Place {
        _directory: tempfile::TempDir,
        path: PathBuf,
        data: Vec<PathBuf>,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let at = |name: &str| directory.path().join(name);
            Self { path: at("control.redb"), data: vec![at("streams"), at("firehose")], _directory: directory }
        }

        fn open(&self) -> Result<ControlStore> {
            ControlStore::open_tied(&self.path, &self.data)
        }

        /// One that holds a row and data, and was closed.
        fn used() -> Self {
            let place = Self::new();
            let store = place.open().unwrap();
            store.put(Table("streams"), "clicks", &Number(1)).unwrap();
            fs::create_dir(place.data[0].join("a-log")).unwrap();
            place
        }

        /// Every file and directory below, with its size.
        fn listing(&self) -> Vec<(PathBuf, u64)> {
            let mut left = self.data.clone();
            let mut found = Vec::new();
            while let Some(path) = left.pop() {
                let metadata = fs::metadata(&path).unwrap();
                if metadata.is_dir() {
                    left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                }
                found.push((path, metadata.len()));
            }
            found.sort();
            found
        }
    }

    #[test]
    fn what_belongs_together_opens_again() {
        let place = Place::used();
        let id = fs::read_to_string(place.data[0].join(STORE_ID_FILE)).unwrap();
        assert_eq!(fs::read_to_string(place.data[1].join(STORE_ID_FILE)).unwrap(), id);
        let store = place.open().unwrap();
        assert_eq!(store.get(Table("streams"), "clicks").unwrap(), Some(Number(1)));
    }

    #[test]
    fn a_store_that_is_missing_or_empty_is_refused_and_nothing_is_touched() {
        for state in ["missing", "empty"] {
            let place = Place::used();
            let kept = fs::read(&place.path).unwrap();
            match state {
                "missing" => fs::remove_file(&place.path).unwrap(),
                _ => fs::write(&place.path, "").unwrap(),
            }
            let before = place.listing();
            let error = place.open().err().unwrap().to_string();
            assert!(error.contains(state) && error.contains("control.redb") && error.contains("streams"), "{error}");
            assert_eq!(place.listing(), before);
            assert_eq!(place.path.exists(), state == "empty", "no store is made");
            fs::write(&place.path, kept).unwrap();
            assert_eq!(place.open().unwrap().get(Table("streams"), "clicks").unwrap(), Some(Number(1)));
        }
    }

    #[test]
    fn a_store_without_rows_is_refused_where_there_is_data() {
        let place = Place::used();
        fs::remove_file(&place.path).unwrap();
        drop(ControlStore::open(&place.path).unwrap());
        assert!(matches!(place.open(), Err(ControlError::Lost { state: "empty", .. })));
    }

    #[test]
    fn the_store_of_others_is_refused() {
        let (place, other) = (Place::used(), Place::used());
        fs::copy(&other.path, &place.path).unwrap();
        let error = place.open().err().unwrap();
        assert!(matches!(&error, ControlError::Mismatched { data, .. } if data.ends_with("streams")), "{error}");
        // Data whose id was removed is anybody's.
        let place = Place::used();
        fs::remove_file(place.data[0].join(STORE_ID_FILE)).unwrap();
        let error = place.open().err().unwrap().to_string();
        assert!(error.contains("STORE file is missing"), "{error}");
    }

    #[test]
    fn a_store_of_a_development_version_is_tied() {
        let place = Place::new();
        let store = ControlStore::open(&place.path).unwrap();
        store.put(Table("streams"), "clicks", &Number(1)).unwrap();
        drop(store);
        fs::create_dir_all(place.data[0].join("a-log")).unwrap();
        drop(place.open().unwrap());
        drop(place.open().unwrap());
        assert!(place.data[0].join(STORE_ID_FILE).exists() && place.data[1].join(STORE_ID_FILE).exists());
    }

    #[test]
    fn a_crash_while_the_id_is_given_is_made_good() {
        let place = Place::new();
        fs::create_dir(&place.data[0]).unwrap();
        fs::write(place.data[0].join("STORE.new"), "67e5").unwrap();
        fs::create_dir(&place.data[1]).unwrap();
        fs::write(place.data[1].join(STORE_ID_FILE), "given\n").unwrap();
        drop(place.open().unwrap());
        drop(place.open().unwrap());
        assert_eq!(fs::read_to_string(place.data[0].join(STORE_ID_FILE)).unwrap(), "given\n");
    }

    #[test]
    fn an_empty_directory_may_come_later() {
        let place = Place::used();
        fs::remove_dir_all(&place.data[1]).unwrap();
        drop(place.open().unwrap());
        assert!(place.data[1].join(STORE_ID_FILE).exists());
    }

    #[test]
    fn fixtures() {
        let id = StoreId("0d9c1a52-3a1c-4f9e-9d4f-1c7a5b3e2f60".into());
        crate::check_fixtures("tests/stored", &[id]);
    }
}
