//! Rules made ready for matching: a tree of names, so that one pass over an event serves them all.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

use crate::compile::{Requirement, Rule};
use crate::matcher::{Matcher, Scalar};

/// The root of the tree of names.
pub(crate) const ROOT: NodeId = 0;

pub(crate) type NodeId = usize;

#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    fields: Vec<Field>,
    /// How many requirements there are.
    pub(crate) requirements: usize,
    rules: Vec<Vec<Vec<Key>>>,
}

/// A place in events that some rule asks for.
#[derive(Debug, Clone, Default)]
struct Node {
    /// In order of the names.
    children: Vec<(Box<str>, NodeId)>,
    field: Option<usize>,
}

/// What all rules ask of the values at one place.
#[derive(Debug, Clone, Default)]
struct Field {
    /// The requirements that a string fulfils.
    strings: FxHashMap<Box<str>, SmallVec<[usize; 2]>>,
    others: Vec<(Matcher, usize)>,
}

/// A requirement at its field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) field: usize,
    pub(crate) requirement: usize,
    /// Fulfilled, too, where the field is not there.
    pub(crate) absent: bool,
}

impl Program {
    pub(crate) fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut program = Self { nodes: vec![Node::default()], ..Self::default() };
        for rule in rules {
            // The conjunctions of a rule share most of their requirements.
            let mut known = FxHashMap::default();
            let mut compiled = Vec::with_capacity(rule.len());
            for conjunction in rule {
                let mut keys: Vec<(&Arc<str>, Key)> = Vec::with_capacity(conjunction.len());
                for (path, requirement) in conjunction {
                    let key = known.entry(Arc::as_ptr(requirement)).or_insert_with(|| program.add(path, requirement));
                    keys.push((path, *key));
                }
                // Java's order of strings, on which the meaning of `exists: false` depends.
                keys.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                compiled.push(keys.into_iter().map(|(_, key)| key).collect());
            }
            program.rules.push(compiled);
        }
        program
    }

    fn add(&mut self, path: &str, requirement: &Requirement) -> Key {
        let node = path.split('.').fold(ROOT, |node, name| self.child_or_new(node, name));
        let field = *self.nodes[node].field.get_or_insert_with(|| {
            self.fields.push(Field::default());
            self.fields.len() - 1
        });
        let id = self.requirements;
        self.requirements += 1;
        for matcher in &requirement.matchers {
            match matcher {
                Matcher::String(text) => self.fields[field].strings.entry(text.clone()).or_default().push(id),
                other => self.fields[field].others.push((other.clone(), id)),
            }
        }
        Key { field, requirement: id, absent: requirement.absent }
    }

    fn child_or_new(&mut self, node: NodeId, name: &str) -> NodeId {
        match self.nodes[node].children.binary_search_by(|(child, _)| (**child).cmp(name)) {
            Ok(at) => self.nodes[node].children[at].1,
            Err(at) => {
                self.nodes.push(Node::default());
                let new = self.nodes.len() - 1;
                self.nodes[node].children.insert(at, (name.into(), new));
                new
            }
        }
    }

    /// The place under `name`, which may consist of several names joined with dots.
    pub(crate) fn child(&self, node: NodeId, name: &str) -> Option<NodeId> {
        self.step(node, name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            self.child(self.step(node, first)?, rest)
        })
    }

    fn step(&self, node: NodeId, name: &str) -> Option<NodeId> {
        let children = &self.nodes[node].children;
        if children.len() <= 8 {
            return children.iter().find(|(child, _)| **child == *name).map(|(_, id)| *id);
        }
        let at = children.binary_search_by(|(child, _)| (**child).cmp(name)).ok()?;
        Some(children[at].1)
    }

    pub(crate) fn has_children(&self, node: NodeId) -> bool {
        !self.nodes[node].children.is_empty()
    }

    pub(crate) fn fields(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn field(&self, node: NodeId) -> Option<usize> {
        self.nodes[node].field
    }

    /// Calls `fulfilled` with each requirement that `scalar` fulfils at `field`.
    pub(crate) fn test(&self, field: usize, scalar: Scalar<'_>, mut fulfilled: impl FnMut(usize)) {
        let field = &self.fields[field];
        if let Scalar::String(text) = scalar
            && let Some(requirements) = field.strings.get(text)
        {
            requirements.iter().copied().for_each(&mut fulfilled);
        }
        for (matcher, requirement) in &field.others {
            if matcher.matches(scalar) {
                fulfilled(*requirement);
            }
        }
    }

    pub(crate) fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The conjunctions of a rule: it matches where all keys of one of them are fulfilled.
    pub(crate) fn conjunctions(&self, rule: usize) -> &[Vec<Key>] {
        &self.rules[rule]
    }
}
