//! A crate's source files as a tree of modules.

use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Meta};

/// Why a crate's source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file could not be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file is not Rust.
    #[error("{path}: {error}")]
    NotRust {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        error: syn::Error,
    },
    /// A module is declared, and no file holds it.
    #[error("{declared_in} declares module {name}, but there is no file for it")]
    NoFile {
        /// The file with the declaration.
        declared_in: PathBuf,
        /// The module.
        name: String,
    },
}

/// A module of a crate, by its place in [`CrateTree::modules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ModuleId(pub(crate) usize);

/// The module at the crate's root.
pub(crate) const ROOT: ModuleId = ModuleId(0);

pub(crate) struct Module {
    /// `crate`, or the path below it: `routing`, `operations::put_record`.
    pub(crate) path: String,
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<ModuleId>,
    pub(crate) children: Vec<(String, ModuleId)>,
    /// All but the modules below, and what only tests see.
    pub(crate) items: Vec<Item>,
}

/// A crate's modules; the root is the first, parents come before children.
pub(crate) struct CrateTree {
    pub(crate) modules: Vec<Module>,
}

impl CrateTree {
    /// Reads the crate whose root is `root_file` (`src/lib.rs`).
    pub(crate) fn read(root_file: &Path) -> Result<Self, SourceError> {
        let mut tree = Self { modules: Vec::new() };
        let directory = root_file.parent().unwrap_or(Path::new("")).to_owned();
        tree.add("crate".into(), root_file, None, &directory, parse(root_file)?)?;
        Ok(tree)
    }

    pub(crate) fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0]
    }

    pub(crate) fn child(&self, id: ModuleId, name: &str) -> Option<ModuleId> {
        self.module(id).children.iter().find(|(child, _)| child == name).map(|(_, id)| *id)
    }

    pub(crate) fn is_below(&self, module: ModuleId, ancestor: ModuleId) -> bool {
        std::iter::successors(self.module(module).parent, |id| self.module(*id).parent).any(|id| id == ancestor)
    }

    /// `directory` is where the files of the module's children are.
    fn add(
        &mut self,
        path: String,
        file: &Path,
        parent: Option<ModuleId>,
        directory: &Path,
        items: Vec<Item>,
    ) -> Result<ModuleId, SourceError> {
        let id = ModuleId(self.modules.len());
        self.modules.push(Module { path, file: file.to_owned(), parent, children: Vec::new(), items: Vec::new() });
        for item in items {
            if only_for_tests(attributes(&item)) {
                continue;
            }
            let Item::Mod(declared) = item else {
                self.modules[id.0].items.push(item);
                continue;
            };
            let name = declared.ident.to_string();
            let below = directory.join(&name);
            let child_path = if id == ROOT { name.clone() } else { format!("{}::{name}", self.module(id).path) };
            let child = match declared.content {
                Some((_, items)) => self.add(child_path, file, Some(id), &below, items)?,
                None => {
                    let file = [directory.join(format!("{name}.rs")), below.join("mod.rs")]
                        .into_iter()
                        .find(|candidate| candidate.is_file())
                        .ok_or_else(|| SourceError::NoFile { declared_in: file.to_owned(), name: name.clone() })?;
                    let items = parse(&file)?;
                    self.add(child_path, &file, Some(id), &below, items)?
                }
            };
            self.modules[id.0].children.push((name, child));
        }
        Ok(id)
    }
}

fn parse(file: &Path) -> Result<Vec<Item>, SourceError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| SourceError::Unreadable { path: file.to_owned(), error })?;
    let parsed = syn::parse_file(&text).map_err(|error| SourceError::NotRust { path: file.to_owned(), error })?;
    Ok(parsed.items)
}

/// Whether a `cfg` leaves out what it stands on, unless tests are built.
pub(crate) fn only_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || (condition.starts_with("all") && condition.contains("test"))
        }
        _ => false,
    })
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
