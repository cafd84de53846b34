//! SNS's message attributes as an event.

use serde_json::{Map, Value};

/// A message attribute: its data type, with or without a custom label such as in
/// `Number.int`, and its value as text.
#[derive(Debug, Clone, Copy)]
pub struct MessageAttribute<'a> {
    /// `String`, `String.Array`, `Number` or `Binary`.
    pub data_type: &'a str,
    /// `StringValue`; nothing for a binary attribute.
    pub string_value: &'a str,
}

/// The event that a policy on message attributes is matched with. Binary attributes, and
/// numbers and arrays that are none, are left out ("Filter policy constraints").
pub fn event_of_attributes<'a>(attributes: impl IntoIterator<Item = (&'a str, MessageAttribute<'a>)>) -> Value {
    let value = |attribute: MessageAttribute<'_>| match attribute.data_type {
        "String.Array" => serde_json::from_str(attribute.string_value).ok().filter(Value::is_array),
        data_type => match data_type.split('.').next() {
            Some("String") => Some(attribute.string_value.into()),
            Some("Number") => serde_json::from_str(attribute.string_value).ok().filter(Value::is_number),
            _ => None,
        },
    };
    let members = attributes.into_iter().filter_map(|(name, attribute)| Some((name.to_owned(), value(attribute)?)));
    Value::Object(members.collect::<Map<_, _>>())
}
