//! Topics as the console shows them.

use anabranch_protocol::{Cell, Column, Section};

use crate::catalog::Contents;

const COLUMNS: &[Column] =
    &[Column::text("Topic"), Column::text("Type"), Column::number("Subscriptions"), Column::number("Pending")];

pub(crate) fn section(contents: &Contents) -> Section {
    let rows = contents.topics("", "").map(|topic| {
        let counts = contents.counts(topic.arn());
        vec![
            Cell::Name(topic.arn().into()),
            Cell::Text(if topic.fifo.is_some() { "FIFO" } else { "standard" }.into()),
            Cell::Count(counts.confirmed as u64),
            Cell::Count(counts.pending as u64),
        ]
    });
    Section {
        title: "Topics",
        example: "aws sns create-topic --name clicks",
        columns: COLUMNS,
        rows: Ok(rows.collect()),
    }
}
