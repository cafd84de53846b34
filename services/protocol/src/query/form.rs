//! A form's parameters as a tree: `Tags.member.1.Key=a` lies under `Tags`, `member`, `1`, `Key`. The
//! elements of an XML document make a tree of the same kind.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::{ApiError, Clipped};

/// Most parameters of a form. The largest request in the service models that speak Query has
/// fewer than half as many.
pub const PARAMETERS_MAX: usize = 10_000;
/// Most parts of a parameter's name.
pub const PARAMETER_DEPTH_MAX: usize = 32;

/// The parameters below one name.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// What the name itself is given.
    pub(crate) text: Option<String>,
    /// By the part of the name that follows.
    pub(crate) below: BTreeMap<String, Form>,
    /// The elements of the same name that follow this one, in XML.
    pub(crate) more: Vec<Form>,
}

impl Form {
    pub(super) fn parse(form: &[u8]) -> Result<Self, ApiError> {
        let malformed = |message: String| ApiError::invalid("MalformedQueryString", message);
        let mut root = Self::default();
        for (number, (name, value)) in form_urlencoded::parse(form).enumerate() {
            if number == PARAMETERS_MAX {
                return Err(malformed(format!("The request has more than {PARAMETERS_MAX} parameters.")));
            }
            if name.split('.').nth(PARAMETER_DEPTH_MAX).is_some() {
                return Err(malformed(format!("A parameter's name has more than {PARAMETER_DEPTH_MAX} parts.")));
            }
            let place = name.split('.').fold(&mut root, |form, part| form.below.entry(part.into()).or_default());
            if place.text.replace(value.into_owned()).is_some() {
                return Err(malformed(format!("The parameter {} is given twice.", Clipped(&name))));
            }
        }
        Ok(root)
    }

    /// A parameter without others below it.
    pub(crate) fn of_text(text: String) -> Self {
        Self { text: Some(text), ..Self::default() }
    }

    /// A parameter that is given with one value or several, which are a list.
    pub(crate) fn of_texts(texts: impl Iterator<Item = String>) -> Option<Self> {
        let mut form = Self::default();
        for (number, text) in texts.take(PARAMETERS_MAX).enumerate() {
            form.text.get_or_insert_with(|| text.clone());
            form.below.insert((number + 1).to_string(), Self::of_text(text));
        }
        form.text.is_some().then_some(form)
    }

    /// Adds an element that ends.
    pub(crate) fn add(&mut self, name: String, element: Self) {
        match self.below.entry(name) {
            Entry::Vacant(place) => drop(place.insert(element)),
            Entry::Occupied(mut first) => first.get_mut().more.push(element),
        }
    }

    /// An element that ends: what it has is text or elements, never both.
    pub(crate) fn closed(mut self) -> Self {
        self.text = if self.below.is_empty() { Some(self.text.unwrap_or_default()) } else { None };
        self
    }

    /// Takes out the parameter called `name`.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.below.remove(name)?.text
    }

    /// What lies under numbers, in their order; under `member` or `entry` first, where that is
    /// how the list is written. In XML the elements of a list have one name, whichever it is.
    pub(super) fn numbered(&self, wrapper: &str) -> Vec<&Self> {
        let list = self.below.get(wrapper).filter(|_| self.below.len() == 1).unwrap_or(self);
        let number = |(part, form)| Some((str::parse::<u64>(part).ok()?, form));
        let mut numbered: Vec<(u64, &Self)> =
            list.below.iter().filter_map(|(part, form)| number((part.as_str(), form))).collect();
        if numbered.is_empty() && self.below.len() == 1 {
            return self.below.values().flat_map(|first| std::iter::once(first).chain(&first.more)).collect();
        }
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, form)| form).collect()
    }
}
