//! Circles in a graph: its strongly connected components of more than one node.

use std::fmt;
use std::path::PathBuf;

/// The place where one module names what another defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The module that names.
    pub from: String,
    /// The module that defines.
    pub to: String,
    /// The file.
    pub file: PathBuf,
    /// The line, counted from one.
    pub line: usize,
}

/// Modules each of which depends on each other one, by way of others perhaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    /// In alphabetical order; the crate's root is `crate`.
    pub modules: Vec<String>,
    /// What holds it together.
    pub dependencies: Vec<Dependency>,
}

impl fmt::Display for Circle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.modules.join(", "))?;
        for Dependency { from, to, file, line } in &self.dependencies {
            writeln!(formatter, "    {}:{line}: {from} depends on {to}", file.display())?;
        }
        Ok(())
    }
}

/// The strongly connected components that have several nodes (Tarjan's algorithm); `after[node]` are
/// the nodes that `node` depends on.
pub(crate) fn circles(after: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        after,
        next: 0,
        index: vec![None; after.len()],
        low: vec![0; after.len()],
        on_stack: vec![false; after.len()],
        stack: Vec::new(),
        found: Vec::new(),
    };
    for node in 0..after.len() {
        if search.index[node].is_none() {
            search.visit(node);
        }
    }
    search.found
}

struct Search<'a> {
    after: &'a [Vec<usize>],
    next: usize,
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn visit(&mut self, node: usize) -> usize {
        let index = self.next;
        self.next += 1;
        self.index[node] = Some(index);
        self.low[node] = index;
        self.stack.push(node);
        self.on_stack[node] = true;
        for &next in &self.after[node] {
            let reached = match self.index[next] {
                None => self.visit(next),
                Some(index) if self.on_stack[next] => index,
                Some(_) => continue,
            };
            self.low[node] = self.low[node].min(reached);
        }
        if self.low[node] == index {
            let start = self.stack.iter().rposition(|other| *other == node).unwrap_or(0);
            let component = self.stack.split_off(start);
            for member in &component {
                self.on_stack[*member] = false;
            }
            if component.len() > 1 {
                self.found.push(component);
            }
        }
        self.low[node]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_circle_and_nothing_else() {
        // 0 → 1 → 2 → 1, 2 → 3, 4 ↔ 5 → 0, and 6 depends on itself.
        let after = [vec![1], vec![2], vec![1, 3], vec![], vec![5], vec![4, 0], vec![6]];
        let mut found = circles(&after);
        for members in &mut found {
            members.sort_unstable();
        }
        found.sort();
        assert_eq!(found, [vec![1, 2], vec![4, 5]]);
    }
}
