//! The tables as the console shows them.

use anabranch_protocol::{ApiError, Cell, Column, Section};

/// A table as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TableStat {
    /// The table's name.
    pub name: String,
    /// Items it holds now.
    pub items: u64,
    /// Bytes of its items, as the engine accounts for them.
    pub bytes: u64,
}

const COLUMNS: &[Column] = &[Column::text("Table"), Column::number("Items"), Column::number("Size")];

pub(crate) fn section(tables: Result<Vec<TableStat>, ApiError>) -> Section {
    let row = |table: TableStat| vec![Cell::Name(table.name), Cell::Count(table.items), Cell::Bytes(table.bytes)];
    let rows = tables.map(|tables| tables.into_iter().map(row).collect()).map_err(|error| error.to_string());
    Section { title: "Tables", example: "aws dynamodb create-table", columns: COLUMNS, rows }
}
