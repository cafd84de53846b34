//! JSON as text, so that what a producer sent arrives as it was: the order of members, numbers of any
//! length, names given twice.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The document without the spaces between its parts.
pub(crate) fn compact(document: &str) -> String {
    let mut compacted = String::with_capacity(document.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in document.chars() {
        if in_string {
            compacted.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if !character.is_ascii_whitespace() {
            compacted.push(character);
            in_string = character == '"';
        }
    }
    compacted
}

/// Whether the text is one JSON document, an object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && is_document(text)
}

/// Whether the text is one JSON document.
pub(crate) fn is_document(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text of a JSON string, or nothing if it is another value.
pub(crate) fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spaces_go_but_in_strings() {
        let document = " { \"a\\\" \" : [ 1.0 , 2e5 ] ,\n\t\"b\" : \"c \\\\\" , \"b\": {} } ";
        assert_eq!(compact(document), r#"{"a\" ":[1.0,2e5],"b":"c \\","b":{}}"#);
    }

    proptest! {
        #[test]
        fn what_is_compact_means_the_same(text in "[ a\"\\\\é\n]{0,12}", number in -1e9..1e9) {
            let value = serde_json::json!({ text.clone(): [text, number, null, { "x": [] }] });
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), value.to_string());
        }
    }
}
