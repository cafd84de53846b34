//! The streams as the console shows them.

use anabranch_protocol::{Cell, Column, Section};

use crate::figures::StreamStat;
use crate::state::status::StreamStatus;

const COLUMNS: &[Column] = &[
    Column::text("Stream"),
    Column::text("State"),
    Column::number("Shards"),
    Column::number("Records"),
    Column::number("On disk"),
    Column::number("Put since start"),
    Column::number("Retention"),
];

pub(crate) fn section(streams: Vec<StreamStat>) -> Section {
    Section {
        title: "Streams",
        example: "aws kinesis create-stream --stream-name clicks --shard-count 1",
        columns: COLUMNS,
        rows: Ok(streams.into_iter().map(row).collect()),
    }
}

fn row(stream: StreamStat) -> Vec<Cell> {
    vec![
        Cell::Name(stream.name),
        match stream.status {
            StreamStatus::Active => Cell::Good("active".into()),
            other => Cell::Neutral(other.as_str().to_lowercase()),
        },
        Cell::Count(stream.open_shards as u64),
        stream.records.map_or_else(not_opened, Cell::Count),
        stream.reserved_bytes.map_or_else(not_opened, Cell::Bytes),
        Cell::Count(stream.records_in),
        Cell::Text(format!("{} h", stream.retention_hours)),
    ]
}

/// A log that has not been used since the start is not opened just to be counted.
fn not_opened() -> Cell {
    Cell::Neutral("not opened yet".into())
}
