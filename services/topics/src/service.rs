//! SNS as the server sees it.

use std::sync::Arc;

use anabranch_control::{Changes, ControlStore};
use anabranch_delivery::{Outbox, OutboxLimits};
use anabranch_ports::Target;
use anabranch_protocol::{
    Answer, ApiError, Call, Clock, HttpBody, Measured, MeasuredKind, Problem, RequestContext, Section, Service,
    ServiceModel, StartFailure,
};
use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};

use crate::catalog::Catalog;
use crate::http_client::EndpointsAndTargets;
use crate::model::MODEL;
use crate::operations;
use crate::section::section;
use crate::shared::Shared;
use crate::signing::Signer;
use crate::stored::DELIVERIES;

/// The service.
pub struct Topics {
    pub(crate) shared: Arc<Shared>,
}

impl Topics {
    /// Opens what control state has of topics. `targets` takes messages for queues, functions and
    /// delivery streams; `base_url` is how subscribers reach this server. Waits for the disk.
    ///
    /// # Errors
    /// When control state can't be read.
    pub fn open(
        control: ControlStore,
        clock: Arc<dyn Clock>,
        targets: Arc<dyn Target>,
        base_url: &str,
    ) -> Result<Arc<Self>, StartFailure> {
        let targets = EndpointsAndTargets::around(targets);
        let outbox = Outbox::open(DELIVERIES, control.clone(), clock.clone(), targets, OutboxLimits::default());
        let (catalog, strays) = Catalog::open(&control, outbox.clone())?;
        if !strays.is_empty() {
            let mut changes = Changes::default();
            strays.iter().for_each(|(table, key)| changes.delete(*table, key));
            control.commit(changes)?;
        }
        let signer = Signer::new(control, base_url);
        let shared = Shared { clock, base_url: base_url.into(), catalog: Arc::new(catalog), outbox, signer };
        Ok(Arc::new(Self { shared: Arc::new(shared) }))
    }
}

#[async_trait]
impl Service for Topics {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(&self.shared, call).await
    }

    /// The certificate that signatures are checked with.
    async fn handle(&self, context: &RequestContext, request: Request<HttpBody>) -> Response<HttpBody> {
        let id = &context.request_id;
        match self.shared.signer.certificate(request.uri().path()).await {
            Ok(Some(certificate)) => {
                let mut response = Response::new(HttpBody::from(certificate));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
                response
            }
            Ok(None) => self.refuse(&ApiError::not_found("NotFound", "There is no such certificate"), 404, id),
            Err(error) => self.refuse(&error, error.status(), id),
        }
    }

    fn metrics(&self) -> Vec<Measured> {
        let figures = self.shared.outbox.figures();
        let measured = |name: &'static str, help, kind, value: u64| Measured {
            name: name.into(),
            help,
            kind,
            labels: Vec::new(),
            value: value as f64,
        };
        let (counter, pending) = (MeasuredKind::Counter, self.shared.outbox.pending() as u64);
        vec![
            measured("anabranch_sns_deliveries_pending", "Deliveries that are not done", MeasuredKind::Gauge, pending),
            measured("anabranch_sns_deliveries_taken", "Deliveries that were taken", counter, figures.delivered),
            measured(
                "anabranch_sns_deliveries_dead_lettered",
                "Deliveries that went to a dead-letter queue",
                counter,
                figures.dead_lettered,
            ),
            measured("anabranch_sns_deliveries_given_up", "Deliveries that nobody took", counter, figures.given_up),
        ]
    }

    fn problems(&self) -> Vec<Problem> {
        self.shared.outbox.problems()
    }

    async fn sections(&self) -> Vec<Section> {
        vec![self.shared.catalog.read(section)]
    }

    fn start(&self) -> Result<(), StartFailure> {
        Ok(self.shared.outbox.start()?)
    }

    async fn pause(&self) {
        self.shared.outbox.close().await;
    }
}
