//! A service of three operations in JSON, Query and REST-JSON, and the same notes in REST-XML: all
//! that it takes to move in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anabranch_protocol::{
    Answer, ApiError, BoundMember, Call, Measured, MeasuredKind, Operation, QueryStyle, ResourceReference,
    ResourceType, RestStyle, Service, ServiceModel, Wire,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

const NOTE: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "note/{}" }];

const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["Notes_20261121"],
    scopes: &["notes"],
    query_versions: &["2026-11-21"],
    query_style: Some(QueryStyle { namespace: "http://notes.test/doc/", is_flattened: false, renamed: &[] }),
    rest: Some(RestStyle::JSON),
    wires: &[Wire::Json, Wire::Query, Wire::RestJson],
    operations: &[
        Operation::new("PutNote").on(NOTE).at("PUT", "/2026-11-21/notes/{Name}").answered_with(201).bound(LABELS, &[]),
        Operation::new("GetNote").on(NOTE).at("GET", "/2026-11-21/notes/{Name}"),
        Operation::new("ListNotes").at("GET", "/2026-11-21/notes"),
        Operation::not_offered("DeleteNote").on(NOTE).at("DELETE", "/2026-11-21/notes/{Name}"),
    ],
    resource_types: &[ResourceType { name: "Test::Notes::Note", properties: &["Name", "Text"], attributes: &["Arn"] }],
    ..ServiceModel::new("notes", "Notes")
};
const LABELS: &[BoundMember] = &[BoundMember::query("Labels")];

/// The same in REST-XML, whose operations have other places.
const XML_MODEL: ServiceModel = ServiceModel {
    scopes: &["xmlnotes"],
    rest: Some(RestStyle::xml("http://notes.test/xml/")),
    wires: &[Wire::RestXml],
    operations: &[
        Operation::new("PutNote").on(NOTE).at("PUT", "/2026-11-22/note/{Name}").answered_with(201),
        Operation::new("GetNote").on(NOTE).at("GET", "/2026-11-22/note/{Name}").bound(&[], LABEL_HEADER),
        Operation::new("ListNotes").at("GET", "/2026-11-22/note"),
    ],
    ..ServiceModel::new("xmlnotes", "Notes in XML")
};
const LABEL_HEADER: &[BoundMember] = &[BoundMember::header("Text", "x-note-text")];

/// Notes by name, with labels.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<BTreeMap<String, Note>>>);

/// The notes, as REST-XML has them.
pub(crate) struct XmlNotes(pub(crate) Notes);

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Note {
    name: String,
    text: String,
    #[serde(default)]
    labels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetNoteRequest {
    name: String,
}

#[derive(Deserialize)]
struct ListNotesRequest {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListNotesAnswer {
    notes: Vec<Note>,
}

#[async_trait]
impl Service for Notes {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        let mut notes = self.0.lock().unwrap();
        match call.operation.name {
            "PutNote" => call.perform_void(|_, note: Note| {
                notes.insert(note.name.clone(), note);
                Ok(())
            }),
            "GetNote" => call.perform(|_, request: GetNoteRequest| {
                let found = notes.get(&request.name).cloned();
                found.ok_or_else(|| ApiError::not_found("NoSuchNote", format!("There is no note {}.", request.name)))
            }),
            "ListNotes" => {
                call.perform(|_, _: ListNotesRequest| Ok(ListNotesAnswer { notes: notes.values().cloned().collect() }))
            }
            other => Err(ApiError::unknown_operation(other)),
        }
    }

    fn metrics(&self) -> Vec<Measured> {
        let value = self.0.lock().unwrap().len() as f64;
        let labels = vec![("book", "the \"first\"".to_string())];
        vec![Measured { name: "notes_kept".into(), help: "Notes.", kind: MeasuredKind::Gauge, labels, value }]
    }
}

#[async_trait]
impl Service for XmlNotes {
    fn model(&self) -> &'static ServiceModel {
        &XML_MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        self.0.perform(call).await
    }
}
