//! A decoder's mismatches in AWS's words: a layer on a serde deserializer that asks visitors for
//! [`Mismatch`]es instead of the deserializer's own errors.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::mismatch::{FirstMismatch, Mismatch};
use crate::structure::Structure;

/// What it holds (a deserializer, or a part that one hands out), with mismatches in AWS's words.
/// The first is kept in the second member on its way up.
pub(crate) struct Worded<'w, T>(pub(crate) T, pub(crate) &'w FirstMismatch);

/// An error of the layer below: a mismatch that was kept already, or a body that can't be read at
/// all, of which the caller says the same whatever the reason.
fn from_below<E>(_: E) -> Mismatch {
    Mismatch::told()
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Worded<'_, D> {
    type Error = Mismatch;

    /// What a deserializer is asked for by type, it also refuses by itself; asked for anything, it
    /// leaves that to the visitor.
    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.0.deserialize_any(Worded(visitor, self.1)).map_err(from_below)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.0.deserialize_option(Worded(visitor, self.1)).map_err(from_below)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        self.0.deserialize_newtype_struct(name, Worded(visitor, self.1)).map_err(from_below)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.0.deserialize_enum(name, variants, Worded(visitor, self.1)).map_err(from_below)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.0.deserialize_ignored_any(Worded(visitor, self.1)).map_err(from_below)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_any(Structure(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map identifier
    }
}

macro_rules! visit {
    ($($method:ident($value:ty))*) => { $(
        #[inline]
        fn $method<E: serde::de::Error>(self, value: $value) -> Result<V::Value, E> {
            self.0.$method(value).map_err(|mismatch| self.1.keep(mismatch))
        }
    )* };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Worded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    visit! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none().map_err(|mismatch| self.1.keep(mismatch))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit().map_err(|mismatch| self.1.keep(mismatch))
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Worded(deserializer, self.1)).map_err(|mismatch| self.1.keep(mismatch))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Worded(deserializer, self.1)).map_err(|mismatch| self.1.keep(mismatch))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Worded(list, self.1)).map_err(|mismatch| self.1.keep(mismatch))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Worded(map, self.1)).map_err(|mismatch| self.1.keep(mismatch))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Worded(variant, self.1)).map_err(|mismatch| self.1.keep(mismatch))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Worded<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Worded(deserializer, self.1)).map_err(|mismatch| self.1.keep(mismatch))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Worded<'_, A> {
    type Error = Mismatch;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        self.0.next_element_seed(Worded(seed, self.1)).map_err(from_below)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Worded<'_, A> {
    type Error = Mismatch;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        self.0.next_key_seed(Worded(seed, self.1)).map_err(from_below)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        self.0.next_value_seed(Worded(seed, self.1)).map_err(from_below)
    }
}

impl<'de, 'w, A: EnumAccess<'de>> EnumAccess<'de> for Worded<'w, A> {
    type Error = Mismatch;
    type Variant = Worded<'w, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Mismatch> {
        let (value, variant) = self.0.variant_seed(Worded(seed, self.1)).map_err(from_below)?;
        Ok((value, Worded(variant, self.1)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Worded<'_, A> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        self.0.unit_variant().map_err(from_below)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mismatch> {
        self.0.newtype_variant_seed(Worded(seed, self.1)).map_err(from_below)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.0.tuple_variant(len, Worded(visitor, self.1)).map_err(from_below)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.0.struct_variant(fields, Worded(visitor, self.1)).map_err(from_below)
    }
}
