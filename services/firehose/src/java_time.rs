//! Java's `DateTimeFormatter` patterns, as far as they matter in object keys.

/// A pattern, translated into the notation of `strftime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JavaPattern(String);

impl JavaPattern {
    /// Reads a pattern such as `yyyy/MM/dd` or `'year='yyyy`.
    ///
    /// # Errors
    /// What is not a pattern, or not one that is supported, in words.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let mut format = String::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            let taken = if first == '\'' {
                quoted(rest, &mut format)?
            } else if first.is_ascii_alphabetic() {
                let run = rest.chars().take_while(|&letter| letter == first).count();
                format.push_str(
                    &field(first, run)
                        .ok_or_else(|| format!("timestamp pattern {pattern:?}: {} is not supported", &rest[..run]))?,
                );
                run
            } else if "[]{}#".contains(first) {
                return Err(format!("timestamp pattern {pattern:?}: {first} is reserved"));
            } else {
                literal(first, &mut format);
                first.len_utf8()
            };
            rest = &rest[taken..];
        }
        Ok(Self(format))
    }

    /// The moment in this form.
    pub(crate) fn format(&self, moment: &jiff::Zoned) -> String {
        moment.strftime(&self.0).to_string()
    }
}

/// Copies a quoted text, or the quote that two quotes stand for; returns the bytes read.
fn quoted(text: &str, format: &mut String) -> Result<usize, String> {
    let inside = &text[1..];
    if inside.starts_with('\'') {
        format.push('\'');
        return Ok(2);
    }
    let mut letters = inside.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            literal(letter, format);
        } else if letters.next_if(|&(_, next)| next == '\'').is_some() {
            format.push('\'');
        } else {
            return Ok(at + 2);
        }
    }
    Err(format!("timestamp pattern ends within the quoted text {text}"))
}

fn literal(letter: char, format: &mut String) {
    match letter {
        '%' => format.push_str("%%"),
        _ => format.push(letter),
    }
}

/// `strftime`'s notation for a run of one pattern letter.
fn field(letter: char, run: usize) -> Option<String> {
    let number = |padded: &str, plain: &str, width: usize| match run {
        1 => Some(plain.to_string()),
        _ if run == width => Some(padded.to_string()),
        _ => None,
    };
    match (letter, run) {
        ('y' | 'u', 2) => Some("%y".to_string()),
        ('y' | 'u', 1) => Some("%-Y".to_string()),
        ('y' | 'u', 4) => Some("%Y".to_string()),
        ('M' | 'L', 3) => Some("%b".to_string()),
        ('M' | 'L', 4) => Some("%B".to_string()),
        ('M' | 'L', _) => number("%m", "%-m", 2),
        ('d', _) => number("%d", "%-d", 2),
        ('D', _) => number("%j", "%-j", 3),
        ('E', 1..=3) => Some("%a".to_string()),
        ('E', 4) => Some("%A".to_string()),
        ('a', 1) => Some("%p".to_string()),
        ('H', _) => number("%H", "%-H", 2),
        ('h', _) => number("%I", "%-I", 2),
        ('m', _) => number("%M", "%-M", 2),
        ('s', _) => number("%S", "%-S", 2),
        ('S', 1..=9) => Some(format!("%{run}f")),
        ('Z', 1..=3) => Some("%z".to_string()),
        ('x', 3) => Some("%:z".to_string()),
        ('z', 1..=3) => Some("%Z".to_string()),
        ('V', 2) => Some("%Q".to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{Timestamp, tz::TimeZone};

    #[test]
    fn patterns_format_as_java_does() {
        // 2026-03-05T17:04:09.087Z, a Thursday.
        let moment = Timestamp::from_millisecond(1_772_730_249_087).unwrap().to_zoned(TimeZone::UTC);
        let cases = [
            ("yyyy/MM/dd/HH", "2026/03/05/17"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2026-03-05T17:04:09.087"),
            ("'year='yyyy'/month='MM", "year=2026/month=03"),
            ("yy M d H m s", "26 3 5 17 4 9"),
            ("hh a", "05 PM"),
            ("EEE EEEE MMM MMMM DDD", "Thu Thursday Mar March 064"),
            ("HH''mm '100%' 'o''clock'", "17'04 100% o'clock"),
            ("Z xxx", "+0000 +00:00"),
            ("", ""),
        ];
        for (pattern, expected) in cases {
            assert_eq!(JavaPattern::parse(pattern).unwrap().format(&moment), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (pattern, stem) in [("yyyy/QQ", "QQ"), ("yyyy'open", "quoted"), ("[HH]", "["), ("ddd", "ddd")] {
            let error = JavaPattern::parse(pattern).unwrap_err();
            assert!(error.contains(stem), "{pattern}: {error}");
        }
    }
}
