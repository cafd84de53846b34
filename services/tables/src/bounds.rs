//! Bounds of large requests, checked before one is decoded: what lists and values take in memory is
//! many times what they take in JSON. Requests within these are refused by the engine, which knows
//! each limit, if they are over DynamoDB's.

use std::fmt;
use std::sync::Arc;

use anabranch_protocol::ApiError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::{lower_camel, validation};

/// Bytes of a body from which it is looked through; a smaller one can't take much memory.
const LOOKED_THROUGH_BYTES_MIN: usize = 64 << 10;
/// Members of a list of structures, such as a transaction's actions, that are decoded.
const LIST_DECODED_MAX: usize = 1_000;
/// Attribute values in a request for one item: each takes a byte at least of the 400 KB of an item.
const ITEM_VALUES_MAX: usize = 409_600;
/// Attributes, and placeholders of expressions, in a request for one item: an attribute takes two
/// bytes at least of the 400 KB of an item, and some 200 bytes of memory while it is decoded.
const ITEM_MEMBERS_MAX: usize = 204_800;
/// Attribute values, and attributes, in a request for many items; they take up to 200 MB while they
/// are decoded.
const REQUEST_VALUES_MAX: usize = 1_000_000;

/// Bytes of an attribute's name.
const ATTRIBUTE_NAME_BYTES_MAX: usize = 65_535;

/// DynamoDB's limits of lists, by member.
const LISTS: [(&str, usize); 8] = [
    ("TransactItems", 100),
    ("TransactStatements", 100),
    ("Statements", 25),
    ("Keys", 100),
    ("RequestItems", 25),
    ("Tags", 50),
    ("TagKeys", 50),
    ("KeySchema", 2),
];
/// Members that hold placeholders of expressions.
const PLACEHOLDERS: [&str; 2] = ["ExpressionAttributeNames", "ExpressionAttributeValues"];
/// The types of values, each the one member of a map.
const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];
/// Operations on many items.
const MANY_ITEMS: [&str; 6] = [
    "BatchExecuteStatement",
    "BatchGetItem",
    "BatchWriteItem",
    "ExecuteTransaction",
    "TransactGetItems",
    "TransactWriteItems",
];

/// Looks through `body`, if it is large.
///
/// # Errors
/// `ValidationException` in DynamoDB's words about the list or item that is too long. A body that
/// can't be read is left to the decoder.
pub(crate) fn check(operation: &str, body: &[u8]) -> Result<(), ApiError> {
    if body.len() < LOOKED_THROUGH_BYTES_MIN {
        return Ok(());
    }
    let is_for_many = MANY_ITEMS.contains(&operation);
    let (values_max, members_max) =
        if is_for_many { (REQUEST_VALUES_MAX, REQUEST_VALUES_MAX) } else { (ITEM_VALUES_MAX, ITEM_MEMBERS_MAX) };
    let mut look = Look { values: 0, values_max, members: 0, members_max, excess: None };
    let mut json = serde_json::Deserializer::from_slice(body);
    let looked = Member { look: &mut look, list: None, under: None, is_value: false }.deserialize(&mut json);
    match (looked, look.excess) {
        (Err(_), Some(excess)) => Err(validation(&excess.message())),
        _ => Ok(()),
    }
}

enum Excess {
    List {
        member: String,
        max: usize,
    },
    /// Of the placeholders of an expression.
    Placeholders {
        member: String,
        max: usize,
    },
    Values,
    Name,
}

impl Excess {
    fn message(&self) -> String {
        match self {
            Self::Values => "Item size has exceeded the maximum allowed size".to_string(),
            Self::Placeholders { member, max } => {
                format!("{member} contains too many members; a request has at most {max} of them")
            }
            Self::Name => format!(
                "One or more parameter values were invalid: Attribute name is too large, must be less than {} bytes",
                ATTRIBUTE_NAME_BYTES_MAX + 1
            ),
            Self::List { member, max } => format!(
                "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length less \
                 than or equal to {max}",
                lower_camel(member)
            ),
        }
    }
}

struct Look {
    values: usize,
    values_max: usize,
    /// Members of maps, but for those of the request and for the types of values.
    members: usize,
    members_max: usize,
    excess: Option<Excess>,
}

/// One JSON value of the request.
struct Member<'a> {
    look: &'a mut Look,
    /// The member by which the lists in here are known: the nearest one around that has a limit.
    list: Option<String>,
    /// The member of the request that this is in; none for the request itself.
    under: Option<Arc<str>>,
    /// Whether this is within an attribute value.
    is_value: bool,
}

impl Member<'_> {
    fn exceeds<E: Error>(&mut self, excess: Excess) -> E {
        self.look.excess = Some(excess);
        E::custom("too long")
    }

    fn too_many_members(&self) -> Excess {
        match self.under.as_deref() {
            Some(member) if PLACEHOLDERS.contains(&member) => {
                Excess::Placeholders { member: member.to_string(), max: self.look.members_max }
            }
            _ => Excess::Values,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name.len() > ATTRIBUTE_NAME_BYTES_MAX {
                return Err(self.exceeds(Excess::Name));
            }
            if self.under.is_some() && !TYPES.contains(&&*name) {
                self.look.members += 1;
                if self.look.members > self.look.members_max {
                    let excess = self.too_many_members();
                    return Err(self.exceeds(excess));
                }
            }
            let is_list = !self.is_value && LISTS.iter().any(|(member, _)| *member == name);
            let list = if is_list { Some(name.to_string()) } else { self.list.clone() };
            let is_value = self.is_value || matches!(&*name, "L" | "M" | "SS" | "NS" | "BS");
            let under = self.under.clone().unwrap_or_else(|| name.as_ref().into());
            map.next_value_seed(Member { look: self.look, list, under: Some(under), is_value })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut length = 0;
        while seq
            .next_element_seed(Member {
                look: self.look,
                list: self.list.clone(),
                under: self.under.clone(),
                is_value: self.is_value,
            })?
            .is_some()
        {
            length += 1;
            self.look.values += usize::from(self.is_value);
            if self.look.values > self.look.values_max {
                return Err(self.exceeds(Excess::Values));
            }
            if !self.is_value && length > LIST_DECODED_MAX {
                let limited = LISTS.iter().find(|(member, _)| Some(*member) == self.list.as_deref());
                let (member, max) = limited.map_or(("list", LIST_DECODED_MAX), |(member, max)| (*member, *max));
                return Err(self.exceeds(Excess::List { member: member.to_string(), max }));
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(operation: &str, body: String) -> String {
        check(operation, body.as_bytes()).expect_err("it is over a limit").message
    }

    #[test]
    fn what_is_too_long_is_not_decoded() {
        let million = vec!["{}"; 1_000_000].join(",");
        let message = refused("TransactWriteItems", format!("{{\"TransactItems\": [{million}]}}"));
        assert!(message.ends_with(
            "'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"
        ));
        let message = refused("BatchWriteItem", format!("{{\"RequestItems\": {{\"t\": [{million}]}}}}"));
        assert!(message.contains("'requestItems'") && message.ends_with("25"), "{message}");
        let message = refused("BatchGetItem", format!("{{\"RequestItems\": {{\"t\": {{\"Keys\": [{million}]}}}}}}"));
        assert!(message.contains("'keys'") && message.ends_with(" 100"), "{message}");
        let message = refused("PutItem", format!("{{\"Item\": {{\"a\": {{\"L\": [{million}]}}}}}}"));
        assert_eq!(message, "Item size has exceeded the maximum allowed size");
        let nested = format!("[{}]", vec![format!("{{\"L\": [{}]}}", vec!["{}"; 1_000].join(",")); 1_000].join(","));
        assert!(refused("PutItem", format!("{{\"Item\": {{\"a\": {{\"L\": {nested}}}}}}}")).starts_with("Item size"));
    }

    #[test]
    fn attributes_and_placeholders_are_bounded() {
        let members = |count: usize, value: &str| {
            let members = (0..count).map(|number| format!("\"#{number}\": {value}")).collect::<Vec<_>>();
            members.join(",")
        };
        let over = ITEM_MEMBERS_MAX + 1;
        let item = |count: usize| format!("{{\"Item\": {{{}}}}}", members(count, "{\"S\": \"\"}"));
        assert_eq!(refused("PutItem", item(over)), "Item size has exceeded the maximum allowed size");
        check("PutItem", item(ITEM_MEMBERS_MAX).as_bytes()).unwrap();
        let names = format!("{{\"ExpressionAttributeNames\": {{{}}}}}", members(over, "\"a\""));
        let message = refused("UpdateItem", names);
        assert_eq!(message, "ExpressionAttributeNames contains too many members; a request has at most 204800 of them");
        let batch = format!("{{\"RequestItems\": {{\"t\": [{{\"PutRequest\": {}}}]}}}}", item(over));
        check("BatchWriteItem", batch.as_bytes()).unwrap();
    }

    #[test]
    fn an_attributes_name_is_bounded() {
        let item = |bytes: usize| format!("{{\"Item\": {{\"{}\": {{\"N\": \"1\"}}}}}}", "n".repeat(bytes));
        check("PutItem", item(ATTRIBUTE_NAME_BYTES_MAX).as_bytes()).unwrap();
        assert!(refused("PutItem", item(ATTRIBUTE_NAME_BYTES_MAX + 1)).contains("Attribute name is too large"));
    }

    #[test]
    fn what_may_be_allowed_is_left_to_the_engine() {
        let many = vec!["{\"N\": \"1\"}"; 100_000].join(",");
        check("PutItem", format!("{{\"Item\": {{\"a\": {{\"L\": [{many}]}}}}}}").as_bytes()).unwrap();
        check("PutItem", "[".repeat(100_000).as_bytes()).unwrap();
    }
}
