//! The template as a tree that knows its places, with the short forms of intrinsic functions
//! (`!Ref x`) written out (`Ref: x`).

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::Value as Json;

use crate::mark::Mark;
use crate::problem::Problems;

/// How deep a template may be nested.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) mark: Mark,
}

impl Node {
    pub(crate) fn text(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, value: Value::Text(text.into()) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub(crate) fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Scalars as text, since CloudFormation treats numbers as strings.
    pub(crate) fn to_text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Integer(number) => Json::from(*number),
            Value::Float(number) => Json::from(*number),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect(),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// The most bytes of a template: CloudFormation's quota.
const SOURCE_BYTES_MAX: usize = 1_000_000;

/// Whether the text nests deeper than any template, found without parsing it: the parser recurses
/// for each level, so such a text must not reach it.
fn nests_too_deep(source: &str) -> Option<usize> {
    let mut open = 0usize;
    for (number, line) in source.lines().enumerate() {
        let dashes = line.split(' ').filter(|word| *word == "-" || *word == "?").count();
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        if dashes > DEPTH_MAX || open > DEPTH_MAX {
            return Some(number + 1);
        }
    }
    None
}

/// Parses YAML (of which JSON is a part). `None` after a problem was added.
pub(crate) fn parse(source: &str, problems: &mut Problems) -> Option<Node> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("the template has {} bytes, over the limit of {SOURCE_BYTES_MAX}", source.len());
        problems.add(Mark { line: 1, column: 1 }, "", message);
        return None;
    }
    if let Some(line) = nests_too_deep(source) {
        problems.add(Mark { line, column: 1 }, "", format!("nested deeper than {DEPTH_MAX} levels"));
        return None;
    }
    let documents = match MarkedYaml::load_from_str(source) {
        Ok(documents) => documents,
        Err(error) => {
            let mark = Mark { line: error.marker().line(), column: error.marker().col() + 1 };
            problems.add(mark, "", format!("not YAML: {}", error.info()));
            return None;
        }
    };
    let Some(document) = documents.first() else {
        problems.add(Mark { line: 1, column: 1 }, "", "the template is empty");
        return None;
    };
    if let Some(second) = documents.get(1) {
        let mark = Mark { line: second.span.start.line(), column: second.span.start.col() + 1 };
        problems.add(mark, "", "a template is one YAML document; a second begins here");
        return None;
    }
    let before = problems.0.len();
    let node = convert(document, "", 0, problems);
    (problems.0.len() == before).then_some(node)
}

fn convert(yaml: &MarkedYaml<'_>, path: &str, depth: usize, problems: &mut Problems) -> Node {
    let mark = Mark { line: yaml.span.start.line(), column: yaml.span.start.col() + 1 };
    let null = Node { mark, value: Value::Null };
    if depth > DEPTH_MAX {
        problems.add(mark, path, format!("nested deeper than {DEPTH_MAX} levels"));
        return null;
    }
    let value = match &yaml.data {
        YamlData::Value(scalar) => scalar_value(scalar),
        YamlData::Representation(text, ..) => Value::Text(text.to_string()),
        YamlData::Sequence(items) => {
            Value::List(items.iter().map(|item| convert(item, path, depth + 1, problems)).collect())
        }
        YamlData::Mapping(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| {
                    let key = key_of(key, path, problems);
                    let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
                    let node = convert(value, &path, depth + 1, problems);
                    (key, node)
                })
                .collect(),
        ),
        YamlData::Tagged(tag, inner) => {
            let inner = convert(inner, path, depth + 1, problems);
            return tagged(&tag.suffix, &tag.handle, inner, mark, path, problems);
        }
        YamlData::Alias(_) | YamlData::BadValue => {
            problems.add(mark, path, "this YAML is not supported in a template");
            Value::Null
        }
    };
    Node { mark, value }
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(number) => Value::Integer(*number),
        Scalar::FloatingPoint(number) => Value::Float(number.into_inner()),
        Scalar::String(text) => Value::Text(text.to_string()),
    }
}

fn key_of(key: &MarkedYaml<'_>, path: &str, problems: &mut Problems) -> Key {
    let mark = Mark { line: key.span.start.line(), column: key.span.start.col() + 1 };
    let name = match &key.data {
        YamlData::Value(scalar) => Node { mark, value: scalar_value(scalar) }.to_text(),
        YamlData::Representation(text, ..) => Some(text.to_string()),
        _ => None,
    };
    if name.is_none() {
        problems.add(mark, path, "a key must be a string");
    }
    Key { name: name.unwrap_or_default(), mark }
}

/// Writes `!Name value` out as `Fn::Name: value`.
fn tagged(suffix: &str, handle: &str, inner: Node, mark: Mark, path: &str, problems: &mut Problems) -> Node {
    if handle != "!" {
        problems.add(mark, path, format!("the tag {handle}{suffix} is not supported"));
        return inner;
    }
    let name = match suffix {
        "Ref" | "Condition" => suffix.to_string(),
        _ => format!("Fn::{suffix}"),
    };
    // The short form separates resource and attribute by a dot.
    let inner = match (suffix, inner.as_text().and_then(|text| text.split_once('.'))) {
        ("GetAtt", Some((resource, attribute))) => {
            let parts = vec![Node::text(inner.mark, resource), Node::text(inner.mark, attribute)];
            Node { mark: inner.mark, value: Value::List(parts) }
        }
        _ => inner,
    };
    Node { mark, value: Value::Map(vec![(Key { name, mark }, inner)]) }
}
