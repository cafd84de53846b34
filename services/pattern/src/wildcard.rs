//! `wildcard`: `*` stands for any characters, `\*` and `\\` for themselves.

use memchr::memmem::Finder;

/// A wildcard expression, split at its stars. Matching takes each piece at its first
/// place, which is right because a star behind it can hold all the rest, and needs no
/// going back: the time is that of searching the text once a piece at worst.
#[derive(Debug, Clone)]
pub(crate) struct Wildcard {
    /// Before the first star; the whole text if there is none.
    first: Vec<u8>,
    /// Between two stars.
    middle: Vec<Finder<'static>>,
    /// Behind the last star; `None` if there is none.
    last: Option<Vec<u8>>,
}

impl Wildcard {
    /// The error is Event Ruler's message, whose positions count the opening quote.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = vec![Vec::new()];
        let mut bytes = text.bytes().enumerate().peekable();
        while let Some((index, byte)) = bytes.next() {
            let next = bytes.peek().map(|(_, next)| *next);
            let literal = match (byte, next) {
                (b'*', Some(b'*')) => return Err(format!("Consecutive wildcard characters at pos {}", index + 1)),
                (b'*', _) => {
                    pieces.push(Vec::new());
                    continue;
                }
                (b'\\', Some(escaped @ (b'*' | b'\\'))) => {
                    bytes.next();
                    escaped
                }
                (b'\\', _) => return Err(format!("Invalid escape character at pos {}", index + 1)),
                _ => byte,
            };
            if let Some(piece) = pieces.last_mut() {
                piece.push(literal);
            }
        }
        let last = if pieces.len() > 1 { pieces.pop() } else { None };
        let mut pieces = pieces.into_iter();
        let first = pieces.next().unwrap_or_default();
        let middle = pieces.map(|piece| Finder::new(&piece).into_owned()).collect();
        Ok(Self { first, middle, last })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(last) = &self.last else { return text.as_bytes() == self.first };
        let Some(rest) = text.as_bytes().strip_prefix(self.first.as_slice()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_slice()) else { return false };
        for piece in &self.middle {
            match piece.find(rest) {
                Some(at) => rest = &rest[at + piece.needle().len()..],
                None => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tries every way; exponential, and obviously right.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skipped| naive(rest, &text[skipped..])),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                text.first() == Some(literal) && naive(rest, &text[1..])
            }
        }
    }

    #[test]
    fn stars_escapes_and_overlaps() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a", true),
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("a*a*a", "aa", false),
            ("*.png", "dir/x.png", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"a\\*", r"a\xyz", true),
        ] {
            assert_eq!(Wildcard::parse(pattern).unwrap().matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_event_ruler_refuses() {
        assert_eq!(Wildcard::parse("a**b").unwrap_err(), "Consecutive wildcard characters at pos 2");
        assert_eq!(Wildcard::parse(r"a\b").unwrap_err(), "Invalid escape character at pos 2");
        assert_eq!(Wildcard::parse(r"a\").unwrap_err(), "Invalid escape character at pos 2");
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_way(
            pattern in r"(\*?([abé]|\\\*|\\\\)){0,6}\*?",
            text in r"[abé*\\]{0,10}",
        ) {
            let compiled = Wildcard::parse(&pattern).unwrap();
            let (pattern, chars): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(compiled.matches(&text), naive(&pattern, &chars));
        }
    }
}
