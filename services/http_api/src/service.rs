//! HTTP APIs as the server sees them. Their requests are answered by [`HttpApis::handle`].

use anabranch_protocol::{Service, ServiceModel, Wire};

use crate::HttpApis;

const MODEL: ServiceModel = ServiceModel { wires: &[Wire::Http], ..ServiceModel::new("apigateway", "API Gateway") };

impl Service for HttpApis {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }
}
