//! CreateArchive, UpdateArchive and DeleteArchive.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::describe_archive::archive_of;
use super::tags::Nothing;
use crate::archive::{Archive, ArchiveSettings};
use crate::bus::BusAddress;
use crate::error::{already_exists, limit_exceeded, not_found};
use crate::events::Events;
use crate::limits::ARCHIVES_MAX;
use crate::shapes::{ARCHIVE_NAME, ARN, DESCRIPTION, EVENT_PATTERN, RETENTION_DAYS};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutArchiveRequest {
    archive_name: Option<String>,
    /// Of CreateArchive.
    event_source_arn: Option<String>,
    description: Option<String>,
    event_pattern: Option<String>,
    retention_days: Option<i64>,
    kms_key_identifier: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ArchiveRequest {
    archive_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutArchiveResponse {
    archive_arn: String,
    state: &'static str,
    creation_time: Timestamp,
}

impl ArchiveRequest {
    pub(super) fn checked(&self) -> Result<&str, ApiError> {
        let mut violations = Violations::default();
        violations.required_text("archiveName", self.archive_name.as_deref(), &ARCHIVE_NAME);
        violations.finish()?;
        Ok(self.archive_name.as_deref().unwrap_or_default())
    }
}

impl PutArchiveRequest {
    fn check(&self, violations: &mut Violations) {
        violations.required_text("archiveName", self.archive_name.as_deref(), &ARCHIVE_NAME);
        violations.text("description", self.description.as_deref(), &DESCRIPTION);
        violations.text("eventPattern", self.event_pattern.as_deref(), &EVENT_PATTERN);
        violations.integer("retentionDays", self.retention_days, &RETENTION_DAYS);
    }

    fn retention_days(&self) -> Option<u64> {
        self.retention_days.and_then(|days| u64::try_from(days).ok())
    }
}

fn answer(settings: &ArchiveSettings) -> PutArchiveResponse {
    let creation_time = Timestamp(settings.created_ms);
    PutArchiveResponse { archive_arn: settings.arn.clone(), state: "ENABLED", creation_time }
}

/// Makes an archive, which keeps events from now on.
pub(super) async fn create_archive(
    events: &Events,
    context: &RequestContext,
    request: PutArchiveRequest,
) -> Result<PutArchiveResponse, ApiError> {
    let mut violations = Violations::default();
    request.check(&mut violations);
    violations.required_text("eventSourceArn", request.event_source_arn.as_deref(), &ARN);
    violations.finish()?;
    let name = request.archive_name.clone().unwrap_or_default();
    let bus_arn = request.event_source_arn.clone().unwrap_or_default();
    let changing = events.archives.changing().await;
    let bus = BusAddress::of_arn(&bus_arn).and_then(|address| events.registry.find(&address));
    let Some(bus) = bus else {
        let name = bus_arn.rsplit('/').next().unwrap_or_default();
        return Err(not_found(format!("Event bus {name} does not exist.")));
    };
    let arn = context.arn("events", &format!("archive/{name}")).to_string();
    if events.archives.archive(&arn).is_some() {
        return Err(already_exists(format!("Archive {name} already exists.")));
    }
    if events.archives.archives_of(context).len() >= ARCHIVES_MAX {
        return Err(limit_exceeded());
    }
    let archive = Archive::new(ArchiveSettings {
        arn,
        name,
        id: Uuid::new_v4(),
        bus_arn: bus.settings.arn.clone(),
        retention_days: request.retention_days().unwrap_or(0),
        description: request.description,
        event_pattern: request.event_pattern.filter(|pattern| !pattern.is_empty()),
        kms_key_identifier: request.kms_key_identifier,
        created_ms: events.clock.now_ms(),
    })?;
    let answer = answer(&archive.settings);
    events.archives.put_archive(changing, archive).await?;
    Ok(answer)
}

/// Sets what the request has; the rest stays.
pub(super) async fn update_archive(
    events: &Events,
    context: &RequestContext,
    request: PutArchiveRequest,
) -> Result<PutArchiveResponse, ApiError> {
    let mut violations = Violations::default();
    request.check(&mut violations);
    violations.finish()?;
    let changing = events.archives.changing().await;
    let before = archive_of(events, context, request.archive_name.as_deref().unwrap_or_default())?.settings.clone();
    let archive = Archive::new(ArchiveSettings {
        retention_days: request.retention_days().unwrap_or(before.retention_days),
        description: request.description.or(before.description),
        event_pattern: request.event_pattern.or(before.event_pattern),
        kms_key_identifier: request.kms_key_identifier.or(before.kms_key_identifier),
        ..before
    })?;
    let answer = answer(&archive.settings);
    events.archives.put_archive(changing, archive).await?;
    Ok(answer)
}

/// Deletes an archive with its events.
pub(super) async fn delete_archive(
    events: &Events,
    context: &RequestContext,
    request: &ArchiveRequest,
) -> Result<Nothing, ApiError> {
    let name = request.checked()?;
    let changing = events.archives.changing().await;
    let archive = archive_of(events, context, name)?;
    events.archives.delete_archive(changing, archive).await?;
    Ok(Nothing {})
}
