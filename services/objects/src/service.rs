//! S3 as the server sees it. Its requests are answered by [`Objects::handle`].

use anabranch_protocol::{Problem, Section, Service, ServiceModel};
use async_trait::async_trait;

use crate::model::MODEL;
use crate::section::section;
use crate::store::Objects;

#[async_trait]
impl Service for Objects {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    fn problems(&self) -> Vec<Problem> {
        Objects::problems(self)
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section(self.stat())]
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}
