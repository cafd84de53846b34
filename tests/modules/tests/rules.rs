//! What counts as a dependency between modules.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::Path;

use anabranch_modules::ModuleGraph;

/// The circles of a crate of these files.
fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let graph = ModuleGraph::read(&directory.path().join("lib.rs")).unwrap();
    graph.circles().into_iter().map(|circle| circle.modules).collect()
}

#[test]
fn modules_that_import_one_another_are_a_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; use super::c::C; pub struct B;"),
        ("c.rs", "pub struct C;"),
    ]);
    assert_eq!(found, [["a", "b"]]);
}

#[test]
fn paths_in_code_and_in_macros_count() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub struct A; fn f() -> usize { crate::b::g() }"),
        ("b.rs", "pub fn g() -> usize { println!(\"{}\", 1 + crate::c::h(2)); 1 }"),
        ("c.rs", "use crate::a; pub fn h(n: usize) -> usize { let _ = a::A; n }"),
    ]);
    assert_eq!(found, [["a", "b", "c"]]);
}

#[test]
fn a_facade_is_no_circle() {
    // `b` takes `A` from the root, which also re-exports `B`: what `b` depends on is `a`.
    let found = circles(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
        ("a.rs", "pub struct A;"),
        ("b.rs", "use crate::A; pub struct B(pub A);"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn parents_and_children_count_like_others() {
    let apart = circles(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b; pub struct A; pub use b::B;"),
        ("a/b.rs", "use super::A; pub struct B(A);"),
    ]);
    assert!(apart.is_empty(), "{apart:?}");
    let tied = circles(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod b; pub struct A; fn f() { b::g() }"),
        ("a/b.rs", "use super::*; pub fn g() { let _ = A; }"),
    ]);
    assert_eq!(tied, [["a", "a::b"]]);
}

#[test]
fn tests_may_look_at_everything() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }  #[cfg(test)] use crate::b::B;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn modules_inside_a_file_are_modules() {
    let found = circles(&[(
        "lib.rs",
        "mod a { pub struct A; pub mod inner { pub fn f() { let _ = crate::b::B; } } }
         mod b { pub struct B; fn g() { super::a::inner::f() } }",
    )]);
    assert_eq!(found, [["a::inner", "b"]]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("lib.rs");
    let failure = |text: &str| {
        std::fs::write(&root, text).unwrap();
        ModuleGraph::read(&root).err().map(|error| error.to_string()).unwrap()
    };
    assert!(failure("mod gone;").ends_with("declares module gone, but there is no file for it"));
    assert!(failure("fn (").contains("lib.rs: "));
    let absent = ModuleGraph::read(Path::new("absent/lib.rs")).err().unwrap().to_string();
    assert!(absent.starts_with("absent/lib.rs: "), "{absent}");
}
