//! Reads a JSON body together with the members that are outside of it.

use std::cell::RefCell;
use std::collections::btree_map;
use std::fmt;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::mismatch::{FirstMismatch, Mismatch};
use crate::query::{Form, Parameter};
use crate::worded::Worded;

/// Why an input could not be read.
pub(super) enum Refused {
    /// A member outside the body is not of its type.
    Member(String),
    /// The body.
    Body(String),
}

pub(super) fn decode<'de, T: Deserialize<'de>>(members: &'de Form, body: &'de [u8]) -> Result<T, Refused> {
    let (first, misfit) = (FirstMismatch::default(), RefCell::new(None));
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = T::deserialize(Joined { body: Worded(&mut json, &first), members, misfit: &misfit });
    if let Some(why) = misfit.take() {
        return Err(Refused::Member(why));
    }
    match (first.take(), value) {
        (None, Ok(value)) if json.end().is_ok() => Ok(value),
        (Some(mismatch), _) => Err(Refused::Body(mismatch.into_words())),
        (None, _) => Err(Refused::Body("The body is not JSON, or nested too deeply".into())),
    }
}

/// Why a member outside the body does not fit.
type Misfits<'a> = RefCell<Option<String>>;

/// A structure whose members come from two places.
struct Joined<'de, 'a, D> {
    body: D,
    members: &'de Form,
    misfit: &'a Misfits<'a>,
}

impl<'de, D: Deserializer<'de, Error = Mismatch>> Deserializer<'de> for Joined<'de, '_, D> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let members = self.members.below.iter();
        self.body.deserialize_any(JoinedVisitor { visitor, members, misfit: self.misfit })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct JoinedVisitor<'de, 'a, V> {
    visitor: V,
    members: btree_map::Iter<'de, String, Form>,
    misfit: &'a Misfits<'a>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for JoinedVisitor<'de, '_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, body: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(JoinedMembers { body, members: self.members, member: None, misfit: self.misfit })
    }

    /// Structures are maps on the wire.
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self))
    }
}

struct JoinedMembers<'de, 'a, A> {
    body: A,
    members: btree_map::Iter<'de, String, Form>,
    /// The member whose value comes next, if it is not the body's.
    member: Option<(&'de str, &'de Form)>,
    misfit: &'a Misfits<'a>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for JoinedMembers<'de, '_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        match self.members.next() {
            Some((name, form)) => {
                self.member = Some((name, form));
                let name: StrDeserializer<'de, A::Error> = name.as_str().into_deserializer();
                seed.deserialize(name).map(Some)
            }
            None => self.body.next_key_seed(seed),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let Some((name, form)) = self.member.take() else { return self.body.next_value_seed(seed) };
        seed.deserialize(Parameter { form, name }).map_err(|misfit| {
            let error = <A::Error as serde::de::Error>::custom(&misfit);
            self.misfit.replace(Some(misfit.to_string()));
            error
        })
    }
}
