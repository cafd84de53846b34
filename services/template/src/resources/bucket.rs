//! `AWS::S3::Bucket`.

use super::reading::Reading;
use crate::node::Node;
use crate::properties::Properties;

/// A bucket. Notifications come from the functions' `S3` events.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
}

pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Bucket {
    let mut properties = Properties::new(node, reading.path(), reading.problems);
    properties.any("BucketName");
    let without_effect = properties.without_effect(&[
        "BucketEncryption",
        "LifecycleConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "Tags",
    ]);
    reading.note(&without_effect, "has no effect locally");
    properties.finish(reading.problems);
    Bucket { name: reading.physical_id.into() }
}
