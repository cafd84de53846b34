//! A pattern on its way of being read.

use super::invalid::InvalidPattern;

/// What is left of a pattern.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes `token`, after spaces, if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        self.skip_spaces();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word, in whatever case, if it comes next and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let Some((head, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let ends = rest.chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_');
        if ends && head.eq_ignore_ascii_case(word) {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Takes `token`, which must come next.
    pub(super) fn expect(&mut self, token: &str) -> Result<(), InvalidPattern> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected(token)) }
    }

    /// Takes characters while `keep` says so; may take none.
    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|next| !keep(next)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes a text between two of `quote`, which comes next. A backslash takes what follows as it is.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String, InvalidPattern> {
        let mut text = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => text.extend(letters.next().map(|(_, escaped)| escaped)),
                _ if letter == quote => {
                    self.rest = &self.rest[at + letter.len_utf8()..];
                    return Ok(text);
                }
                _ => text.push(letter),
            }
        }
        Err(InvalidPattern(format!("{quote} is not closed")))
    }

    /// Takes a regular expression between percent signs, the first of which comes next.
    pub(super) fn regex(&mut self) -> Result<regex_lite::Regex, InvalidPattern> {
        let body = self.rest.get(1..).unwrap_or_default();
        let end = body.find('%').ok_or_else(|| InvalidPattern("% is not closed".into()))?;
        let (expression, rest) = body.split_at(end);
        self.rest = &rest[1..];
        if expression.contains(['(', ')']) {
            return Err(InvalidPattern(format!("{expression} has a group, which regular expressions here may not")));
        }
        regex_lite::Regex::new(expression).map_err(|error| InvalidPattern(format!("{expression}: {error}")))
    }

    /// Nothing may be left.
    pub(super) fn end(&mut self) -> Result<(), InvalidPattern> {
        self.skip_spaces();
        if self.rest.is_empty() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    pub(super) fn unexpected(&self, expected: &str) -> InvalidPattern {
        let found = if self.rest.is_empty() { "the end" } else { self.rest };
        InvalidPattern(format!("expected {expected}, found {found}"))
    }
}
