//! Reads tables by scans, page by page.

use crate::place::Clients;
use crate::read_error::ReadError;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use std::collections::HashMap;

/// An item as DynamoDB gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Visits every item of a table, with the named attributes only.
pub(crate) async fn scan(
    clients: &Clients,
    table: &str,
    attributes: &[&str],
    mut visit: impl FnMut(&Item),
) -> Result<(), ReadError> {
    let mut call = clients.tables.scan().table_name(table).consistent_read(true);
    // Names are passed as placeholders, since some are reserved words.
    let placeholders: Vec<String> = (0..attributes.len()).map(|index| format!("#a{index}")).collect();
    for (placeholder, attribute) in placeholders.iter().zip(attributes) {
        call = call.expression_attribute_names(placeholder, *attribute);
    }
    let mut pages = call.projection_expression(placeholders.join(", ")).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed(table, &DisplayErrorContext(error)))?;
        page.items().iter().for_each(&mut visit);
    }
    Ok(())
}

/// How many items a table has.
pub(crate) async fn count(clients: &Clients, table: &str) -> Result<u64, ReadError> {
    let mut pages = clients.tables.scan().table_name(table).select(Select::Count).into_paginator().send();
    let mut items = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed(table, &DisplayErrorContext(error)))?;
        items += u64::try_from(page.count()).unwrap_or(0);
    }
    Ok(items)
}

fn failed(table: &str, error: &dyn std::fmt::Display) -> ReadError {
    ReadError { place: format!("table {table}"), reason: error.to_string() }
}

/// A string attribute.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number attribute that is whole and not negative.
pub(crate) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A string set attribute.
pub(crate) fn texts<'a>(item: &'a Item, name: &str) -> &'a [String] {
    item.get(name).and_then(|value| value.as_ss().ok()).map_or(&[], Vec::as_slice)
}
