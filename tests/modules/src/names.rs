//! What each module's names stand for: its own items, its imports, its children.

use std::collections::{HashMap, HashSet};

use syn::{Item, ItemUse, UseTree, Visibility};

use crate::crate_tree::{CrateTree, ModuleId, ROOT};

/// One name that a `use` brings in, or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// As written: `["super", "routing", "Routes"]`; without the `*`.
    pub(crate) path: Vec<String>,
    /// What it is called here; none for `*` and for `as _`.
    pub(crate) name: Option<String>,
    pub(crate) everything: bool,
    /// Others may import it from here.
    pub(crate) re_exported: bool,
    pub(crate) line: usize,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Module(ModuleId),
    /// Something that the module defines.
    ItemOf(ModuleId),
    /// Another crate's.
    Elsewhere,
}

/// The names of a crate's modules.
pub(crate) struct Names<'tree> {
    tree: &'tree CrateTree,
    items: Vec<HashSet<String>>,
    imports: Vec<Vec<Import>>,
    by_name: Vec<HashMap<String, usize>>,
}

impl<'tree> Names<'tree> {
    pub(crate) fn of(tree: &'tree CrateTree) -> Self {
        let mut names = Self { tree, items: Vec::new(), imports: Vec::new(), by_name: Vec::new() };
        for module in &tree.modules {
            let defined = module.items.iter().filter_map(defined_name).collect();
            let imports: Vec<Import> = module
                .items
                .iter()
                .filter_map(|item| if let Item::Use(item) = item { Some(imports_of(item)) } else { None })
                .flatten()
                .collect();
            let by_name = imports.iter().enumerate();
            let by_name = by_name.filter_map(|(at, import)| Some((import.name.clone()?, at))).collect();
            names.items.push(defined);
            names.imports.push(imports);
            names.by_name.push(by_name);
        }
        names
    }

    /// Where `path`, written in `module`, leads.
    pub(crate) fn resolve(&self, module: ModuleId, path: &[String]) -> Target {
        self.resolve_from(module, path, &mut HashSet::new())
    }

    fn resolve_from(&self, module: ModuleId, path: &[String], seen: &mut HashSet<(ModuleId, String)>) -> Target {
        let mut at = module;
        let mut rest = path;
        let mut first = true;
        while let Some((segment, after)) = rest.split_first() {
            match segment.as_str() {
                "crate" => at = ROOT,
                "self" => {}
                "super" => match self.tree.module(at).parent {
                    Some(parent) => at = parent,
                    None => return Target::Elsewhere,
                },
                name => match self.look_up(at, name, seen) {
                    Some(Target::Module(found)) => at = found,
                    Some(found) => return found,
                    // The first name of a path may be a crate's; a later one comes from a macro or a derive.
                    None if first => return Target::Elsewhere,
                    None => return Target::ItemOf(at),
                },
            }
            first = false;
            rest = after;
        }
        Target::Module(at)
    }

    fn look_up(&self, module: ModuleId, name: &str, seen: &mut HashSet<(ModuleId, String)>) -> Option<Target> {
        if let Some(child) = self.tree.child(module, name) {
            return Some(Target::Module(child));
        }
        if self.items[module.0].contains(name) {
            return Some(Target::ItemOf(module));
        }
        // Globs may lead back here.
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        if let Some(import) = self.by_name[module.0].get(name) {
            return Some(self.resolve_from(module, &self.imports[module.0][*import].path, seen));
        }
        self.imports[module.0].iter().filter(|import| import.everything).find_map(|glob| {
            match self.resolve_from(module, &glob.path, seen) {
                Target::Module(opened) => self.look_up(opened, name, seen),
                _ => None,
            }
        })
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

/// The names that a `use` brings in, one by one.
pub(crate) fn imports_of(item: &ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    if item.leading_colon.is_none() {
        let re_exported = !matches!(item.vis, Visibility::Inherited);
        collect(&item.tree, &mut Vec::new(), re_exported, &mut imports);
    }
    imports
}

fn collect(tree: &UseTree, before: &mut Vec<String>, re_exported: bool, imports: &mut Vec<Import>) {
    let (last, name, span) = match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect(&path.tree, before, re_exported, imports);
            before.pop();
            return;
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                collect(tree, before, re_exported, imports);
            }
            return;
        }
        // `use a::b::{self}` brings in `b`.
        UseTree::Name(name) if name.ident == "self" => (None, before.last().cloned(), name.ident.span()),
        UseTree::Name(name) => (Some(&name.ident), Some(name.ident.to_string()), name.ident.span()),
        UseTree::Rename(rename) => {
            let name = (rename.rename != "_").then(|| rename.rename.to_string());
            (Some(&rename.ident), name, rename.ident.span())
        }
        UseTree::Glob(glob) => (None, None, glob.star_token.span),
    };
    let path = before.iter().cloned().chain(last.map(|last| last.to_string())).collect();
    let everything = matches!(tree, UseTree::Glob(_));
    imports.push(Import { path, name, everything, re_exported, line: span.start().line });
}
