//! An event's way from its bus to the targets of the rules that it matches.

use anabranch_control::Changes;
use anabranch_delivery::{AcceptError, NewDelivery, Outbox};

use crate::bus::Bus;
use crate::event::Event;
use crate::events::Events;
use crate::limits::ACCEPTED_BYTES_MAX;

/// Deliveries on their way into the outbox, in one commit as far as they are not too large together.
pub(crate) struct Accepting<'a> {
    outbox: &'a Outbox,
    deliveries: Vec<NewDelivery>,
    bytes: usize,
    count: usize,
}

impl<'a> Accepting<'a> {
    pub(crate) fn new(outbox: &'a Outbox) -> Self {
        Self { outbox, deliveries: Vec::new(), bytes: 0, count: 0 }
    }

    /// Adds a delivery. It may be durable before the others are.
    pub(crate) async fn add(&mut self, delivery: NewDelivery) -> Result<(), AcceptError> {
        self.bytes += delivery.delivery.payload.len();
        self.count += 1;
        self.deliveries.push(delivery);
        if self.bytes > ACCEPTED_BYTES_MAX {
            self.bytes = 0;
            self.outbox.accept(std::mem::take(&mut self.deliveries)).await?;
        }
        Ok(())
    }

    /// Makes the rest durable, with `changes`; says how many deliveries there were.
    pub(crate) async fn finish(self, changes: Changes) -> Result<usize, AcceptError> {
        self.outbox.accept_with(self.deliveries, changes).await?;
        Ok(self.count)
    }
}

impl Events {
    /// Hands each event to the targets of the rules of its bus that it matches, and to the archives of
    /// the bus. When this returns all that comes of it is durable. If it fails, some of it may be.
    pub(crate) async fn route(&self, events: &[(&Bus, Event)]) -> Result<(), AcceptError> {
        let (mut changes, mut kept) = (Changes::default(), 0);
        let mut accepting = Accepting::new(&self.outbox);
        for (bus, event) in events {
            kept += self.archives.keep(&bus.settings.arn, event, &mut changes)?;
            for rule in bus.matched(event) {
                for target in &rule.settings.targets {
                    accepting.add(target.delivery(event, rule.sender())).await?;
                }
            }
        }
        // Where nothing comes of events there is nothing to wait for.
        let deliveries = match accepting.deliveries.is_empty() && kept == 0 {
            true => accepting.count,
            false => accepting.finish(changes).await?,
        };
        self.counters.count_events(events.len(), deliveries);
        Ok(())
    }
}
