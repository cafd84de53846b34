//! The delivery streams as the console shows them.

use anabranch_protocol::{Cell, Column, Section};

/// A delivery stream as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryStreamStat {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Records put since this process opened it.
    pub records_in: u64,
    /// Bytes put since this process opened it.
    pub bytes_in: u64,
    /// Objects delivered since it was made.
    pub objects_delivered: u64,
    /// Records that are not in an object yet.
    pub backlog_records: u64,
    /// Bytes of those.
    pub backlog_bytes: u64,
    /// Why delivery makes no progress, if it makes none.
    pub last_error: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column::text("Delivery stream"),
    Column::number("Put since start"),
    Column::number("Objects delivered"),
    Column::number("Waiting"),
    Column::number("Waiting bytes"),
    Column::text("State"),
];

pub(crate) fn section(streams: Vec<DeliveryStreamStat>) -> Section {
    Section {
        title: "Delivery streams",
        example: "aws firehose create-delivery-stream",
        columns: COLUMNS,
        rows: Ok(streams.into_iter().map(row).collect()),
    }
}

fn row(stream: DeliveryStreamStat) -> Vec<Cell> {
    vec![
        Cell::Name(stream.name),
        Cell::Count(stream.records_in),
        Cell::Count(stream.objects_delivered),
        Cell::Count(stream.backlog_records),
        Cell::Bytes(stream.backlog_bytes),
        stream.last_error.map_or_else(|| Cell::Good("delivering".into()), Cell::Bad),
    ]
}
