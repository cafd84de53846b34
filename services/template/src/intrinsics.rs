//! Intrinsic functions and pseudo-parameters.

use std::collections::{BTreeMap, BTreeSet};

use crate::mark::Mark;
use crate::node::{Node, Value};
use crate::problem::{Problems, did_you_mean};

const SUPPORTED: [&str; 6] = ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split"];

/// What names in a template stand for.
pub(crate) struct Scope<'a> {
    /// Parameters and pseudo-parameters.
    pub(crate) values: BTreeMap<String, String>,
    /// Resources by logical id.
    pub(crate) resources: &'a dyn References,
}

/// What `Ref` and `GetAtt` of a resource give.
pub(crate) trait References {
    /// All logical ids.
    fn logical_ids(&self) -> Vec<&str>;
    /// The physical id, or `None` if there is no such resource. `resolving` holds the resources
    /// whose names are being resolved, to find circles.
    fn physical_id(
        &self,
        logical_id: &str,
        scope: &Scope<'_>,
        resolving: &mut BTreeSet<String>,
        problems: &mut Problems,
    ) -> Option<String>;
    /// An attribute; the error says which there are.
    fn attribute(
        &self,
        logical_id: &str,
        attribute: &str,
        scope: &Scope<'_>,
        resolving: &mut BTreeSet<String>,
        problems: &mut Problems,
    ) -> Result<String, String>;
}

/// An evaluation in progress.
pub(crate) struct Evaluation<'a, 'b> {
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) problems: &'b mut Problems,
    pub(crate) resolving: &'b mut BTreeSet<String>,
}

impl Evaluation<'_, '_> {
    /// `node` with all intrinsic functions replaced by their values. `AWS::NoValue` removes its key.
    pub(crate) fn node(&mut self, node: &Node, path: &str) -> Node {
        let value = match &node.value {
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item, path)).collect()),
            Value::Map(entries) => {
                if let [(key, argument)] = entries.as_slice()
                    && (key.name == "Ref" || key.name == "Condition" || key.name.starts_with("Fn::"))
                {
                    return self.call(&key.name, argument, node.mark, path);
                }
                let kept = entries.iter().filter(|(_, value)| !is_no_value(value));
                Value::Map(
                    kept.map(|(key, value)| {
                        let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
                        (key.clone(), self.node(value, &path))
                    })
                    .collect(),
                )
            }
            other => other.clone(),
        };
        Node { mark: node.mark, value }
    }

    fn call(&mut self, name: &str, argument: &Node, mark: Mark, path: &str) -> Node {
        let null = Node { mark, value: Value::Null };
        let result = match name {
            "Ref" => argument.as_text().map(|target| self.reference(target, mark, path)),
            "Fn::GetAtt" => self.get_att(argument, mark, path),
            "Fn::Sub" => self.sub(argument, mark, path),
            "Fn::Join" => self.join(argument, path),
            "Fn::Select" => return self.select(argument, mark, path),
            "Fn::Split" => return self.split(argument, mark, path),
            _ => {
                let hint = did_you_mean(name, &SUPPORTED);
                self.problems.add(mark, path, format!("the intrinsic function {name} is not supported{hint}"));
                return null;
            }
        };
        match result {
            Some(text) => Node::text(mark, text),
            None => {
                self.problems.add(mark, path, format!("{name} does not take {} of this form", argument.kind()));
                null
            }
        }
    }

    fn reference(&mut self, target: &str, mark: Mark, path: &str) -> String {
        if let Some(value) = self.scope.values.get(target) {
            return value.clone();
        }
        let resources = self.scope.resources;
        if let Some(id) = resources.physical_id(target, self.scope, self.resolving, self.problems) {
            return id;
        }
        let mut known = resources.logical_ids();
        known.extend(self.scope.values.keys().map(String::as_str));
        let hint = did_you_mean(target, &known);
        self.problems.add(mark, path, format!("Ref to {target}, which is not a parameter or resource here{hint}"));
        String::new()
    }

    fn get_att(&mut self, argument: &Node, mark: Mark, path: &str) -> Option<String> {
        let (resource, attribute) = match &argument.value {
            Value::List(parts) => match parts.as_slice() {
                [resource, attribute] => (resource.as_text()?.to_string(), attribute.as_text()?.to_string()),
                _ => return None,
            },
            Value::Text(text) => text.split_once('.').map(|(one, two)| (one.to_string(), two.to_string()))?,
            _ => return None,
        };
        Some(self.attribute(&resource, &attribute, mark, path))
    }

    fn attribute(&mut self, resource: &str, attribute: &str, mark: Mark, path: &str) -> String {
        let found = self.scope.resources.attribute(resource, attribute, self.scope, self.resolving, self.problems);
        found.unwrap_or_else(|message| {
            self.problems.add(mark, path, message);
            String::new()
        })
    }

    fn sub(&mut self, argument: &Node, mark: Mark, path: &str) -> Option<String> {
        let (text, own) = match &argument.value {
            Value::Text(text) => (text.clone(), None),
            Value::List(parts) => match parts.as_slice() {
                [text, own] => (text.as_text()?.to_string(), Some(self.node(own, path))),
                _ => return None,
            },
            _ => return None,
        };
        let mut result = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                self.problems.add(mark, path, "Fn::Sub: ${ without }");
                return Some(result);
            };
            rest = behind;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
            } else if let Some(value) = own.as_ref().and_then(|own| own.get(name)).and_then(Node::to_text) {
                result.push_str(&value);
            } else if let Some((resource, attribute)) = name.split_once('.') {
                result.push_str(&self.attribute(resource, attribute, mark, path));
            } else {
                result.push_str(&self.reference(name.trim(), mark, path));
            }
        }
        result.push_str(rest);
        Some(result)
    }

    fn join(&mut self, argument: &Node, path: &str) -> Option<String> {
        let Value::List(parts) = &argument.value else { return None };
        let [separator, items] = parts.as_slice() else { return None };
        let separator = separator.as_text()?.to_string();
        let Value::List(items) = self.node(items, path).value else { return None };
        let texts: Option<Vec<String>> = items.iter().map(Node::to_text).collect();
        Some(texts?.join(&separator))
    }

    fn select(&mut self, argument: &Node, mark: Mark, path: &str) -> Node {
        if let Value::List(parts) = self.node(argument, path).value
            && let [index, Node { value: Value::List(items), .. }] = parts.as_slice()
            && let Some(item) = index.to_text().and_then(|text| items.get(text.parse::<usize>().ok()?))
        {
            return item.clone();
        }
        self.problems.add(mark, path, "Fn::Select takes an index and a list that has it");
        Node { mark, value: Value::Null }
    }

    fn split(&mut self, argument: &Node, mark: Mark, path: &str) -> Node {
        if let Value::List(parts) = self.node(argument, path).value
            && let [separator, text] = parts.as_slice()
            && let (Some(separator), Some(text)) = (separator.as_text(), text.as_text())
        {
            let items = text.split(separator).map(|item| Node::text(mark, item)).collect();
            return Node { mark, value: Value::List(items) };
        }
        self.problems.add(mark, path, "Fn::Split takes a separator and a string");
        Node { mark, value: Value::Null }
    }
}

fn is_no_value(node: &Node) -> bool {
    matches!(node.entries(), [(key, target)] if key.name == "Ref" && target.as_text() == Some("AWS::NoValue"))
}
