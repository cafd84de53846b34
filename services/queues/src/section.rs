//! The queues as the console shows them.

use anabranch_protocol::{Cell, Column, Section};

use crate::registry::Registry;

const COLUMNS: &[Column] = &[
    Column::text("Queue"),
    Column::number("Visible"),
    Column::number("In flight"),
    Column::number("Delayed"),
    Column::number("Oldest"),
    Column::text("Dead letters to"),
];

pub(crate) fn section(registry: &Registry) -> Section {
    let now_ms = registry.clock.now_ms();
    let row = |queue: &std::sync::Arc<crate::queue::Queue>| {
        let mut messages = queue.raw();
        let state = &mut messages.state;
        state.advance(now_ms);
        let age_ms = state.oldest_ms().map_or(0, |oldest_ms| now_ms.saturating_sub(oldest_ms));
        let description = queue.description();
        let dead_letters = description.settings.redrive.as_ref().map(|redrive| redrive.target.name.clone());
        vec![
            Cell::Name(queue.name.name.clone()),
            Cell::Count(state.visible_count() as u64),
            Cell::Count(state.in_flight_count() as u64),
            Cell::Count(state.delayed_count() as u64),
            Cell::DurationMs(age_ms),
            Cell::Text(dead_letters.unwrap_or_default()),
        ]
    };
    Section {
        title: "Queues",
        example: "aws sqs create-queue --queue-name jobs",
        columns: COLUMNS,
        rows: Ok(registry.all().iter().map(row).collect()),
    }
}
