//! An event's way from its bus to the targets of the rules that it matches.

use anabranch_control::Changes;
use anabranch_delivery::{AcceptError, NewDelivery};

use crate::bus::Bus;
use crate::event::Event;
use crate::events::Events;

impl Events {
    /// Hands each event to the targets of the rules of its bus that it matches, and to the archives of
    /// the bus. When this returns all
    /// that comes of it is durable, in one commit.
    pub(crate) async fn route(&self, events: &[(&Bus, Event)]) -> Result<(), AcceptError> {
        let deliveries: Vec<NewDelivery> = events.iter().flat_map(|(bus, event)| deliveries(bus, event)).collect();
        self.counters.count_events(events.len(), deliveries.len());
        let (mut changes, mut kept) = (Changes::default(), 0);
        for (bus, event) in events {
            kept += self.archives.keep(&bus.settings.arn, event, &mut changes)?;
        }
        match deliveries.is_empty() && kept == 0 {
            true => Ok(()),
            false => self.outbox.accept_with(deliveries, changes).await,
        }
    }
}

fn deliveries<'a>(bus: &'a Bus, event: &'a Event) -> impl Iterator<Item = NewDelivery> + 'a {
    let rules = bus.matched(event);
    rules.flat_map(move |rule| rule.settings.targets.iter().map(move |target| target.delivery(event, rule.sender())))
}
