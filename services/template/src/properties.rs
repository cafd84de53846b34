//! Reading a resource's properties: by name and type, with everything else refused.

use serde_json::Value as Json;

use crate::node::{Node, Value};
use crate::problem::{Problems, did_you_mean};

/// The properties of one place in the template, already evaluated.
pub(crate) struct Properties<'a> {
    node: &'a Node,
    path: String,
    known: Vec<&'static str>,
}

impl<'a> Properties<'a> {
    /// Starts reading `node`, which must be a map.
    pub(crate) fn new(node: &'a Node, path: impl Into<String>, problems: &mut Problems) -> Self {
        let path = path.into();
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            problems.add(node.mark, &path, format!("must be a map, is {}", node.kind()));
        }
        Self { node, path, known: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The property, whatever it is.
    pub(crate) fn any(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        self.node.get(name)
    }

    pub(crate) fn required(&mut self, name: &'static str, problems: &mut Problems) -> Option<&'a Node> {
        let found = self.any(name);
        if found.is_none() {
            problems.add(self.node.mark, self.path.clone(), format!("{name} is required"));
        }
        found
    }

    /// A required string.
    pub(crate) fn required_text(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        self.required(name, problems)?;
        self.text(name, problems)
    }

    pub(crate) fn text(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        let node = self.any(name)?;
        let text = node.to_text();
        if text.is_none() {
            problems.add(node.mark, self.path(name), format!("must be a string, is {}", node.kind()));
        }
        text
    }

    pub(crate) fn integer(&mut self, name: &'static str, problems: &mut Problems) -> Option<i64> {
        let node = self.any(name)?;
        let number = node.to_text().and_then(|text| text.parse().ok());
        if number.is_none() {
            problems.add(node.mark, self.path(name), format!("must be a whole number, is {}", node.kind()));
        }
        number
    }

    /// A whole number within limits.
    pub(crate) fn integer_within(
        &mut self,
        name: &'static str,
        limits: std::ops::RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i64> {
        let number = self.integer(name, problems)?;
        if !limits.contains(&number) {
            let message = format!("{number} is not within {} and {}", limits.start(), limits.end());
            problems.add(self.node.get(name).map_or(self.node.mark, |node| node.mark), self.path(name), message);
        }
        Some(number)
    }

    /// A property that is passed on unchanged.
    pub(crate) fn json(&mut self, name: &'static str) -> Option<Json> {
        self.any(name).map(Node::to_json)
    }

    /// The maps or strings of a list; a single one counts as a list.
    pub(crate) fn list(&mut self, name: &'static str) -> Vec<&'a Node> {
        match self.any(name) {
            None => Vec::new(),
            Some(node) => match &node.value {
                Value::List(items) => items.iter().collect(),
                _ => vec![node],
            },
        }
    }

    /// Accepts properties that have no effect here; returns those that are set.
    pub(crate) fn without_effect(&mut self, names: &[&'static str]) -> Vec<&'static str> {
        self.known.extend(names);
        names.iter().copied().filter(|name| self.node.get(name).is_some()).collect()
    }

    /// Refuses all properties that have not been read.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for (key, _) in self.node.entries() {
            if !self.known.contains(&key.name.as_str()) {
                let hint = did_you_mean(&key.name, &self.known);
                problems.add(key.mark, self.path(&key.name), format!("this property is not supported{hint}"));
            }
        }
    }
}
