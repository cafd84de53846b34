//! Reads SAM and CloudFormation templates into the resources they describe.
//!
//! [`read`] resolves parameters and intrinsic functions, gives every resource its physical name,
//! and checks each property: what is not supported is refused by name and line, all of it at
//! once. Nothing is created here; `anabranch up` does that.
//!
//! Start reading at `resources/mod.rs`, the types of resources there are.

mod intrinsics;
mod mark;
mod names;
mod node;
mod problem;
mod properties;
mod resources;
mod stack;

pub use problem::{Problem, TemplateError};
pub use resources::{
    Bucket, DeliveryStream, EventSource, Function, FunctionCode, HttpApi, LogGroup, Mapping, Notification, Resource,
    ResourceKind, Route, Stream, Table, has_attribute, resource_types,
};
pub use stack::{Options, Stack, read};
