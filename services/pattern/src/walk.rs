//! One pass over an event: notes which requirements its values fulfil.
//!
//! The event comes through serde, so that a parsed value and raw JSON take the same way.
//! Nothing is kept of it but bits, and what no rule asks for is skipped.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

use crate::arrays::Tree;
use crate::error::EventError;
use crate::matcher::Scalar;
use crate::program::{Key, NodeId, Program, ROOT};

/// Lists and objects inside one another, in an event: what is deeper is no event.
pub const EVENT_DEPTH_MAX: usize = 128;

pub(crate) struct Walk<'p> {
    program: &'p Program,
    tree: Tree,
    /// The element that is being walked over.
    current: usize,
    depth: usize,
}

impl<'p> Walk<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        Self { program, tree: Tree::new(program), current: 0, depth: 0 }
    }

    /// The walk over a whole event; `None` if it is no object, which matches nothing.
    pub(crate) fn over<'de, D: Deserializer<'de>>(program: &'p Program, event: D) -> Result<Option<Self>, D::Error> {
        let mut walk = Self::new(program);
        let seed = ValueSeed { walk: &mut walk, node: ROOT, list: None };
        let is_object = seed.deserialize(event)? == Kind::Object;
        Ok(is_object.then_some(walk))
    }

    pub(crate) fn over_json(program: &'p Program, event: &[u8]) -> Result<Option<Self>, EventError> {
        json(event, |event| Self::over(program, event))
    }

    /// Goes on with `value`, which is at `node`.
    pub(crate) fn value<'de, D: Deserializer<'de>>(&mut self, node: NodeId, value: D) -> Result<(), D::Error> {
        ValueSeed { walk: self, node, list: None }.deserialize(value).map(drop)
    }

    pub(crate) fn value_json(&mut self, node: NodeId, value: &[u8]) -> Result<(), EventError> {
        json(value, |value| self.value(node, value))
    }

    pub(crate) fn scalar(&mut self, node: NodeId, scalar: Scalar<'_>) {
        let Some(field) = self.program.field(node) else { return };
        let element = &mut self.tree.elements[self.current];
        element.present.set(field);
        self.program.test(field, scalar, |requirement| element.fulfilled.set(requirement));
    }

    /// Whether the event matches a rule of the program.
    pub(crate) fn matches(&self, rule: usize) -> bool {
        self.program.conjunctions(rule).iter().any(|keys| self.fulfils(keys))
    }

    /// Whether all of `keys` are fulfilled, by values that are in the same elements of lists.
    fn fulfils(&self, keys: &[Key]) -> bool {
        if self.tree.elements.len() > 1 {
            return self.tree.element_fulfils(0, keys);
        }
        let event = &self.tree.elements[0];
        keys.iter().all(|key| event.fulfilled.has(key.requirement) || (key.absent && !event.present.has(key.field)))
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > EVENT_DEPTH_MAX { Err(E::custom("the event is nested too deep")) } else { Ok(()) }
    }
}

/// Reads the one document in `text`.
fn json<'t, T>(
    text: &'t [u8],
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'t>>) -> serde_json::Result<T>,
) -> Result<T, EventError> {
    let text = std::str::from_utf8(text).map_err(|error| EventError(error.into()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let done = read(&mut deserializer).and_then(|done| deserializer.end().map(|()| done));
    done.map_err(|error| EventError(error.into()))
}

#[derive(PartialEq)]
enum Kind {
    Scalar,
    List,
    Object,
}

/// A value at a node of the tree of names.
struct ValueSeed<'w, 'p> {
    walk: &'w mut Walk<'p>,
    node: NodeId,
    /// The list whose element it is, if it is one; made when the first element needs it.
    list: Option<&'w mut Option<usize>>,
}

impl ValueSeed<'_, '_> {
    fn scalar<E>(self, scalar: Scalar<'_>) -> Result<Kind, E> {
        self.walk.scalar(self.node, scalar);
        Ok(Kind::Scalar)
    }

    /// Walks over an object or a list with `walk`, as an element of its own if it is in a list.
    fn container<E: Error>(self, walk: impl FnOnce(&mut Walk<'_>, NodeId) -> Result<(), E>) -> Result<(), E> {
        self.walk.enter()?;
        match self.list {
            None => walk(self.walk, self.node)?,
            Some(list) => {
                let outer = self.walk.current;
                let (element, first_array) = self.walk.tree.begin_element(self.walk.program);
                self.walk.current = element;
                walk(self.walk, self.node)?;
                self.walk.tree.end_element(element, outer, list, first_array);
                self.walk.current = outer;
            }
        }
        self.walk.depth -= 1;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        self.scalar(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        self.scalar(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        self.scalar(Scalar::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        self.scalar(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        self.scalar(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        self.scalar(Scalar::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Kind, A::Error> {
        self.container(|walk, node| {
            let mut list = None;
            while elements.next_element_seed(ValueSeed { walk, node, list: Some(&mut list) })?.is_some() {}
            Ok(())
        })?;
        Ok(Kind::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Kind, A::Error> {
        self.container(|walk, node| {
            if !walk.program.has_children(node) {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            while let Some(child) = members.next_key_seed(NameSeed { program: walk.program, node })? {
                match child {
                    Some(node) => members.next_value_seed(ValueSeed { walk, node, list: None }).map(drop)?,
                    None => members.next_value::<IgnoredAny>().map(drop)?,
                }
            }
            Ok(())
        })?;
        Ok(Kind::Object)
    }
}

/// The name of a member: where it leads from a node, if some rule asks for it.
struct NameSeed<'p> {
    program: &'p Program,
    node: NodeId,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Option<NodeId>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<NodeId>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed<'_> {
    type Value = Option<NodeId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<NodeId>, E> {
        Ok(self.program.child(self.node, name))
    }
}
