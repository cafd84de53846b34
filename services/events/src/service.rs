//! EventBridge as the server sees it.

use anabranch_protocol::{Answer, ApiError, Call, Measured, Problem, Section, Service, ServiceModel, StartFailure};
use async_trait::async_trait;

use crate::events::Events;
use crate::replaying::Replaying;
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

    /// Begins to deliver, what waits from an earlier run first, and to fire
    /// scheduled rules and to go on with replays.
    fn start(&self) -> Result<(), StartFailure> {
        self.outbox.start()?;
        let mut tasks = self.tasks.lock();
        if tasks.is_empty() {
            let scheduled = Timer {
                registry: self.registry.clone(),
                control: self.control.clone(),
                clock: self.clock.clone(),
                outbox: self.outbox.clone(),
                started_ms: self.clock.now_ms(),
            };
            let replaying = Replaying {
                archives: self.archives.clone(),
                registry: self.registry.clone(),
                clock: self.clock.clone(),
                outbox: self.outbox.clone(),
            };
            tasks.push(tokio::spawn(scheduled.run(self.stopping.subscribe())));
            tasks.push(tokio::spawn(replaying.run(self.stopping.subscribe())));
        }
        Ok(())
    }

    /// Stops firing and delivering; what is not done goes on at the next start.
    async fn close(&self) {
        self.stopping.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            let _ = task.await;
        }
        self.outbox.close().await;
    }
}
