//! A part of the page: a heading and a table.

use maud::{Markup, html};

use super::format;

/// One kind of resource.
pub(super) struct Section {
    /// Such as `Streams`.
    pub(super) title: &'static str,
    /// A command that makes one, shown while there are none.
    pub(super) example: &'static str,
    /// Headings of the columns.
    pub(super) columns: &'static [&'static str],
    /// A row for each resource, or why they can't be told.
    pub(super) rows: Result<Vec<Vec<Cell>>, String>,
}

/// A cell of the table.
pub(super) enum Cell {
    /// A name.
    Name(String),
    /// Words.
    Text(String),
    /// A number.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A link.
    Link(String),
    /// All is well, in a word.
    Good(String),
    /// Something is wrong, in words.
    Bad(String),
    /// Neither, in a word.
    Neutral(String),
}

impl Cell {
    /// A number of failures: plain at zero.
    pub(super) fn failures(number: u64) -> Self {
        if number == 0 { Self::Count(0) } else { Self::Bad(format::count(number)) }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Bytes(_))
    }

    fn render(&self) -> Markup {
        html! {
            @match self {
                Self::Name(text) => strong { (text) },
                Self::Text(text) => (text),
                Self::Count(number) => (format::count(*number)),
                Self::Bytes(number) => (format::bytes(*number)),
                Self::Link(address) => a href=(address) { (address) },
                Self::Good(text) => span.badge.good { (text) },
                Self::Bad(text) => span.badge.bad { (text) },
                Self::Neutral(text) => span.badge { (text) },
            }
        }
    }
}

impl Section {
    /// The section as HTML. On a narrow screen each row becomes a card, labelled by `data-label`.
    pub(super) fn render(&self) -> Markup {
        let count = self.rows.as_ref().map_or(0, Vec::len);
        html! {
            section {
                h2 { (self.title) @if count > 0 { span.count { (count) } } }
                @match &self.rows {
                    Err(reason) => p.failing { (reason) },
                    Ok(rows) if rows.is_empty() => p.hint { "None yet. Make one with " code { (self.example) } },
                    Ok(rows) => (self.table(rows)),
                }
            }
        }
    }

    fn table(&self, rows: &[Vec<Cell>]) -> Markup {
        let is_number = |column: usize| rows.iter().all(|row| row.get(column).is_some_and(Cell::is_number));
        html! {
            table {
                thead { tr {
                    @for (place, column) in self.columns.iter().enumerate() {
                        th scope="col" class=[is_number(place).then_some("number")] { (column) }
                    }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (cell, column) in row.iter().zip(self.columns) {
                                td data-label=(column) class=[cell.is_number().then_some("number")] { (cell.render()) }
                            }
                        }
                    }
                }
            }
        }
    }
}
