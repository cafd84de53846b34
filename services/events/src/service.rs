//! EventBridge as the server sees it.

use anabranch_protocol::{Answer, ApiError, Call, Measured, Problem, Section, Service, ServiceModel, StartFailure};
use async_trait::async_trait;

use crate::events::Events;
use crate::timer::Timer;
use crate::{operations, section};

#[async_trait]
impl Service for Events {
    fn model(&self) -> &'static ServiceModel {
        &operations::MODEL
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

    /// Begins to deliver, what waits from an earlier run first, and to fire scheduled rules.
    fn start(&self) -> Result<(), StartFailure> {
        self.outbox.start()?;
        let mut timer = self.timer.lock();
        if timer.is_none() {
            let scheduled = Timer {
                registry: self.registry.clone(),
                control: self.control.clone(),
                clock: self.clock.clone(),
                outbox: self.outbox.clone(),
                started_ms: self.clock.now_ms(),
            };
            *timer = Some(tokio::spawn(scheduled.run(self.stopping.subscribe())));
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
