//! What a function's processes find of its layers: one directory, in the place of `/opt`.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The directory that stands for `/opt`: the only layer's own, or all of them merged in
/// `cache`, later ones over earlier ones. Layers never change, so a merged directory is made once.
pub(super) fn merged(layers: &[PathBuf], cache: &Path) -> io::Result<Option<PathBuf>> {
    let [_, _, ..] = layers else { return Ok(layers.first().cloned()) };
    let mut hasher = DefaultHasher::new();
    layers.hash(&mut hasher);
    let whole = cache.join(format!("{:016x}", hasher.finish()));
    if whole.is_dir() {
        return Ok(Some(whole));
    }
    let partial = cache.join(format!(".{}", Uuid::new_v4().simple()));
    fs::create_dir_all(&partial)?;
    let made = layers.iter().try_for_each(|layer| overlay(layer, &partial));
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&partial);
        return Err(error);
    }
    put_in_place(&partial, &whole)?;
    Ok(Some(whole))
}

/// Renames a finished directory to its name. Whoever else made the same at once was as good.
pub(super) fn put_in_place(partial: &Path, whole: &Path) -> io::Result<()> {
    match fs::rename(partial, whole) {
        Err(_) if whole.is_dir() => fs::remove_dir_all(partial),
        renamed => renamed,
    }
}

fn overlay(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (source, target) = (entry?.path(), to);
        let target = target.join(source.file_name().unwrap_or_default());
        let kind = fs::symlink_metadata(&source)?;
        if kind.is_dir() {
            if fs::symlink_metadata(&target).is_ok_and(|there| !there.is_dir()) {
                fs::remove_file(&target)?;
            }
            fs::create_dir_all(&target)?;
            overlay(&source, &target)?;
            continue;
        }
        match fs::symlink_metadata(&target) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(&target)?,
            Ok(_) => fs::remove_file(&target)?,
            Err(_) => {}
        }
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else if fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// Names of the external extensions in a layer, which are not run here.
pub(super) fn extensions(opt: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(opt.join("extensions")) else { return Vec::new() };
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let mut names: Vec<String> =
        files.map(|entry| AsRef::<OsStr>::as_ref(&entry.file_name()).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_lie_over_earlier_ones() {
        let directory = tempfile::tempdir().unwrap();
        let layer = |name: &str, files: &[(&str, &str)]| {
            let layer = directory.path().join(name);
            for (path, text) in files {
                let path = layer.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            layer
        };
        let cache = directory.path().join("cache");
        let first = layer("first", &[("python/a.py", "1"), ("python/both.py", "1"), ("extensions/probe", "")]);
        let second = layer("second", &[("python/both.py", "2"), ("bin/tool", "2")]);
        assert_eq!(merged(&[], &cache).unwrap(), None);
        assert_eq!(merged(std::slice::from_ref(&first), &cache).unwrap(), Some(first.clone()));
        let layers = [first.clone(), second.clone()];
        let opt = merged(&layers, &cache).unwrap().unwrap();
        let read = |path: &str| fs::read_to_string(opt.join(path)).unwrap();
        assert_eq!(
            (read("python/a.py"), read("python/both.py"), read("bin/tool")),
            ("1".into(), "2".into(), "2".into())
        );
        assert_eq!(fs::read_to_string(first.join("python/both.py")).unwrap(), "1", "a layer stays as it is");
        assert_eq!(merged(&layers, &cache).unwrap().unwrap(), opt);
        assert_ne!(merged(&[second, first], &cache).unwrap().unwrap(), opt);
        assert_eq!(extensions(&opt), ["probe"]);
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    }
}
