//! Finds circles among the modules of a crate.
//!
//! Cargo keeps crates free of circles, but lets the modules inside one refer to each other as they
//! like. Modules in a circle can only be understood, tested and moved together, so a test
//! (`tests/workspace.rs`) fails when one appears that `known_circles.toml` does not list.
//!
//! What counts:
//!
//! - A module depends on another when it names something that is *defined* there: by `use`, or by a
//!   path in code, in a type or in a macro's arguments. A name is followed through re-exports to the
//!   module that defines it, so a facade is no circle.
//! - `mod child;` is not a dependency, and neither is re-exporting what a descendant defines.
//! - Parents and children count like any two modules: a parent whose code calls into a child that
//!   names the parent's own items is a circle of two.
//! - Code under `#[cfg(test)]` is left out, as tests may look at everything.
//!
//! What is not seen: a method called on a value whose type is never named, and names that macros make.

mod circles;
mod crate_tree;
mod graph;
mod names;

pub use circles::{Circle, Dependency};
pub use crate_tree::SourceError;
pub use graph::ModuleGraph;
