//! Values of requests as messages repeat them.

use std::fmt::{self, Display, Write};

/// Most characters of a value that a message repeats. All that AWS's shapes allow fits, but for
/// tokens and policies.
pub const REPEATED_CHARS_MAX: usize = 8 << 10;

/// Shows a value up to [`REPEATED_CHARS_MAX`] characters; `…` stands for the rest. The whole is never
/// in memory.
///
/// ```
/// use anabranch_protocol::{Clipped, REPEATED_CHARS_MAX};
/// assert_eq!(Clipped("clicks").to_string(), "clicks");
/// let long = Clipped("x".repeat(1 << 20)).to_string();
/// assert_eq!(long.chars().count(), REPEATED_CHARS_MAX + 1);
/// assert!(long.ends_with("x…"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Clipped<T>(
    /// The value.
    pub T,
);

impl<T: Display> Display for Clipped<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut clipper = Clipper { formatter, left: REPEATED_CHARS_MAX, is_full: false };
        match write!(clipper, "{}", self.0) {
            Err(_) if clipper.is_full => formatter.write_char('…'),
            outcome => outcome,
        }
    }
}

struct Clipper<'a, 'b> {
    formatter: &'a mut fmt::Formatter<'b>,
    left: usize,
    is_full: bool,
}

impl Write for Clipper<'_, '_> {
    /// Fails once nothing more fits, which ends the writing of the value.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.char_indices().nth(self.left).map_or(text.len(), |(end, _)| end);
        self.formatter.write_str(&text[..end])?;
        self.left -= text[..end].chars().count();
        self.is_full = end < text.len();
        if self.is_full { Err(fmt::Error) } else { Ok(()) }
    }
}
