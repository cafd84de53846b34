//! What the pipeline holds now: figures for every bucket and table.

use crate::objects::{self, ErrorLine, FailedRecord, Listed};
use crate::place::{Clients, Place};
use crate::read_error::ReadError;
use crate::tables;
use click::Step;
use serde::Serialize;
use std::collections::BTreeMap;

/// Objects of one kind, in figures.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Objects {
    /// How many.
    pub count: u64,
    /// Their bytes as stored.
    pub bytes: u64,
    /// Their rows, where the objects were read.
    pub rows: u64,
}

/// Items of the four tables.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Tables {
    /// Items of `sessions`.
    pub sessions: u64,
    /// Clicks that they count.
    pub session_clicks: u64,
    /// Items of `funnel`.
    pub funnel: u64,
    /// Items of `pages`.
    pub pages: u64,
    /// Views that they count.
    pub page_views: u64,
    /// Items of `seen`.
    pub seen: u64,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub raw: Objects,
    pub curated: Objects,
    pub errors: Objects,
    pub tables: Tables,
    /// Views of each page.
    pub pages: BTreeMap<String, u64>,
    /// Sessions that reached each step, first to last.
    pub funnel: [u64; Step::ALL.len()],
    pub failed_records: Vec<FailedRecord>,
    pub error_lines: Vec<ErrorLine>,
}

/// Reads everything once.
///
/// # Errors
/// [`ReadError`] for the first place that can't be read.
pub(crate) async fn read(clients: &Clients, place: &Place) -> Result<Figures, ReadError> {
    let mut figures =
        Figures { raw: sizes(&objects::list(clients, &place.raw_bucket, "raw/").await?), ..Figures::default() };
    read_results(clients, place, &mut figures).await?;
    read_failures(clients, place, &mut figures).await?;
    read_tables(clients, place, &mut figures).await?;
    Ok(figures)
}

/// Whether no page has been counted yet.
///
/// # Errors
/// [`ReadError`] when the table can't be read.
pub(crate) async fn pages_are_empty(clients: &Clients, place: &Place) -> Result<bool, ReadError> {
    Ok(tables::count(clients, &place.pages_table).await? == 0)
}

fn sizes(listed: &[Listed]) -> Objects {
    Objects { count: listed.len() as u64, bytes: listed.iter().map(|object| object.bytes).sum(), rows: 0 }
}

async fn read_results(clients: &Clients, place: &Place, figures: &mut Figures) -> Result<(), ReadError> {
    let bucket = &place.curated_bucket;
    let curated = objects::list(clients, bucket, "curated/").await?;
    figures.curated = sizes(&curated);
    for object in &curated {
        let content = objects::get(clients, bucket, &object.key).await?;
        figures.curated.rows += content.iter().filter(|&&byte| byte == b'\n').count() as u64;
    }
    let errors = objects::list(clients, bucket, "errors/").await?;
    figures.errors = sizes(&errors);
    for object in &errors {
        let content = objects::get(clients, bucket, &object.key).await?;
        let lines = objects::error_lines(&format!("s3://{bucket}/{}", object.key), &content);
        figures.errors.rows += lines.len() as u64;
        figures.error_lines.extend(lines);
    }
    Ok(())
}

async fn read_failures(clients: &Clients, place: &Place, figures: &mut Figures) -> Result<(), ReadError> {
    let bucket = &place.failures_bucket;
    for object in objects::list(clients, bucket, "").await? {
        let content = objects::get(clients, bucket, &object.key).await?;
        let records = objects::failed_records(&format!("s3://{bucket}/{}", object.key), &content);
        figures.failed_records.extend(records);
    }
    Ok(())
}

async fn read_tables(clients: &Clients, place: &Place, figures: &mut Figures) -> Result<(), ReadError> {
    let (totals, pages, funnel) = (&mut figures.tables, &mut figures.pages, &mut figures.funnel);
    tables::scan(clients, &place.sessions_table, &["clicks"], |item| {
        totals.sessions += 1;
        totals.session_clicks += tables::number(item, "clicks").unwrap_or(0);
    })
    .await?;
    tables::scan(clients, &place.funnel_table, &["steps"], |item| {
        totals.funnel += 1;
        for (count, step) in funnel.iter_mut().zip(Step::ALL) {
            *count += u64::from(tables::texts(item, "steps").iter().any(|name| name == step.name()));
        }
    })
    .await?;
    tables::scan(clients, &place.pages_table, &["page", "views"], |item| {
        let views = tables::number(item, "views").unwrap_or(0);
        totals.pages += 1;
        totals.page_views += views;
        pages.extend(tables::text(item, "page").map(|page| (page.to_owned(), views)));
    })
    .await?;
    totals.seen = tables::count(clients, &place.seen_table).await?;
    Ok(())
}
