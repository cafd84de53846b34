//! The template as a whole: parameters, globals, resources, outputs.

use std::collections::{BTreeMap, BTreeSet};

use crate::intrinsics::{Evaluation, References, Scope};
use crate::mark::Mark;
use crate::node::{Node, Value, parse};
use crate::problem::{Problems, TemplateError, did_you_mean};
use crate::resources::{
    Reading, Resource, attribute, check_type, generated_name, name_property, read as read_resource,
};

const SECTIONS: [&str; 8] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Globals",
    "Resources",
    "Outputs",
];
const RESOURCE_KEYS: [&str; 6] =
    ["Type", "Properties", "Metadata", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"];
const PARAMETER_KEYS: [&str; 11] = [
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "Description",
    "MinValue",
    "MaxValue",
    "MinLength",
    "MaxLength",
    "NoEcho",
];

/// What a template is read with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Values of parameters; the others take their defaults.
    pub parameters: BTreeMap<String, String>,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account_id: String,
}

/// A template, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// `Description`.
    pub description: Option<String>,
    /// Its resources, in the order of the file.
    pub resources: Vec<Resource>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// What was accepted but has no effect here.
    pub notices: Vec<String>,
}

/// Reads `source`; `file` is its name in messages.
///
/// # Errors
/// [`TemplateError`] with everything that is wrong or not supported.
pub fn read(source: &str, file: &str, options: &Options) -> Result<Stack, TemplateError> {
    let mut problems = Problems::default();
    let stack = parse(source, &mut problems).and_then(|root| read_root(&root, options, &mut problems));
    problems.0.sort();
    match stack {
        Some(stack) if problems.0.is_empty() => Ok(stack),
        _ => Err(TemplateError { file: file.into(), problems: problems.0 }),
    }
}

fn read_root(root: &Node, options: &Options, problems: &mut Problems) -> Option<Stack> {
    refuse_unknown(root, "", &SECTIONS, problems);
    let Some(resources) = root.get("Resources") else {
        problems.add(root.mark, "", "a template needs Resources");
        return None;
    };
    let table = ResourceTable::new(resources, root.get("Globals"), options, problems);
    let scope = Scope { values: read_parameters(root, options, problems), resources: &table };
    let mut notices = Vec::new();
    let resources = table.read(&scope, problems, &mut notices);
    let outputs = read_outputs(root, &scope, problems);
    let description = root.get("Description").and_then(Node::to_text);
    Some(Stack { description, resources, outputs, notices })
}

fn refuse_unknown(node: &Node, path: &str, known: &[&str], problems: &mut Problems) {
    if !matches!(node.value, Value::Map(_)) {
        problems.add(node.mark, path, format!("must be a map, is {}", node.kind()));
    }
    for (key, _) in node.entries().iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
        let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
        problems.add(key.mark, path, format!("{} is not supported{}", key.name, did_you_mean(&key.name, known)));
    }
}

fn read_parameters(root: &Node, options: &Options, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = [
        ("AWS::AccountId", options.account_id.as_str()),
        ("AWS::Partition", "aws"),
        ("AWS::Region", &options.region),
        ("AWS::StackName", &options.stack_name),
        ("AWS::URLSuffix", "amazonaws.com"),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .into();
    let declared = root.get("Parameters").map_or(&[][..], Node::entries);
    for (key, parameter) in declared {
        let path = format!("Parameters.{}", key.name);
        refuse_unknown(parameter, &path, &PARAMETER_KEYS, problems);
        let given = options.parameters.get(&key.name).cloned();
        let Some(value) = given.or_else(|| parameter.get("Default").and_then(Node::to_text)) else {
            problems.add(key.mark, path, "has no Default; give it a value");
            continue;
        };
        if let Some(message) = violation(parameter, &value) {
            problems.add(key.mark, &path, message);
        }
        values.insert(key.name.clone(), value);
    }
    for name in options.parameters.keys().filter(|name| declared.iter().all(|(key, _)| key.name != **name)) {
        let known: Vec<&str> = declared.iter().map(|(key, _)| key.name.as_str()).collect();
        let hint = did_you_mean(name, &known);
        problems.add(Mark { line: 1, column: 1 }, "Parameters", format!("there is no parameter {name}{hint}"));
    }
    values
}

/// How `value` breaks the parameter's rules, if it does.
fn violation(parameter: &Node, value: &str) -> Option<String> {
    if let Some(Value::List(allowed)) = parameter.get("AllowedValues").map(|node| &node.value) {
        let allowed: Vec<String> = allowed.iter().filter_map(Node::to_text).collect();
        if !allowed.iter().any(|text| text == value) {
            return Some(format!("{value:?} is not one of {}", allowed.join(", ")));
        }
    }
    if let Some(pattern) = parameter.get("AllowedPattern").and_then(Node::to_text) {
        match regex_lite::Regex::new(&format!("^(?:{pattern})$")) {
            Ok(regex) if regex.is_match(value) => {}
            Ok(_) => return Some(format!("{value:?} does not match {pattern}")),
            Err(error) => return Some(format!("AllowedPattern {pattern:?} can't be used: {error}")),
        }
    }
    match parameter.get("Type").and_then(Node::as_text) {
        Some("String" | "Number") => {}
        Some(other) => return Some(format!("the parameter type {other} is not supported; String and Number are")),
        None => return Some("Type is required".into()),
    }
    let is_number = parameter.get("Type").and_then(Node::as_text) == Some("Number");
    let number = |node: &Node| node.to_text()?.parse::<f64>().ok();
    if is_number {
        let Ok(value) = value.parse::<f64>() else { return Some(format!("{value:?} is not a number")) };
        if let Some(least) = parameter.get("MinValue").and_then(number).filter(|least| value < *least) {
            return Some(format!("{value} is below {least}"));
        }
        if let Some(most) = parameter.get("MaxValue").and_then(number).filter(|most| value > *most) {
            return Some(format!("{value} is above {most}"));
        }
    }
    let length = value.chars().count() as f64;
    if let Some(least) = parameter.get("MinLength").and_then(number).filter(|least| length < *least) {
        return Some(format!("{value:?} is shorter than {least} characters"));
    }
    let most = parameter.get("MaxLength").and_then(number).filter(|most| length > *most)?;
    Some(format!("{value:?} is longer than {most} characters"))
}

fn read_outputs(root: &Node, scope: &Scope<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    for (key, output) in root.get("Outputs").map_or(&[][..], Node::entries) {
        let path = format!("Outputs.{}", key.name);
        refuse_unknown(output, &path, &["Description", "Value", "Export"], problems);
        let Some(value) = output.get("Value") else {
            problems.add(key.mark, path, "Value is required");
            continue;
        };
        let mut evaluation = Evaluation { scope, problems, resolving: &mut BTreeSet::new() };
        let value = evaluation.node(value, &format!("{path}.Value"));
        match value.to_text() {
            Some(text) => drop(outputs.insert(key.name.clone(), text)),
            None => problems.add(value.mark, format!("{path}.Value"), format!("must be a string, is {}", value.kind())),
        }
    }
    outputs
}

/// A resource as the template declares it, globals merged in.
struct Declared {
    logical_id: String,
    mark: Mark,
    kind: String,
    properties: Node,
    metadata: Option<Node>,
}

struct ResourceTable<'a> {
    declared: Vec<Declared>,
    options: &'a Options,
}

impl<'a> ResourceTable<'a> {
    fn new(resources: &Node, globals: Option<&Node>, options: &'a Options, problems: &mut Problems) -> Self {
        if let Some(globals) = globals {
            refuse_unknown(globals, "Globals", &["Function", "HttpApi"], problems);
        }
        let mut declared = Vec::new();
        for (key, resource) in resources.entries() {
            let path = format!("Resources.{}", key.name);
            refuse_unknown(resource, &path, &RESOURCE_KEYS, problems);
            if key.name.is_empty() || !key.name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                problems.add(key.mark, &path, "a logical id has letters and digits only");
                continue;
            }
            let Some(kind) = resource.get("Type").and_then(Node::as_text) else {
                problems.add(key.mark, path, "Type is required");
                continue;
            };
            if let Err(message) = check_type(kind) {
                problems.add(resource.get("Type").map_or(key.mark, |node| node.mark), path, message);
                continue;
            }
            let own = resource.get("Properties").cloned();
            let own = own.unwrap_or(Node { mark: resource.mark, value: Value::Map(Vec::new()) });
            let section = match kind {
                "AWS::Serverless::Function" => Some("Function"),
                "AWS::Serverless::HttpApi" => Some("HttpApi"),
                _ => None,
            };
            let shared = globals.and_then(|globals| globals.get(section?));
            declared.push(Declared {
                logical_id: key.name.clone(),
                mark: key.mark,
                kind: kind.into(),
                properties: shared.map_or(own.clone(), |shared| merge(shared, &own)),
                metadata: resource.get("Metadata").cloned(),
            });
        }
        let ids: Vec<&str> = declared.iter().map(|resource: &Declared| resource.logical_id.as_str()).collect();
        for (key, resource) in resources.entries() {
            for target in depends_on(resource).into_iter().filter(|target| !ids.contains(&target.as_str())) {
                let hint = did_you_mean(&target, &ids);
                problems.add(
                    key.mark,
                    format!("Resources.{}.DependsOn", key.name),
                    format!("no resource {target}{hint}"),
                );
            }
        }
        Self { declared, options }
    }

    fn find(&self, logical_id: &str) -> Option<&Declared> {
        self.declared.iter().find(|resource| resource.logical_id == logical_id)
    }

    fn read(&self, scope: &Scope<'_>, problems: &mut Problems, notices: &mut Vec<String>) -> Vec<Resource> {
        let mut resources = Vec::new();
        for declared in &self.declared {
            let id = &declared.logical_id;
            let resolving = &mut BTreeSet::new();
            let physical_id = self.physical_id(id, scope, resolving, problems).unwrap_or_default();
            let mut evaluation = Evaluation { scope, problems, resolving };
            let properties = evaluation.node(&declared.properties, &format!("Resources.{id}.Properties"));
            let metadata =
                declared.metadata.as_ref().map(|node| evaluation.node(node, &format!("Resources.{id}.Metadata")));
            let mut reading = Reading {
                logical_id: id,
                physical_id: &physical_id,
                mark: declared.mark,
                metadata: metadata.as_ref(),
                problems,
                notices,
            };
            if let Some(kind) = read_resource(&declared.kind, &properties, &mut reading) {
                let line = declared.mark.line;
                resources.push(Resource { logical_id: id.clone(), physical_id: physical_id.clone(), line, kind });
            }
        }
        resources
    }
}

fn depends_on(resource: &Node) -> Vec<String> {
    match resource.get("DependsOn").map(|node| &node.value) {
        Some(Value::Text(text)) => vec![text.clone()],
        Some(Value::List(items)) => items.iter().filter_map(Node::to_text).collect(),
        _ => Vec::new(),
    }
}

impl References for ResourceTable<'_> {
    fn logical_ids(&self) -> Vec<&str> {
        self.declared.iter().map(|resource| resource.logical_id.as_str()).collect()
    }

    fn physical_id(
        &self,
        logical_id: &str,
        scope: &Scope<'_>,
        resolving: &mut BTreeSet<String>,
        problems: &mut Problems,
    ) -> Option<String> {
        let declared = self.find(logical_id)?;
        let property = name_property(&declared.kind);
        let Some(name) = property.and_then(|property| declared.properties.get(property)) else {
            return Some(generated_name(&declared.kind, &self.options.stack_name, logical_id));
        };
        let path = format!("Resources.{logical_id}.Properties.{}", property.unwrap_or_default());
        if !resolving.insert(logical_id.to_string()) {
            problems.add(name.mark, path, "the name refers to itself, directly or through others");
            return Some(String::new());
        }
        let value = Evaluation { scope, problems, resolving }.node(name, &path).to_text();
        resolving.remove(logical_id);
        if value.is_none() {
            problems.add(name.mark, path, "must be a string");
        }
        Some(value.unwrap_or_default())
    }

    fn attribute(
        &self,
        logical_id: &str,
        name: &str,
        scope: &Scope<'_>,
        resolving: &mut BTreeSet<String>,
        problems: &mut Problems,
    ) -> Result<String, String> {
        let Some(physical_id) = self.physical_id(logical_id, scope, resolving, problems) else {
            let hint = did_you_mean(logical_id, &self.logical_ids());
            return Err(format!("there is no resource {logical_id}{hint}"));
        };
        let kind = self.find(logical_id).map_or("", |declared| declared.kind.as_str());
        attribute(kind, name, &physical_id, &self.options.region, &self.options.account_id)
            .ok_or_else(|| format!("the attribute {name} of {logical_id} ({kind}) is not supported"))
    }
}

/// Globals under a resource's own properties: maps merge, lists append, scalars are overridden.
fn merge(shared: &Node, own: &Node) -> Node {
    let value = match (&shared.value, &own.value) {
        (Value::Map(below), Value::Map(above)) if !is_call(below) && !is_call(above) => {
            let mut merged: Vec<_> = below
                .iter()
                .map(|(key, node)| match own.get(&key.name) {
                    Some(own) => (key.clone(), merge(node, own)),
                    None => (key.clone(), node.clone()),
                })
                .collect();
            merged.extend(above.iter().filter(|(key, _)| shared.get(&key.name).is_none()).cloned());
            Value::Map(merged)
        }
        (Value::List(below), Value::List(above)) => Value::List(below.iter().chain(above).cloned().collect()),
        (_, own) => own.clone(),
    };
    Node { mark: own.mark, value }
}

fn is_call(entries: &[(crate::node::Key, Node)]) -> bool {
    matches!(entries, [(key, _)] if key.name == "Ref" || key.name.starts_with("Fn::"))
}
