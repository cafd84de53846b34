//! What the readers of all resource types share.

use crate::mark::Mark;
use crate::node::Node;
use crate::problem::Problems;

/// What reading a resource needs to know besides its properties.
pub(crate) struct Reading<'a> {
    pub(crate) logical_id: &'a str,
    pub(crate) physical_id: &'a str,
    pub(crate) mark: Mark,
    /// The resource's `Metadata`, evaluated.
    pub(crate) metadata: Option<&'a Node>,
    pub(crate) problems: &'a mut Problems,
    /// What was accepted without effect.
    pub(crate) notices: &'a mut Vec<String>,
}

impl Reading<'_> {
    pub(crate) fn path(&self) -> String {
        format!("Resources.{}.Properties", self.logical_id)
    }

    /// Notes what has no effect here, and why.
    pub(crate) fn note(&mut self, properties: &[&str], why: &str) {
        for property in properties {
            self.notices.push(format!("{}.{property}: {why}", self.logical_id));
        }
    }
}
