//! The service models' constraints, declared once per shape and reported as AWS words them.

use std::fmt::{self, Display};

use crate::{ApiError, BoundedList, BoundedMap, Clipped};

/// Most violations that one message names. AWS names ten too.
pub const VIOLATIONS_MAX: usize = 10;

/// A regular expression as a model writes it, and what it means.
pub type Pattern = (&'static str, fn(&str) -> bool);

/// A string shape of a service model.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Least number of characters.
    pub min: usize,
    /// Greatest number of characters.
    pub max: usize,
    /// What the text must match, if anything.
    pub pattern: Option<Pattern>,
    /// The values allowed, or empty for any.
    pub one_of: &'static [&'static str],
}

impl Text {
    fn allows(&self, text: &str) -> bool {
        (self.min..=self.max).contains(&text.chars().count())
            && self.pattern.is_none_or(|(_, matches)| matches(text))
            && (self.one_of.is_empty() || self.one_of.contains(&text))
    }

    /// All of them, as a message about a list's or a map's members names them.
    fn constraints(&self) -> String {
        let is_bounded = self.max < usize::MAX;
        let most = is_bounded.then(|| format!("Member must have length less than or equal to {}", self.max));
        let least = is_bounded.then(|| format!("Member must have length greater than or equal to {}", self.min));
        let pattern =
            self.pattern.map(|(pattern, _)| format!("Member must satisfy regular expression pattern: {pattern}"));
        let one_of = (!self.one_of.is_empty())
            .then(|| format!("Member must satisfy enum value set: [{}]", self.one_of.join(", ")));
        [most, least, pattern, one_of].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// An integer shape of a service model.
#[derive(Debug, Clone, Copy)]
pub struct Integer {
    /// Least value.
    pub min: i64,
    /// Greatest value.
    pub max: i64,
}

/// A list or map shape of a service model.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Least number of members.
    pub min: usize,
    /// Greatest number of members.
    pub max: usize,
}

/// What a request violates; it is reported together, up to [`VIOLATIONS_MAX`]. Values are repeated
/// as far as [`Clipped`] shows them.
#[derive(Debug, Default)]
pub struct Violations {
    reported: Vec<String>,
    count: usize,
}

impl Violations {
    /// Requires the member at `path`.
    pub fn required<T>(&mut self, path: impl Display, value: Option<&T>) {
        if value.is_none() {
            self.note(format_args!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
        }
    }

    /// Requires a string, and checks it.
    pub fn required_text(&mut self, path: impl Display, value: Option<&str>, shape: &Text) {
        self.required(&path, value.as_ref());
        self.text(path, value, shape);
    }

    /// Requires an integer, and checks it.
    pub fn required_integer(&mut self, path: impl Display, value: Option<i64>, shape: &Integer) {
        self.required(&path, value.as_ref());
        self.integer(path, value, shape);
    }

    /// Checks a string, if present.
    pub fn text(&mut self, path: impl Display, value: Option<&str>, shape: &Text) {
        let Some(value) = value else { return };
        let length = value.chars().count();
        if let Some((pattern, matches)) = shape.pattern
            && !matches(value)
        {
            self.add(&path, value, format_args!("Member must satisfy regular expression pattern: {pattern}"));
        }
        if length > shape.max {
            self.add(&path, value, format_args!("Member must have length less than or equal to {}", shape.max));
        }
        if length < shape.min {
            self.add(&path, value, format_args!("Member must have length greater than or equal to {}", shape.min));
        }
        if !shape.one_of.is_empty() && !shape.one_of.contains(&value) {
            let values = shape.one_of.join(", ");
            self.add(&path, value, format_args!("Member must satisfy enum value set: [{values}]"));
        }
    }

    /// Checks an integer, if present.
    pub fn integer(&mut self, path: impl Display, value: Option<i64>, shape: &Integer) {
        let Some(value) = value else { return };
        if value > shape.max {
            self.add(&path, value, format_args!("Member must have value less than or equal to {}", shape.max));
        }
        if value < shape.min {
            self.add(&path, value, format_args!("Member must have value greater than or equal to {}", shape.min));
        }
    }

    /// Checks the length of a blob, in bytes, which is not repeated in the message.
    pub fn blob(&mut self, path: impl Display, length: usize, max: usize) {
        if length > max {
            self.note(format_args!(
                "Value at '{path}' failed to satisfy constraint: Member must have length less than or equal to {max}"
            ));
        }
    }

    /// Checks the length of a list of structures; they are not repeated in the message. `length` is
    /// how many the request has, see [`BoundedList::count`].
    pub fn list(&mut self, path: impl Display, length: usize, shape: &List) {
        self.blob(&path, length, shape.max);
        if length < shape.min {
            self.add(&path, "[]", format_args!("Member must have length greater than or equal to {}", shape.min));
        }
    }

    /// Checks a list of strings and its members.
    pub fn texts<const MAX: usize>(
        &mut self,
        path: impl Display,
        members: &BoundedList<String, MAX>,
        shape: &List,
        member: &Text,
    ) {
        let value = Joined { members: members.iter(), left_out: members.count() - members.len(), ends: ['[', ']'] };
        self.length(&path, &value, members.count(), shape);
        if !members.iter().all(|text| member.allows(text)) {
            self.add(&path, value, format_args!("Member must satisfy constraint: [{}]", member.constraints()));
        }
    }

    /// Checks a map of strings, its keys and its values.
    pub fn text_map<const MAX: usize>(
        &mut self,
        path: impl Display,
        members: &BoundedMap<String, MAX>,
        shape: &List,
        key: &Text,
        value: &Text,
    ) {
        let pairs = members.iter().map(|(key, value)| Pair(key, value));
        let text = Joined { members: pairs, left_out: members.count() - members.len(), ends: ['{', '}'] };
        self.length(&path, &text, members.count(), shape);
        if !members.keys().all(|text| key.allows(text)) {
            self.add(&path, &text, format_args!("Map keys must satisfy constraint: [{}]", key.constraints()));
        }
        if !members.values().all(|text| value.allows(text)) {
            self.add(&path, &text, format_args!("Map value must satisfy constraint: [{}]", value.constraints()));
        }
    }

    fn length(&mut self, path: &impl Display, value: impl Display, length: usize, shape: &List) {
        if length > shape.max {
            self.add(path, &value, format_args!("Member must have length less than or equal to {}", shape.max));
        }
        if length < shape.min {
            self.add(path, &value, format_args!("Member must have length greater than or equal to {}", shape.min));
        }
    }

    fn add(&mut self, path: &impl Display, value: impl Display, constraint: impl Display) {
        let value = Clipped(value);
        self.note(format_args!("Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"));
    }

    /// Notes a violation. The text is made only if it is reported.
    fn note(&mut self, violation: fmt::Arguments<'_>) {
        self.count += 1;
        if self.reported.len() < VIOLATIONS_MAX {
            self.reported.push(violation.to_string());
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// `ValidationException` that counts all violations and names the first.
    pub fn finish(self) -> Result<(), ApiError> {
        let errors = match self.count {
            0 => return Ok(()),
            1 => "1 validation error".to_string(),
            count => format!("{count} validation errors"),
        };
        Err(ApiError::validation(format!("{errors} detected: {}", self.reported.join("; "))))
    }
}

/// Members as AWS repeats those of a list or a map; `…` stands for those that were not kept.
#[derive(Clone)]
struct Joined<I> {
    members: I,
    left_out: usize,
    ends: [char; 2],
}

impl<I: Iterator<Item: Display> + Clone> Display for Joined<I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [begin, end] = self.ends;
        write!(formatter, "{begin}")?;
        for (number, member) in self.members.clone().enumerate() {
            write!(formatter, "{}{member}", if number == 0 { "" } else { ", " })?;
        }
        write!(formatter, "{}{end}", if self.left_out == 0 { "" } else { ", …" })
    }
}

/// An entry of a map.
struct Pair<'a>(&'a str, &'a str);

impl Display for Pair<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;

    const NAME: Text = Text {
        min: 1,
        max: 3,
        pattern: Some(("[a-z]+", |text| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase()))),
        one_of: &[],
    };

    fn message(check: impl FnOnce(&mut Violations)) -> String {
        let mut violations = Violations::default();
        check(&mut violations);
        violations.finish().map_or_else(|error| error.message, |()| String::new())
    }

    #[test]
    fn messages_read_as_those_of_aws() {
        assert_eq!(message(|violations| violations.text("streamName", Some("abc"), &NAME)), "");
        assert_eq!(
            message(|violations| violations.text("streamName", Some("abcd"), &NAME)),
            "1 validation error detected: Value 'abcd' at 'streamName' failed to satisfy constraint: \
             Member must have length less than or equal to 3"
        );
        assert_eq!(
            message(|violations| {
                violations.text("streamName", Some(""), &NAME);
                violations.required::<String>("data", None);
            }),
            "3 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [a-z]+; Value '' at 'streamName' failed to satisfy \
             constraint: Member must have length greater than or equal to 1; Value null at 'data' failed to satisfy \
             constraint: Member must not be null"
        );
        let keys: BoundedList<String, 2> = vec!["ab".to_string(), "abcd".to_string()].into();
        assert_eq!(
            message(|violations| violations.texts("tagKeys", &keys, &List { min: 1, max: 1 }, &NAME)),
            "2 validation errors detected: Value '[ab, abcd]' at 'tagKeys' failed to satisfy constraint: Member must have \
             length less than or equal to 1; Value '[ab, abcd]' at 'tagKeys' failed to satisfy constraint: Member must \
             satisfy constraint: [Member must have length less than or equal to 3, Member must have length greater than \
             or equal to 1, Member must satisfy regular expression pattern: [a-z]+]"
        );
        let tags: BoundedMap<String, 2> = Encoding::Json.decode(br#"{"a": "1", "B": "2"}"#).unwrap();
        let any = Text { min: 0, max: 256, pattern: None, one_of: &[] };
        assert_eq!(
            message(|violations| violations.text_map("tags", &tags, &List { min: 1, max: 9 }, &NAME, &any)),
            "1 validation error detected: Value '{B=2, a=1}' at 'tags' failed to satisfy constraint: Map keys must satisfy \
             constraint: [Member must have length less than or equal to 3, Member must have length greater than or equal \
             to 1, Member must satisfy regular expression pattern: [a-z]+]"
        );
        let limit = Integer { min: 1, max: 10_000 };
        assert_eq!(
            message(|violations| violations.integer("limit", Some(0), &limit)),
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: \
             Member must have value greater than or equal to 1"
        );
    }

    #[test]
    fn hostile_lists_and_values_make_short_messages() {
        let many: BoundedList<String, 2> = Encoding::Json.decode(br#"["ab", "b", "c", "d"]"#).unwrap();
        let refused = message(|violations| violations.texts("tagKeys", &many, &List { min: 1, max: 1 }, &NAME));
        assert!(refused.contains("Value '[ab, b, …]' at 'tagKeys'"), "{refused}");
        let long = "x".repeat(2 * crate::REPEATED_CHARS_MAX);
        let refused = message(|violations| {
            for number in 0..100 {
                violations.text(format_args!("records.{number}.member.partitionKey"), Some(&long), &NAME);
            }
        });
        assert!(refused.starts_with("100 validation errors detected: Value 'xxx"), "{}", &refused[..60]);
        assert!(refused.contains("records.9.member") && !refused.contains("records.10.member"));
        assert!(refused.len() < VIOLATIONS_MAX * (crate::REPEATED_CHARS_MAX + 300), "{}", refused.len());
    }
}
