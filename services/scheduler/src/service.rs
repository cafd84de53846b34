//! Scheduler as the server sees it.

use anabranch_protocol::{Answer, ApiError, Call, Measured, Problem, Section, Service, ServiceModel, StartFailure};
use async_trait::async_trait;

use crate::scheduler::Scheduler;
use crate::timer::Timer;
use crate::{model, operations, section};

#[async_trait]
impl Service for Scheduler {
    fn model(&self) -> &'static ServiceModel {
        &model::MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(self, call).await
    }

    fn metrics(&self) -> Vec<Measured> {
        section::metrics(self)
    }

    fn problems(&self) -> Vec<Problem> {
        self.outbox.problems()
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section::section(self)]
    }

    /// Begins to deliver, what waits from an earlier run first, and to fire.
    fn start(&self) -> Result<(), StartFailure> {
        self.outbox.start()?;
        let mut timer = self.timer.lock();
        if timer.is_none() {
            let (registry, clock, outbox) = (self.registry.clone(), self.clock.clone(), self.outbox.clone());
            *timer = Some(tokio::spawn(Timer { registry, clock, outbox }.run(self.stopping.subscribe())));
        }
        Ok(())
    }

    /// Stops firing and delivering; what is not done goes on at the next start.
    async fn close(&self) {
        self.stopping.send_replace(true);
        let timer = self.timer.lock().take();
        if let Some(timer) = timer {
            let _ = timer.await;
        }
        self.outbox.close().await;
    }
}
