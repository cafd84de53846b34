//! HTTP APIs as the server sees them. Their requests are answered by [`HttpApis::handle`].

use anabranch_protocol::{Section, Service, ServiceModel, Wire};
use async_trait::async_trait;

use crate::HttpApis;
use crate::section::section;

const MODEL: ServiceModel = ServiceModel { wires: &[Wire::Http], ..ServiceModel::new("apigateway", "API Gateway") };

#[async_trait]
impl Service for HttpApis {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section(&self.list())]
    }
}
