//! What the console and the metrics show.

use anabranch_protocol::{Cell, Column, Measured, MeasuredKind, Section};

use crate::scheduler::Scheduler;

const COLUMNS: &[Column] =
    &[Column::text("Schedule"), Column::text("Group"), Column::text("Expression"), Column::text("State")];
/// Most schedules that the console shows.
const ROWS_MAX: usize = 1_000;

/// The schedules, or the first of them.
pub(crate) fn section(scheduler: &Scheduler) -> Section {
    let rows = scheduler.registry.schedules_below("").into_iter().take(ROWS_MAX).map(|schedule| {
        let settings = &schedule.settings;
        let state = match settings.is_enabled {
            true => Cell::Good("enabled".into()),
            false => Cell::Neutral("disabled".into()),
        };
        vec![
            Cell::Name(settings.name.clone()),
            Cell::Text(settings.group.clone()),
            Cell::Text(settings.expression.clone()),
            state,
        ]
    });
    Section { title: "Schedules", example: "aws scheduler create-schedule", columns: COLUMNS, rows: Ok(rows.collect()) }
}

/// Figures, named after CloudWatch's.
pub(crate) fn metrics(scheduler: &Scheduler) -> Vec<Measured> {
    let figures = scheduler.outbox.figures();
    let measured = |name: &'static str, help, kind, value: u64| Measured {
        name: name.into(),
        help,
        kind,
        labels: Vec::new(),
        value: value as f64,
    };
    let counted = |name, help, value| measured(name, help, MeasuredKind::Counter, value);
    vec![
        counted("aws_scheduler_invocations_sum", "Invocations that targets took", figures.delivered),
        counted("aws_scheduler_sent_to_dlq_sum", "Invocations that dead-letter queues took", figures.dead_lettered),
        counted("aws_scheduler_dropped_sum", "Invocations given up", figures.given_up),
        measured("anabranch_scheduler_schedules", "Schedules", MeasuredKind::Gauge, scheduler.registry.len() as u64),
    ]
}
