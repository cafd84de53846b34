//! What each service has to show.

use anabranch_lambda::LambdaStat;

use super::format;
use super::section::{Cell, Section};
use crate::Services;
use crate::gateway::Gateway;
use crate::problems::ServiceProblems;

/// All sections, in the order in which data flows.
pub(super) async fn all(gateway: &Gateway) -> Vec<Section> {
    let services = &gateway.services;
    let lambda = services.lambda.stat();
    vec![
        http_apis(gateway),
        streams(services),
        delivery_streams(services),
        functions(&lambda),
        event_source_mappings(&lambda),
        buckets(services),
        tables(services).await,
    ]
}

/// What is wrong, or that nothing is.
pub(super) fn problems(all: &[ServiceProblems]) -> Section {
    let mut rows = Vec::new();
    for found in all {
        for problem in &found.problems {
            let kind = problem.kind.as_str().replace('_', " ");
            rows.push(vec![
                if problem.kind.is_failure() { Cell::Bad(kind) } else { Cell::Neutral(kind) },
                Cell::Text(found.service.into()),
                Cell::Name(problem.resource.clone()),
                Cell::Text(problem.message.clone()),
            ]);
        }
        if found.more > 0 {
            let more = format!("and {} more", format::count(found.more as u64));
            rows.push(vec![Cell::Neutral(more), Cell::Text(found.service.into())]);
        }
    }
    let none = rows.is_empty();
    if none {
        let all: Vec<&str> = all.iter().map(|found| found.service).collect();
        rows.push(vec![Cell::Good("all well".into()), Cell::Text(all.join(", "))]);
    }
    let columns: &[&str] =
        if none { &["State", "Services"] } else { &["Problem", "Service", "Resource", "What is wrong"] };
    Section { title: if none { "Health" } else { "Problems" }, example: "", columns, rows: Ok(rows) }
}

fn http_apis(gateway: &Gateway) -> Section {
    let mut rows = Vec::new();
    for api in gateway.services.http_apis.list() {
        let address = format!("{}/_aws/execute-api/{}/{}", gateway.base_url, api.api_id, api.stage);
        for route in &api.routes {
            let route = Cell::Text(format!("{} → {}", route.key, route.function));
            rows.push(vec![Cell::Name(api.name.clone()), route, Cell::Link(address.clone())]);
        }
    }
    Section {
        title: "HTTP APIs",
        example: "anabranch up TEMPLATE",
        columns: &["API", "Route", "Address"],
        rows: Ok(rows),
    }
}

fn streams(services: &Services) -> Section {
    let row = |stream: anabranch_streams::StreamStat| {
        vec![
            Cell::Name(stream.name),
            if stream.status == "ACTIVE" {
                Cell::Good("active".into())
            } else {
                Cell::Neutral(stream.status.to_lowercase())
            },
            Cell::Count(stream.open_shards as u64),
            stream.records.map_or_else(unread, Cell::Count),
            stream.reserved_bytes.map_or_else(unread, Cell::Bytes),
            Cell::Count(stream.records_in),
            Cell::Text(format!("{} h", stream.retention_hours)),
        ]
    };
    Section {
        title: "Streams",
        example: "aws kinesis create-stream --stream-name clicks --shard-count 1",
        columns: &["Stream", "State", "Shards", "Records", "On disk", "Put since start", "Retention"],
        rows: Ok(services.streams.stat().into_iter().map(row).collect()),
    }
}

/// A log that was not used since the start is not opened just to be counted.
fn unread() -> Cell {
    Cell::Neutral("not opened yet".into())
}

fn delivery_streams(services: &Services) -> Section {
    let row = |stream: anabranch_firehose::DeliveryStreamStat| {
        vec![
            Cell::Name(stream.name),
            Cell::Count(stream.records_in),
            Cell::Count(stream.objects_delivered),
            Cell::Count(stream.backlog_records),
            Cell::Bytes(stream.backlog_bytes),
            stream.last_error.map_or_else(|| Cell::Good("delivering".into()), Cell::Bad),
        ]
    };
    Section {
        title: "Delivery streams",
        example: "aws firehose create-delivery-stream",
        columns: &["Delivery stream", "Put since start", "Objects delivered", "Waiting", "Waiting bytes", "State"],
        rows: Ok(services.firehose.stat().into_iter().map(row).collect()),
    }
}

fn functions(lambda: &LambdaStat) -> Section {
    let row = |function: &anabranch_lambda::FunctionStat| {
        vec![
            Cell::Name(function.name.clone()),
            Cell::Count(function.invocations),
            Cell::failures(function.errors),
            Cell::failures(function.refused),
            Cell::Count(function.environments as u64),
        ]
    };
    Section {
        title: "Functions",
        example: "anabranch up TEMPLATE",
        columns: &["Function", "Invocations", "Errors", "Refused", "Processes"],
        rows: Ok(lambda.functions.iter().map(row).collect()),
    }
}

fn event_source_mappings(lambda: &LambdaStat) -> Section {
    let row = |mapping: &anabranch_lambda::MappingStat| {
        let result = &mapping.last_processing_result;
        vec![
            Cell::Text(format!("{} → {}", resource_name(&mapping.event_source_arn), mapping.function)),
            if mapping.state == "Enabled" {
                Cell::Good("enabled".into())
            } else {
                Cell::Neutral(mapping.state.to_lowercase())
            },
            Cell::Text(format::span(mapping.iterator_age_ms)),
            Cell::Count(mapping.records),
            Cell::Count(mapping.invocations),
            Cell::failures(mapping.function_errors),
            Cell::failures(mapping.failed_records),
            if result.starts_with("PROBLEM") { Cell::Bad(result.clone()) } else { Cell::Text(result.clone()) },
        ]
    };
    Section {
        title: "Event source mappings",
        example: "aws lambda create-event-source-mapping",
        columns: &["Mapping", "State", "Lag", "Records", "Invocations", "Errors", "Given up", "Last result"],
        rows: Ok(lambda.mappings.iter().map(row).collect()),
    }
}

/// `clicks` of `arn:aws:kinesis:us-east-1:000000000000:stream/clicks`.
fn resource_name(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}

fn buckets(services: &Services) -> Section {
    let row = |bucket: anabranch_objects::BucketStat| {
        vec![Cell::Name(bucket.name), Cell::Count(bucket.objects), Cell::Bytes(bucket.bytes)]
    };
    Section {
        title: "Buckets",
        example: "aws s3 mb s3://BUCKET",
        columns: &["Bucket", "Objects", "Size"],
        rows: Ok(services.objects.stat().into_iter().map(row).collect()),
    }
}

async fn tables(services: &Services) -> Section {
    let rows = services.tables.stat().await.map_err(|error| error.to_string()).map(|tables| {
        let row = |table: anabranch_tables::TableStat| {
            vec![Cell::Name(table.name), Cell::Count(table.items), Cell::Bytes(table.bytes)]
        };
        tables.into_iter().map(row).collect()
    });
    Section { title: "Tables", example: "aws dynamodb create-table", columns: &["Table", "Items", "Size"], rows }
}
