//! What the console shows of log groups.

use anabranch_protocol::{Cell, Column, Section};

use crate::shared::Shared;

const COLUMNS: &[Column] = &[
    Column::text("Log group"),
    Column::number("Stored bytes"),
    Column::text("Retention"),
    Column::number("Subscriptions"),
];

pub(crate) fn section(shared: &Shared) -> Section {
    let row = |group: &std::sync::Arc<crate::group::Group>| {
        let row = group.row();
        let retention = row.retention_days.map_or_else(|| "never expire".to_string(), |days| format!("{days} days"));
        vec![
            Cell::Name(row.name.clone()),
            Cell::Bytes(group.stored_bytes()),
            Cell::Text(retention),
            Cell::Count(row.subscription_filters.len() as u64),
        ]
    };
    Section {
        title: "Log groups",
        example: "aws logs create-log-group",
        columns: COLUMNS,
        rows: Ok(shared.groups.all().iter().map(row).collect()),
    }
}
