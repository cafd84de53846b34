//! STS as the server sees it.

use anabranch_protocol::{Answer, ApiError, Call, Service, ServiceModel};
use async_trait::async_trait;

use crate::identity::Identity;
use crate::operations;

#[async_trait]
impl Service for Identity {
    fn model(&self) -> &'static ServiceModel {
        &operations::MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(self, call)
    }
}
