//! Terms of lines without structure.

use regex_lite::Regex;

use super::cursor::Cursor;
use super::invalid::InvalidPattern;

/// Terms, by what they ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    all_of: Vec<Term>,
    any_of: Vec<Term>,
    none_of: Vec<Term>,
}

#[derive(Debug, Clone)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

impl Terms {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut terms = Self::default();
        // A lone quoted space means every event, as an empty pattern does.
        if text.is_empty() || text == "\" \"" {
            return Ok(terms);
        }
        let mut cursor = Cursor::new(text);
        loop {
            cursor.skip_spaces();
            let list = match cursor.peek() {
                None => return Ok(terms),
                Some('?') => &mut terms.any_of,
                Some('-') => &mut terms.none_of,
                Some(_) => &mut terms.all_of,
            };
            if matches!(cursor.peek(), Some('?' | '-')) {
                let _ = cursor.take("?") || cursor.take("-");
            }
            let term = match cursor.peek() {
                Some('"') => Term::Text(cursor.quoted('"')?),
                Some('%') => Term::Regex(cursor.regex()?),
                _ => Term::Text(cursor.take_while(|letter| !letter.is_whitespace()).to_string()),
            };
            if matches!(&term, Term::Text(text) if text.is_empty()) {
                return Err(cursor.unexpected("a term"));
            }
            list.push(term);
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let is_in = |term: &Term| term.is_in(message);
        // Beside terms that must or must not be there, optional ones count for nothing.
        let are_alone = self.all_of.is_empty() && self.none_of.is_empty();
        self.all_of.iter().all(is_in)
            && !self.none_of.iter().any(is_in)
            && (!are_alone || self.any_of.is_empty() || self.any_of.iter().any(is_in))
    }
}
