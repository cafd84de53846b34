//! A form's parameters as a tree: `Tags.member.1.Key=a` lies under `Tags`, `member`, `1`, `Key`.

use std::collections::BTreeMap;

use crate::{ApiError, Clipped};

/// Most parameters of a form. The largest request in the service models that speak Query has
/// fewer than half as many.
pub const PARAMETERS_MAX: usize = 10_000;
/// Most parts of a parameter's name.
pub const PARAMETER_DEPTH_MAX: usize = 32;

/// The parameters below one name.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// What the name itself is given.
    pub(super) text: Option<String>,
    /// By the part of the name that follows.
    pub(super) below: BTreeMap<String, Form>,
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

    /// Takes out the parameter called `name`.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.below.remove(name)?.text
    }

    /// What lies under numbers, in their order; under `member` or `entry` first, where that is
    /// how the list is written.
    pub(super) fn numbered(&self, wrapper: &str) -> Vec<&Self> {
        let list = self.below.get(wrapper).filter(|_| self.below.len() == 1).unwrap_or(self);
        let number = |(part, form)| Some((str::parse::<u64>(part).ok()?, form));
        let mut numbered: Vec<(u64, &Self)> =
            list.below.iter().filter_map(|(part, form)| number((part.as_str(), form))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, form)| form).collect()
    }
}
