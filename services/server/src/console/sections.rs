//! What each service has to show.

use super::section::{Cell, Section};
use crate::Services;
use crate::gateway::Gateway;

/// All sections, in the order in which data flows.
pub(super) async fn all(gateway: &Gateway) -> Vec<Section> {
    let services = &gateway.services;
    vec![tables(services).await]
}

async fn tables(services: &Services) -> Section {
    let rows = services.tables.stat().await.map_err(|error| error.to_string()).map(|tables| {
        let row = |table: anabranch_tables::TableStat| {
            vec![Cell::Name(table.name), Cell::Count(table.items), Cell::Bytes(table.bytes)]
        };
        tables.into_iter().map(row).collect()
    });
    Section {
        title: "Tables",
        hint: "None yet. A template makes them, or aws dynamodb create-table.",
        columns: &["Table", "Items", "Size"],
        rows,
    }
}
