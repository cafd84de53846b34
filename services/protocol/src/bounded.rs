//! Lists and maps that keep no more members than their shape allows, however many a request has.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A list of a request that keeps its first `MAX` members and counts the rest, so that a hostile
/// one costs no memory and the message can still say what was violated. It reads as a slice of
/// what it keeps; check [`BoundedList::count`] (with [`crate::Violations::list`], say) before its
/// members are used.
///
/// ```
/// use anabranch_protocol::{BoundedList, Encoding};
/// let list: BoundedList<String, 2> = Encoding::Json.decode(br#"["a", "b", "c"]"#)?;
/// assert_eq!((list.len(), list.count()), (2, 3));
/// # Ok::<(), anabranch_protocol::ApiError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundedList<T, const MAX: usize> {
    kept: Vec<T>,
    count: usize,
}

impl<T, const MAX: usize> BoundedList<T, MAX> {
    /// How many members the request has, kept or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The members that were kept.
    pub fn into_vec(self) -> Vec<T> {
        self.kept
    }
}

impl<T, const MAX: usize> Default for BoundedList<T, MAX> {
    fn default() -> Self {
        Self { kept: Vec::new(), count: 0 }
    }
}

impl<T, const MAX: usize> Deref for BoundedList<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.kept
    }
}

/// A list made by the program; members beyond `MAX` are only counted.
impl<T, const MAX: usize> From<Vec<T>> for BoundedList<T, MAX> {
    fn from(mut kept: Vec<T>) -> Self {
        let count = kept.len();
        kept.truncate(MAX);
        Self { kept, count }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedList<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = BoundedList<T, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MAX {
            match members.next_element()? {
                Some(member) => kept.push(member),
                None => return Ok(BoundedList { count: kept.len(), kept }),
            }
        }
        let mut count = kept.len();
        while members.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(BoundedList { kept, count })
    }
}

/// A map of a request, by key, that keeps no more than `MAX` members and counts the rest. A key
/// that comes again among those kept replaces its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundedMap<V, const MAX: usize> {
    kept: BTreeMap<String, V>,
    count: usize,
}

impl<V, const MAX: usize> BoundedMap<V, MAX> {
    /// How many members the request has, kept or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The members that were kept.
    pub fn into_map(self) -> BTreeMap<String, V> {
        self.kept
    }
}

impl<V, const MAX: usize> Default for BoundedMap<V, MAX> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), count: 0 }
    }
}

impl<V, const MAX: usize> Deref for BoundedMap<V, MAX> {
    type Target = BTreeMap<String, V>;

    fn deref(&self) -> &BTreeMap<String, V> {
        &self.kept
    }
}

impl<'de, V: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedMap<V, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

struct MapVisitor<V, const MAX: usize>(PhantomData<V>);

impl<'de, V: Deserialize<'de>, const MAX: usize> Visitor<'de> for MapVisitor<V, MAX> {
    type Value = BoundedMap<V, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut kept = BTreeMap::new();
        let mut more = 0;
        while let Some(key) = members.next_key::<String>()? {
            if kept.len() < MAX || kept.contains_key(&key) {
                kept.insert(key, members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
                more += 1;
            }
        }
        Ok(BoundedMap { count: kept.len() + more, kept })
    }
}
