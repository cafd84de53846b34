//! Functions and event source mappings as the console shows them.

use anabranch_protocol::{Cell, Column, Section};

use crate::functions::FunctionStat;
use crate::mapping::{MappingStat, MappingState};

const FUNCTION_COLUMNS: &[Column] = &[
    Column::text("Function"),
    Column::number("Invocations"),
    Column::number("Errors"),
    Column::number("Refused"),
    Column::number("Processes"),
];

const MAPPING_COLUMNS: &[Column] = &[
    Column::text("Mapping"),
    Column::text("State"),
    Column::number("Lag"),
    Column::number("Records"),
    Column::number("Invocations"),
    Column::number("Errors"),
    Column::number("Given up"),
    Column::text("Last result"),
];

pub(crate) fn functions(functions: Vec<FunctionStat>) -> Section {
    Section {
        title: "Functions",
        example: "anabranch up TEMPLATE",
        columns: FUNCTION_COLUMNS,
        rows: Ok(functions.into_iter().map(function_row).collect()),
    }
}

fn function_row(function: FunctionStat) -> Vec<Cell> {
    vec![
        Cell::Name(function.name),
        Cell::Count(function.invocations),
        Cell::Failures(function.errors),
        Cell::Failures(function.refused),
        Cell::Count(function.environments as u64),
    ]
}

pub(crate) fn mappings(mappings: Vec<MappingStat>) -> Section {
    Section {
        title: "Event source mappings",
        example: "aws lambda create-event-source-mapping",
        columns: MAPPING_COLUMNS,
        rows: Ok(mappings.into_iter().map(mapping_row).collect()),
    }
}

fn mapping_row(mapping: MappingStat) -> Vec<Cell> {
    let result = mapping.last_processing_result;
    vec![
        Cell::Name(format!("{} → {}", resource_name(&mapping.event_source_arn), mapping.function)),
        match mapping.state {
            MappingState::Enabled => Cell::Good("enabled".into()),
            other => Cell::Neutral(other.name().to_lowercase()),
        },
        Cell::DurationMs(mapping.iterator_age_ms),
        Cell::Count(mapping.records),
        Cell::Count(mapping.invocations),
        Cell::Failures(mapping.function_errors),
        Cell::Failures(mapping.failed_records),
        if result.is_problem() { Cell::Bad(result.to_string()) } else { Cell::Text(result.to_string()) },
    ]
}

/// `clicks` of `arn:aws:kinesis:us-east-1:000000000000:stream/clicks`.
fn resource_name(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
