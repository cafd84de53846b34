//! Packages: unpacked as they are meant, and not otherwise.

use super::*;
use std::os::unix::fs::PermissionsExt;
use zip::write::SimpleFileOptions;

type Archive = zip::ZipWriter<io::Cursor<Vec<u8>>>;

fn archive(fill: impl FnOnce(&mut Archive)) -> Bytes {
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    fill(&mut archive);
    archive.finish().unwrap().into_inner().into()
}

fn file(archive: &mut Archive, name: &str, mode: u32, content: &[u8]) {
    archive.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
    archive.write_all(content).unwrap();
}

fn link(archive: &mut Archive, name: &str, target: &str) {
    archive.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
}

fn open() -> (tempfile::TempDir, Arc<CodeStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = CodeStore::open(directory.path().join("code")).unwrap();
    (directory, store)
}

fn entries(store: &CodeStore) -> usize {
    fs::read_dir(&store.directory).unwrap().count()
}

#[tokio::test]
async fn a_package_is_unpacked_once_with_its_modes_and_links() {
    let (_directory, store) = open();
    let bytes = archive(|archive| {
        file(archive, "bootstrap", 0o755, b"#!/bin/sh\n");
        file(archive, "lib/deep/a.txt", 0o600, b"a");
        link(archive, "lib/latest", "deep/a.txt");
        link(archive, "lib/deep/up", "../../bootstrap");
    });
    let held = store.add(bytes.clone()).await.unwrap();
    assert_eq!(held.bytes, bytes.len() as u64);
    let at = |name: &str| store.directory(&held.sha256).join(name);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("bootstrap"), mode("lib/deep/a.txt"), mode("lib")), (0o755, 0o600, 0o755));
    assert_eq!(fs::read(at("lib/latest")).unwrap(), b"a");
    assert_eq!(fs::read(at("lib/deep/up")).unwrap(), b"#!/bin/sh\n");
    assert_eq!(fs::read(store.archive(&held.sha256)).unwrap(), bytes);
    let again = store.add(bytes).await.unwrap();
    assert_eq!((again.sha256.as_str(), entries(&store)), (held.sha256.as_str(), 2));
}

#[tokio::test]
async fn what_would_leave_its_directory_is_refused() {
    let (_directory, store) = open();
    let hostile: [fn(&mut Archive); 9] = [
        |archive| file(archive, "../escape", 0o644, b"x"),
        |archive| file(archive, "a/../../escape", 0o644, b"x"),
        |archive| file(archive, "/tmp/anabranch-escape", 0o644, b"x"),
        |archive| link(archive, "a", "/etc"),
        |archive| link(archive, "a", "../.."),
        |archive| link(archive, "a/b", "c/../../.."),
        |archive| {
            link(archive, "a", "b");
            link(archive, "a/c", "..");
        },
        |archive| {
            file(archive, "a", 0o644, b"x");
            file(archive, "a/b", 0o644, b"x");
        },
        |_| {},
    ];
    for fill in hostile {
        let error = store.add(archive(fill)).await.unwrap_err();
        assert_eq!(error.code, "InvalidParameterValueException");
        assert!(error.message.starts_with("Could not unzip uploaded file."), "{error}");
    }
    for bytes in [&b""[..], b"not a zip", b"PK\x05\x06"] {
        assert_eq!(store.add(Bytes::from(bytes)).await.unwrap_err().code, "InvalidParameterValueException");
    }
    assert_eq!(entries(&store), 0, "nothing is left behind");
}

#[test]
fn the_limit_holds_for_what_comes_out() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = archive(|archive| file(archive, "zeros", 0o644, &vec![0; 1_000_000]));
    assert!(bytes.len() < 10_000);
    let unzipped = |limit| unzip(&bytes, &directory.path().join(format!("{limit}")), limit);
    assert!(matches!(unzipped(999_999), Err(UnzipError::TooLarge)));
    assert!(unzipped(1_000_000).is_ok());
}

#[tokio::test]
async fn what_is_unused_is_removed_and_what_is_held_is_not() {
    let (directory, store) = open();
    let held = store.add(archive(|archive| file(archive, "a", 0o644, b"a"))).await.unwrap();
    let used = store.add(archive(|archive| file(archive, "b", 0o644, b"b"))).await.unwrap().sha256.clone();
    let unused = store.add(archive(|archive| file(archive, "c", 0o644, b"c"))).await.unwrap().sha256.clone();
    fs::create_dir(store.directory.join(format!("{UNFINISHED}1"))).unwrap();
    store.sweep(|sha256| sha256 == used).unwrap();
    let is_there = |sha256: &str| store.directory(sha256).is_dir() && store.archive(sha256).is_file();
    assert!(is_there(&held.sha256) && is_there(&used) && !is_there(&unused));
    drop(held);
    let store = CodeStore::open(directory.path().join("code")).unwrap();
    store.sweep(|sha256| sha256 == used).unwrap();
    assert_eq!(entries(&store), 2);
}

#[test]
fn hashes_have_lambdas_form() {
    assert_eq!(base64_of_hex(&hex(&Sha256::digest(b""))), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}
