//! What a service shows on the console page. It is data: the server renders it.

/// A heading and a table: one kind of resource, such as streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading, such as `Streams`.
    pub title: &'static str,
    /// A command that creates one, shown while there are none.
    pub example: &'static str,
    /// The columns of the table.
    pub columns: &'static [Column],
    /// A row for each resource, with a cell for each column; or why they can't be shown.
    pub rows: Result<Vec<Vec<Cell>>, String>,
}

/// A column of a section's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Whether its cells are figures, which are aligned at their last digit.
    pub is_number: bool,
}

impl Column {
    /// A column of words.
    pub const fn text(title: &'static str) -> Self {
        Self { title, is_number: false }
    }

    /// A column of figures.
    pub const fn number(title: &'static str) -> Self {
        Self { title, is_number: true }
    }
}

/// A cell of a section's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// The resource's name.
    Name(String),
    /// Words.
    Text(String),
    /// A number.
    Count(u64),
    /// A number of failures; any but zero stands out.
    Failures(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A span of time, in milliseconds.
    DurationMs(u64),
    /// A path on this server, shown as a link with the server's address before it.
    Path(String),
    /// All is well, in a word.
    Good(String),
    /// Something is wrong, in words.
    Bad(String),
    /// Neither, in a word.
    Neutral(String),
}
