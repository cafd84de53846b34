//! A service of three operations in JSON and Query: all that it takes to move in.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anabranch_protocol::{
    Answer, ApiError, Call, Operation, QueryStyle, ResourceReference, Service, ServiceModel, Wire,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

const NOTE: &[ResourceReference] = &[ResourceReference::Name { member: "Name", resource: "note/{}" }];

const MODEL: ServiceModel = ServiceModel {
    target_prefixes: &["Notes_20261121"],
    scopes: &["notes"],
    query_versions: &["2026-11-21"],
    query_style: Some(QueryStyle { namespace: "http://notes.test/doc/", is_flattened: false, renamed: &[] }),
    wires: &[Wire::Json, Wire::Query],
    operations: &[
        Operation::new("PutNote").on(NOTE),
        Operation::new("GetNote").on(NOTE),
        Operation::new("ListNotes"),
        Operation::not_offered("DeleteNote").on(NOTE),
    ],
    ..ServiceModel::new("notes", "Notes")
};

/// Notes by name, with labels.
#[derive(Default)]
pub(crate) struct Notes(Mutex<BTreeMap<String, Note>>);

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
                found.ok_or_else(|| ApiError::invalid("NoSuchNote", format!("There is no note {}.", request.name)))
            }),
            "ListNotes" => {
                call.perform(|_, _: ListNotesRequest| Ok(ListNotesAnswer { notes: notes.values().cloned().collect() }))
            }
            other => Err(ApiError::unknown_operation(other)),
        }
    }
}
