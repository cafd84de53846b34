//! The AWS wire as every service here sees it: who asks ([`RequestContext`]), in which
//! encoding ([`Encoding`]), what may go wrong ([`ApiError`]) and what time it is ([`Clock`]).
//!
//! This crate knows no service and opens no socket. The gateway in `services/server` turns
//! HTTP requests into calls of [`Service`]; each service crate implements it once.
//! Start reading at `service/mod.rs`, the contract.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod arn;
mod bounded;
mod cbor;
mod cbor_reader;
mod clipped;
mod clock;
mod constraint;
mod context;
mod encoding;
mod error;
mod event_stream;
mod json;
mod measured;
mod mismatch;
mod page;
mod port_error;
mod problem;
mod query;
mod rest;
mod service;
mod structure;
mod worded;

pub use arn::{ARN_CHARACTERS_MAX, Account, Arn, NotAnArn, Region};
pub use bounded::{BoundedList, BoundedMap};
pub use clipped::{Clipped, REPEATED_CHARS_MAX};
pub use clock::{Clock, ManualClock, ServiceInstant, Sleep, SystemClock};
pub use constraint::{Integer, List, Pattern, Text, VIOLATIONS_MAX, Violations};
pub use context::RequestContext;
pub use encoding::{Blob, Encoding, Timestamp};
pub use error::{ApiError, ErrorKind};
pub use event_stream::{EVENT_STREAM_TYPE, Event, EventStream};
pub use measured::{Measured, MeasuredKind};
pub use page::{NotAToken, Page};
pub use problem::{Problem, ProblemKind};
pub use query::{
    PARAMETER_DEPTH_MAX, PARAMETERS_MAX, QUERY_ANSWER_TYPE, QueryRequest, QueryStyle, query_answer, query_error,
};
pub use rest::{HttpAnswer, ModelledError, RestBody, RestRequest, RestStyle, rest_error, rest_xml_error};
pub use service::{
    Answer, BoundMember, Call, Cell, Column, HttpBinding, HttpBody, HttpEntry, Matched, NotText, Operation, Place,
    ResourceReference, ResourceType, Section, Service, ServiceModel, StartFailure, Wire,
};
