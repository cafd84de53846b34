//! What the console and the metrics show.

use anabranch_protocol::{Cell, Column, Measured, MeasuredKind, Section};

use crate::events::Events;

const COLUMNS: &[Column] =
    &[Column::text("Rule"), Column::text("Event bus"), Column::number("Targets"), Column::text("State")];

/// The rules of all buses.
pub(crate) fn section(events: &Events) -> Section {
    let buses = events.registry.all();
    let rows = buses.iter().flat_map(|bus| bus.rules.values().map(move |rule| (bus, rule)));
    let row = |(bus, rule): (&std::sync::Arc<crate::bus::Bus>, &std::sync::Arc<crate::rule::Rule>)| {
        let state = match rule.is_enabled() {
            true => Cell::Good("enabled".into()),
            false => Cell::Neutral("disabled".into()),
        };
        vec![
            Cell::Name(rule.settings.name.clone()),
            Cell::Text(bus.settings.name.clone()),
            Cell::Count(rule.settings.targets.len() as u64),
            state,
        ]
    };
    Section {
        title: "Event rules",
        example: "aws events put-rule",
        columns: COLUMNS,
        rows: Ok(rows.map(row).collect()),
    }
}

/// Figures, named after CloudWatch's.
pub(crate) fn metrics(events: &Events) -> Vec<Measured> {
    let (received, matched) = events.counters.read();
    let figures = events.outbox.figures();
    let measured = |name: &'static str, help, kind, value: u64| Measured {
        name: name.into(),
        help,
        kind,
        labels: Vec::new(),
        value: value as f64,
    };
    vec![
        measured("aws_events_events_sum", "Events that buses took", MeasuredKind::Counter, received),
        measured("aws_events_matched_sum", "Deliveries that came of them", MeasuredKind::Counter, matched),
        measured(
            "aws_events_invocations_sum",
            "Deliveries that targets took",
            MeasuredKind::Counter,
            figures.delivered,
        ),
        measured(
            "aws_events_sent_to_dlq_sum",
            "Deliveries that dead-letter queues took",
            MeasuredKind::Counter,
            figures.dead_lettered,
        ),
        measured("aws_events_failed_invocations_sum", "Deliveries given up", MeasuredKind::Counter, figures.given_up),
        measured(
            "anabranch_events_deliveries_pending",
            "Deliveries that are not done",
            MeasuredKind::Gauge,
            events.pending() as u64,
        ),
    ]
}
