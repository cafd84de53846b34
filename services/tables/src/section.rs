//! The tables as the console shows them.

use anabranch_protocol::{Account, ApiError, Cell, Column, Region, Section};

/// A table as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStat {
    /// The table's name.
    pub name: String,
    /// The account that it belongs to.
    pub account: Account,
    /// The region that it is in.
    pub region: Region,
    /// Items it holds now.
    pub items: u64,
    /// Bytes of its items, as the engine accounts for them.
    pub bytes: u64,
}

const COLUMNS: &[Column] = &[Column::text("Table"), Column::number("Items"), Column::number("Size")];

pub(crate) fn section(tables: Result<Vec<TableStat>, ApiError>) -> Section {
    let row = |table: TableStat| {
        let name = match (table.account, &table.region) {
            (Account::DEFAULT, region) if *region == Region::default() => table.name,
            (account, region) => format!("{} ({account}, {region})", table.name),
        };
        vec![Cell::Name(name), Cell::Count(table.items), Cell::Bytes(table.bytes)]
    };
    let rows = tables.map(|tables| tables.into_iter().map(row).collect()).map_err(|error| error.to_string());
    Section { title: "Tables", example: "aws dynamodb create-table", columns: COLUMNS, rows }
}
