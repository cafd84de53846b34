//! Pieces of events, written without a tree of values in between.

/// Appends `text` as a JSON string, quotes included.
pub(super) fn json_string(buffer: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        buffer.push(b'"');
    } else {
        buffer.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_where_they_have_to_be() {
        for text in ["", "plain", "ä €", "a \"quoted\" \\ one", "line\nbreak\u{1}", "\u{7f}\u{2028}"] {
            let mut buffer = Vec::new();
            json_string(&mut buffer, text);
            assert_eq!(serde_json::from_slice::<String>(&buffer).unwrap(), text);
        }
    }
}
