//! Which module depends on which.

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, VisRestricted};

use crate::circles::{Circle, Dependency, circles};
use crate::crate_tree::{CrateTree, ModuleId, SourceError, only_for_tests};
use crate::names::{Import, Names, Target, imports_of};

/// The modules of one crate, and which of them names what others define.
pub struct ModuleGraph {
    paths: Vec<String>,
    /// The first place of each dependency.
    dependencies: BTreeMap<(ModuleId, ModuleId), Dependency>,
}

impl ModuleGraph {
    /// Reads the crate whose root file is `root_file`, such as `src/lib.rs`.
    pub fn read(root_file: &Path) -> Result<Self, SourceError> {
        let tree = CrateTree::read(root_file)?;
        let names = Names::of(&tree);
        let mut dependencies = BTreeMap::new();
        for id in (0..tree.modules.len()).map(ModuleId) {
            let mut reader = Reader { tree: &tree, names: &names, module: id, dependencies: &mut dependencies };
            for item in &tree.module(id).items {
                reader.visit_item(item);
            }
        }
        let paths = tree.modules.into_iter().map(|module| module.path).collect();
        Ok(Self { paths, dependencies })
    }

    /// The circles, each with its modules in alphabetical order; the circles in order of their first module.
    pub fn circles(&self) -> Vec<Circle> {
        let mut after = vec![Vec::new(); self.paths.len()];
        for (from, to) in self.dependencies.keys() {
            after[from.0].push(to.0);
        }
        let mut found: Vec<Circle> = circles(&after)
            .into_iter()
            .map(|members| {
                let inside = |(from, to): &(ModuleId, ModuleId)| members.contains(&from.0) && members.contains(&to.0);
                let dependencies = self.dependencies.iter().filter(|(edge, _)| inside(edge));
                let mut modules: Vec<String> = members.iter().map(|member| self.paths[*member].clone()).collect();
                modules.sort();
                Circle { modules, dependencies: dependencies.map(|(_, dependency)| dependency.clone()).collect() }
            })
            .collect();
        found.sort_by(|one, other| one.modules.cmp(&other.modules));
        found
    }
}

/// Goes through one module's code.
struct Reader<'a> {
    tree: &'a CrateTree,
    names: &'a Names<'a>,
    module: ModuleId,
    dependencies: &'a mut BTreeMap<(ModuleId, ModuleId), Dependency>,
}

impl Reader<'_> {
    fn depends_on(&mut self, to: ModuleId, line: usize) {
        if to == self.module {
            return;
        }
        let (from, tree) = (self.module, self.tree);
        self.dependencies.entry((from, to)).or_insert_with(|| Dependency {
            from: tree.module(from).path.clone(),
            to: tree.module(to).path.clone(),
            file: tree.module(from).file.clone(),
            line,
        });
    }

    fn import(&mut self, import: &Import) {
        let to = match self.names.resolve(self.module, &import.path) {
            Target::ItemOf(to) => to,
            Target::Module(to) if import.everything => to,
            // Importing a module names none of its items; the paths that go through it do.
            Target::Module(_) | Target::Elsewhere => return,
        };
        if !(import.re_exported && self.tree.is_below(to, self.module)) {
            self.depends_on(to, import.line);
        }
    }

    fn path(&mut self, segments: &[String], line: usize) {
        // A single name was defined here or imported.
        if segments.len() > 1
            && let Target::ItemOf(to) = self.names.resolve(self.module, segments)
        {
            self.depends_on(to, line);
        }
    }

    /// Paths in a macro's arguments, which have no syntax yet.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.path(&std::mem::take(&mut path), line);
                        line = name.span().start().line;
                    }
                    path.push(name.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            self.path(&std::mem::take(&mut path), line);
            colons = 0;
        }
        self.path(&path, line);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !only_for_tests(&item.attrs) {
            for import in imports_of(item) {
                self.import(&import);
            }
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if !only_for_tests(crate::crate_tree::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            syn::ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !only_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
            self.path(&segments, line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    // `pub(in …)` and attributes name modules without depending on them.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}
