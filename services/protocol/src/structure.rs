//! Structures are maps on the wire: a list whose elements would be read as members by their position,
//! as serde would have it, is none.

use std::fmt;

use serde::de::{MapAccess, Visitor};

/// A structure's visitor that takes maps only.
pub(crate) struct Structure<V>(pub(crate) V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Structure<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(map)
    }
}
