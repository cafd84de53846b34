//! What the operations stand on, and EventBridge as those see it who deliver to event buses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_control::{ControlStore, Table};
use anabranch_delivery::{Outbox, OutboxLimits};
use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::Clock;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::archives::Archives;
use crate::bus::{Bus, BusAddress};
use crate::error::{EventsError, port_not_accepted};
use crate::event::Event;
use crate::registry::Registry;

/// Deliveries that are not done.
const DELIVERIES: Table = Table("events_deliveries");

/// Amazon EventBridge.
///
/// As a [`Target`] it takes messages for event buses. A [`Delivery`] to a bus is an event: its payload
/// is a JSON object with `source`, `detail-type` and `detail` (an object), and, where they are known,
/// `id`, `account`, `region`, `time` and `resources`; those that are missing the bus fills in. The
/// message is taken once all that comes of it is durable.
pub struct Events {
    pub(crate) registry: Arc<Registry>,
    pub(crate) control: ControlStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) targets: Arc<dyn Target>,
    pub(crate) archives: Arc<Archives>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) counters: Counters,
    pub(crate) stopping: watch::Sender<bool>,
    /// Its work in the background.
    pub(crate) tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What was done since the service was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    events: AtomicU64,
    deliveries: AtomicU64,
}

impl Counters {
    pub(crate) fn count_events(&self, events: usize, deliveries: usize) {
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.deliveries.fetch_add(deliveries as u64, Ordering::Relaxed);
    }

    /// Events and deliveries.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.events.load(Ordering::Relaxed), self.deliveries.load(Ordering::Relaxed))
    }
}

impl Events {
    /// Opens the buses and rules that `control` keeps. `targets` is who takes what rules send. Waits
    /// for the disk.
    ///
    /// # Errors
    /// [`EventsError`] when what is stored can't be read.
    pub fn open(
        control: ControlStore,
        clock: Arc<dyn Clock>,
        targets: Arc<dyn Target>,
    ) -> Result<Arc<Self>, EventsError> {
        let registry = Arc::new(Registry::open(control.clone())?);
        let archives = Arc::new(Archives::open(control.clone())?);
        let limits = OutboxLimits::default();
        let outbox = Outbox::open(DELIVERIES, control.clone(), clock.clone(), targets.clone(), limits);
        Ok(Arc::new(Self {
            registry,
            control,
            clock,
            targets,
            archives,
            outbox,
            counters: Counters::default(),
            stopping: watch::Sender::new(false),
            tasks: Mutex::default(),
        }))
    }

    /// Deliveries that were accepted and are not done.
    pub fn pending(&self) -> usize {
        self.outbox.pending()
    }

    fn bus_of(&self, arn: &str) -> Result<Arc<Bus>, PortError> {
        let refused =
            || PortError::new(PortErrorKind::Refused, "ValidationException", format!("{arn} is no event bus"));
        let address = BusAddress::of_arn(arn).ok_or_else(refused)?;
        let missing = || {
            let message = format!("Event bus {} does not exist.", address.name);
            PortError::new(PortErrorKind::NotFound, "ResourceNotFoundException", message)
        };
        self.registry.find(&address).ok_or_else(missing)
    }
}

#[async_trait]
impl Target for Events {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        self.bus_of(target_arn).map(drop)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let bus = self.bus_of(target_arn)?;
        let now_ms = self.clock.now_ms();
        let event = Event::of_document(&delivery.payload, bus.address.account, &bus.address.region, now_ms);
        let malformed = |reason| {
            let message = format!("not an event: {reason}");
            PortError::new(PortErrorKind::Refused, "MalformedDetail", message)
        };
        let event = event.map_err(malformed)?;
        self.route(&[(&bus, event)]).await.map_err(|error| port_not_accepted(&error))
    }
}
