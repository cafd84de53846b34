//! Conditions joined by `&&`, `||` and parentheses; `&&` binds closer.

use super::cursor::Cursor;
use super::invalid::InvalidPattern;

/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 32;

/// Conditions of kind `C`.
#[derive(Debug, Clone)]
pub(super) enum Conditions<C> {
    One(C),
    All(Vec<Conditions<C>>),
    Any(Vec<Conditions<C>>),
}

impl<C> Conditions<C> {
    /// Reads conditions, each by `one`.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        one: &dyn Fn(&mut Cursor<'_>) -> Result<C, InvalidPattern>,
    ) -> Result<Self, InvalidPattern> {
        Self::any(cursor, one, 0)
    }

    fn any(
        cursor: &mut Cursor<'_>,
        one: &dyn Fn(&mut Cursor<'_>) -> Result<C, InvalidPattern>,
        depth: usize,
    ) -> Result<Self, InvalidPattern> {
        let mut list = vec![Self::all(cursor, one, depth)?];
        while cursor.take("||") {
            list.push(Self::all(cursor, one, depth)?);
        }
        Ok(Self::Any(list))
    }

    fn all(
        cursor: &mut Cursor<'_>,
        one: &dyn Fn(&mut Cursor<'_>) -> Result<C, InvalidPattern>,
        depth: usize,
    ) -> Result<Self, InvalidPattern> {
        let mut list = Vec::new();
        loop {
            if cursor.take("(") {
                if depth == DEPTH_MAX {
                    return Err(InvalidPattern(format!("parentheses are nested deeper than {DEPTH_MAX}")));
                }
                list.push(Self::any(cursor, one, depth + 1)?);
                cursor.expect(")")?;
            } else {
                list.push(Self::One(one(cursor)?));
            }
            if !cursor.take("&&") {
                return Ok(Self::All(list));
            }
        }
    }

    /// Whether they hold, where `holds` says it of each.
    pub(super) fn hold(&self, holds: &dyn Fn(&C) -> bool) -> bool {
        match self {
            Self::One(one) => holds(one),
            Self::All(list) => list.iter().all(|conditions| conditions.hold(holds)),
            Self::Any(list) => list.iter().any(|conditions| conditions.hold(holds)),
        }
    }

    /// Shows `look` each of them.
    pub(super) fn each<'a>(&'a self, look: &mut dyn FnMut(&'a C)) {
        match self {
            Self::One(one) => look(one),
            Self::All(list) | Self::Any(list) => list.iter().for_each(|conditions| conditions.each(look)),
        }
    }
}
