//! Reads a form into an operation's input. The type that is read says what a name stands for: the
//! same `Name.1` is the first of a list or a member called `1`.

use std::fmt::Display;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};

use super::form::Form;
use crate::encoding::MOMENT;

/// Why a parameter does not fit; the path grows as it is handed up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misfit(String);

impl serde::de::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A parameter and what lies below it.
#[derive(Clone)]
pub(crate) struct Parameter<'de> {
    pub(crate) form: &'de Form,
    pub(crate) name: &'de str,
}

impl<'de> Parameter<'de> {
    pub(crate) fn root(form: &'de Form) -> Self {
        Self { form, name: "" }
    }

    fn text(&self) -> Result<&'de str, Misfit> {
        self.form.text.as_deref().ok_or_else(|| Misfit(format!("The parameter {} has no value.", self.name)))
    }

    fn parsed<T: std::str::FromStr>(&self, what: &str) -> Result<T, Misfit> {
        self.text()?.trim().parse().map_err(|_| Misfit(format!("The parameter {} must be {what}.", self.name)))
    }

    fn under(&self, form: &'de Form) -> Self {
        Self { form, name: self.name }
    }
}

impl<'de> IntoDeserializer<'de, Misfit> for Parameter<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $what:literal;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.$visit(self.parsed($what)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Parameter<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.form.below.is_empty() {
            visitor.visit_borrowed_str(self.text()?)
        } else {
            self.deserialize_struct("", &[], visitor)
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.text()?.trim() {
            "true" | "True" | "TRUE" | "1" => visitor.visit_bool(true),
            "false" | "False" | "FALSE" | "0" => visitor.visit_bool(false),
            _ => Err(Misfit(format!("The parameter {} must be true or false.", self.name))),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 "a whole number";
        deserialize_i16 visit_i16 "a whole number";
        deserialize_i32 visit_i32 "a whole number";
        deserialize_i64 visit_i64 "a whole number";
        deserialize_u8 visit_u8 "a whole number of at least 0";
        deserialize_u16 visit_u16 "a whole number of at least 0";
        deserialize_u32 visit_u32 "a whole number of at least 0";
        deserialize_u64 visit_u64 "a whole number of at least 0";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    /// Moments are in ISO 8601; all other newtypes are what is in them.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        if name != MOMENT {
            return visitor.visit_newtype_struct(self);
        }
        let moment: jiff::Timestamp = self.parsed("a time such as 2026-11-21T14:25:00Z")?;
        visitor.visit_f64(moment.as_millisecond() as f64 / 1000.0)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let members = self.form.numbered("member").into_iter().map(|form| self.under(form));
        visitor.visit_seq(SeqDeserializer::new(members))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let part = |form: &'de Form, names: [&str; 3]| names.into_iter().find_map(|name| form.below.get(name));
        let entry = |form: &'de Form| {
            let key = part(form, ["key", "Key", "Name"]).and_then(|key| key.text.as_deref());
            let key = key.ok_or_else(|| Misfit(format!("An entry of the parameter {} has no key.", self.name)))?;
            let value = part(form, ["value", "Value", "Value"]);
            let value =
                value.ok_or_else(|| Misfit(format!("The entry {key} of the parameter {} has no value.", self.name)))?;
            Ok((key, Parameter { form: value, name: key }))
        };
        let entries = self.form.numbered("entry").into_iter().map(entry).collect::<Result<Vec<_>, Misfit>>()?;
        visitor.visit_map(MapDeserializer::new(entries.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let members = self.form.below.iter().map(|(name, form)| (name.as_str(), Parameter { form, name }));
        visitor.visit_map(MapDeserializer::new(members))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let text: StrDeserializer<'_, Misfit> = self.text()?.into_deserializer();
        let allowed = variants.join(", ");
        text.deserialize_enum(name, variants, visitor)
            .map_err(|_| Misfit::custom(format!("The parameter {} must be one of {allowed}.", self.name)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct identifier }
}
