//! DescribeArchive and ListArchives.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::page::page;
use crate::archive::Archive;
use crate::error::not_found;
use crate::events::Events;
use crate::shapes::{ARCHIVE_NAME, ARCHIVE_STATE, ARN};

/// The state of all archives.
const STATE: &str = "ENABLED";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeArchiveResponse {
    archive_arn: String,
    #[serde(flatten)]
    members: ArchiveMembers,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<String>,
}

/// `Archive`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ArchiveMembers {
    archive_name: String,
    event_source_arn: String,
    state: &'static str,
    retention_days: u64,
    size_bytes: u64,
    event_count: u64,
    creation_time: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListArchivesRequest {
    name_prefix: Option<String>,
    event_source_arn: Option<String>,
    state: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListArchivesResponse {
    archives: Vec<ArchiveMembers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The caller's archive `name`.
pub(super) fn archive_of(events: &Events, context: &RequestContext, name: &str) -> Result<Arc<Archive>, ApiError> {
    let arn = context.arn("events", &format!("archive/{name}")).to_string();
    events.archives.archive(&arn).ok_or_else(|| not_found(format!("Archive {name} does not exist.")))
}

pub(super) async fn describe_archive(
    events: &Events,
    context: &RequestContext,
    name: &str,
) -> Result<DescribeArchiveResponse, ApiError> {
    let archive = archive_of(events, context, name)?;
    let members = members(events, &archive).await?;
    let settings = archive.settings.clone();
    Ok(DescribeArchiveResponse {
        archive_arn: settings.arn,
        members,
        description: settings.description,
        event_pattern: settings.event_pattern,
        kms_key_identifier: settings.kms_key_identifier,
    })
}

pub(super) async fn list_archives(
    events: &Events,
    context: &RequestContext,
    request: &ListArchivesRequest,
) -> Result<ListArchivesResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("namePrefix", request.name_prefix.as_deref(), &ARCHIVE_NAME);
    violations.text("eventSourceArn", request.event_source_arn.as_deref(), &ARN);
    violations.text("state", request.state.as_deref(), &ARCHIVE_STATE);
    let page = page(violations, request.next_token.as_deref(), request.limit)?;
    let is_wanted = |archive: &Arc<Archive>| {
        let settings = &archive.settings;
        request.name_prefix.as_deref().is_none_or(|prefix| settings.name.starts_with(prefix))
            && request.event_source_arn.as_deref().is_none_or(|arn| settings.bus_arn == arn)
            && request.state.as_deref().is_none_or(|state| state == STATE)
    };
    let wanted = events.archives.archives_of(context).into_iter().filter(is_wanted);
    let (cut, next_token) = page.cut(wanted, |archive| &archive.settings.name);
    let mut archives = Vec::with_capacity(cut.len());
    for archive in cut {
        archives.push(members(events, &archive).await?);
    }
    Ok(ListArchivesResponse { archives, next_token })
}

async fn members(events: &Events, archive: &Archive) -> Result<ArchiveMembers, ApiError> {
    let (event_count, size_bytes) = events.archives.size(archive, events.clock.now_ms()).await?;
    let settings = &archive.settings;
    Ok(ArchiveMembers {
        archive_name: settings.name.clone(),
        event_source_arn: settings.bus_arn.clone(),
        state: STATE,
        retention_days: settings.retention_days,
        size_bytes,
        event_count,
        creation_time: Timestamp(settings.created_ms),
    })
}
