//! A section as HTML: a heading and a table.

use anabranch_protocol::{Cell, Column, Section};
use maud::{Markup, html};

use super::format;

/// Most resources of a kind that the page lists; the rest are counted.
const ROWS_SHOWN_MAX: usize = 1000;

/// The section as HTML. `base_url` goes before paths.
pub(super) fn section(section: &Section, base_url: &str) -> Markup {
    let count = section.rows.as_ref().map_or(0, Vec::len);
    html! {
        section {
            h2 { (section.title) @if count > 0 { span.count { (format::count(count as u64)) } } }
            @match &section.rows {
                Err(reason) => p.failing { (reason) },
                Ok(rows) if rows.is_empty() => p.hint { "None yet. Create one with " code { (section.example) } },
                Ok(rows) => (table(section.columns, rows, base_url)),
            }
        }
    }
}

/// On a narrow screen each row becomes a card, labelled by `data-label`.
fn table(columns: &[Column], rows: &[Vec<Cell>], base_url: &str) -> Markup {
    let class = |column: &Column| column.is_number.then_some("number");
    html! {
        table {
            thead { tr {
                @for column in columns { th scope="col" class=[class(column)] { (column.title) } }
            } }
            tbody {
                @for row in rows.iter().take(ROWS_SHOWN_MAX) {
                    tr {
                        @for (content, column) in row.iter().zip(columns) {
                            td data-label=(column.title) class=[class(column)] { (cell(content, base_url)) }
                        }
                    }
                }
            }
        }
        @if let Some(more) = rows.len().checked_sub(ROWS_SHOWN_MAX).filter(|more| *more > 0) {
            p.hint { "and " (format::count(more as u64)) " more" }
        }
    }
}

fn cell(cell: &Cell, base_url: &str) -> Markup {
    html! {
        @match cell {
            Cell::Name(text) => strong { (text) },
            Cell::Text(text) => (text),
            Cell::Count(number) | Cell::Failures(number @ 0) => (format::count(*number)),
            Cell::Failures(number) => span.badge.bad { (format::count(*number)) },
            Cell::Bytes(number) => (format::bytes(*number)),
            Cell::DurationMs(ms) => (format::duration(*ms)),
            Cell::Path(path) => a href=(path) { (base_url) (path) },
            Cell::Good(text) => span.badge.good { (text) },
            Cell::Bad(text) => span.badge.bad { (text) },
            Cell::Neutral(text) => span.badge { (text) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::text("Function"), Column::number("Errors")];

    fn shown(rows: Result<Vec<Vec<Cell>>, String>) -> String {
        let functions = Section { title: "Functions", example: "anabranch up TEMPLATE", columns: COLUMNS, rows };
        section(&functions, "http://127.0.0.1:4566").into_string()
    }

    #[test]
    fn a_column_is_aligned_as_one_whatever_its_cells_are() {
        let rows = [0, 1_234].map(|errors| vec![Cell::Name("<a>".into()), Cell::Failures(errors)]);
        let html = shown(Ok(rows.into()));
        assert!(html.contains(r#"<th scope="col" class="number">Errors</th>"#), "{html}");
        assert!(html.contains(r#"<td data-label="Errors" class="number">0</td>"#), "{html}");
        let badge = r#"<td data-label="Errors" class="number"><span class="badge bad">1,234</span></td>"#;
        assert!(html.contains(badge) && html.contains("<strong>&lt;a&gt;</strong>"), "{html}");
    }

    #[test]
    fn what_is_not_there_is_explained() {
        assert!(shown(Ok(Vec::new())).contains("None yet. Create one with <code>anabranch up TEMPLATE</code>"));
        assert!(shown(Err("the disk is gone".into())).contains(r#"<p class="failing">the disk is gone</p>"#));
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let row = vec![Cell::Name("f".into()), Cell::Failures(0)];
        let html = shown(Ok(vec![row; ROWS_SHOWN_MAX + 2]));
        assert_eq!(html.matches("<strong>").count(), ROWS_SHOWN_MAX);
        assert!(html.contains("and 2 more") && html.contains(r#"<span class="count">1,002</span>"#));
    }
}
