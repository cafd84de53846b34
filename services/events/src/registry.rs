//! The event buses of all accounts and regions with their rules. Every change goes through here.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_control::{Changes, ControlStore, Table};
use anabranch_protocol::{ApiError, RequestContext};
use parking_lot::RwLock;
use tokio::sync::{Notify, OwnedMutexGuard};

use crate::bus::{Bus, BusAddress, BusSettings, DEFAULT_BUS};
use crate::error::{EventsError, not_found, store_failed};
use crate::rule::{Rule, RuleSettings};

/// Event buses by ARN; a default bus is in it once it was changed.
const BUSES: Table = Table("events_buses");
/// Rules by ARN.
const RULES: Table = Table("events_rules");

/// Event buses and rules.
pub(crate) struct Registry {
    control: ControlStore,
    /// By ARN.
    buses: RwLock<BTreeMap<String, Arc<Bus>>>,
    /// Held while something is changed.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// Rules with schedules may have changed.
    pub(crate) schedules_changed: Notify,
}

/// The right to change something: one change at a time.
pub(crate) type Changing = OwnedMutexGuard<()>;

impl Registry {
    /// Reads what is stored. Waits for the disk.
    pub(crate) fn open(control: ControlStore) -> Result<Self, EventsError> {
        let mut rules: BTreeMap<String, BTreeMap<String, Arc<Rule>>> = BTreeMap::new();
        for (arn, settings) in control.scan::<RuleSettings>(RULES, "")? {
            let (bus_arn, name) = (settings.bus_arn.clone(), settings.name.clone());
            let unreadable = |error: ApiError| EventsError::Rule { arn, reason: error.message };
            rules.entry(bus_arn).or_default().insert(name, Arc::new(Rule::new(settings).map_err(unreadable)?));
        }
        let mut settings: BTreeMap<String, BusSettings> = control.scan::<BusSettings>(BUSES, "")?.into_iter().collect();
        let arns: Vec<String> = rules.keys().chain(settings.keys()).cloned().collect();
        let mut buses = BTreeMap::new();
        for arn in arns {
            if let Some(address) = BusAddress::of_arn(&arn)
                && !buses.contains_key(&arn)
            {
                let settings = settings.remove(&arn).unwrap_or_else(|| BusSettings::new(&address));
                let rules = rules.remove(&arn).unwrap_or_default();
                buses.insert(arn, Arc::new(Bus::new(settings, address, rules)));
            }
        }
        let buses = RwLock::new(buses);
        Ok(Self { control, buses, changing: Arc::default(), schedules_changed: Notify::new() })
    }

    /// The bus that a request names, by name or ARN; the default one if it names none.
    pub(crate) fn address(context: &RequestContext, name_or_arn: Option<&str>) -> BusAddress {
        let name = name_or_arn.unwrap_or(DEFAULT_BUS);
        BusAddress::of_arn(name).unwrap_or_else(|| BusAddress {
            region: context.region.clone(),
            account: context.account,
            name: name.into(),
        })
    }

    /// The bus at `address`, if there is one.
    pub(crate) fn find(&self, address: &BusAddress) -> Option<Arc<Bus>> {
        let found = self.buses.read().get(&address.arn()).cloned();
        let default = || Arc::new(Bus::new(BusSettings::new(address), address.clone(), BTreeMap::new()));
        found.or_else(|| (address.name == DEFAULT_BUS).then(default))
    }

    /// The bus that a request names.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(crate) fn bus(&self, context: &RequestContext, name_or_arn: Option<&str>) -> Result<Arc<Bus>, ApiError> {
        let address = Self::address(context, name_or_arn);
        self.find(&address).ok_or_else(|| not_found(format!("Event bus {} does not exist.", address.name)))
    }

    /// A rule that a request names, with its bus.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(crate) fn rule(
        &self,
        context: &RequestContext,
        name_or_arn: Option<&str>,
        rule: &str,
    ) -> Result<(Arc<Bus>, Arc<Rule>), ApiError> {
        let bus = self.bus(context, name_or_arn)?;
        let missing = || not_found(format!("Rule {rule} does not exist on EventBus {}.", bus.settings.name));
        let rule = bus.rules.get(rule).cloned().ok_or_else(missing)?;
        Ok((bus, rule))
    }

    /// The caller's buses by name, the default one among them.
    pub(crate) fn of_caller(&self, context: &RequestContext) -> Vec<Arc<Bus>> {
        let mut default = self.find(&Self::address(context, None));
        let prefix = context.arn("events", "event-bus/").to_string();
        let buses = self.buses.read();
        let theirs = buses.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
        let mut theirs: Vec<Arc<Bus>> = theirs.map(|(_, bus)| bus.clone()).collect();
        if theirs.iter().all(|bus| bus.settings.name != DEFAULT_BUS) {
            theirs.extend(default.take());
            theirs.sort_by(|one, other| one.settings.name.cmp(&other.settings.name));
        }
        theirs
    }

    /// All buses that were made or changed.
    pub(crate) fn all(&self) -> Vec<Arc<Bus>> {
        self.buses.read().values().cloned().collect()
    }

    /// The rule with this ARN.
    pub(crate) fn rule_by_arn(&self, arn: &str) -> Option<Arc<Rule>> {
        let buses = self.buses.read();
        let found = buses.values().flat_map(|bus| bus.rules.values()).find(|rule| rule.settings.arn == arn);
        found.cloned()
    }

    /// Waits for the right to change something. What is read after it does not change until it is
    /// given back.
    pub(crate) async fn changing(&self) -> Changing {
        self.changing.clone().lock_owned().await
    }

    /// Stores a bus, without its rules.
    pub(crate) async fn put_bus(self: &Arc<Self>, changing: Changing, bus: Bus) -> Result<(), ApiError> {
        let mut changes = Changes::default();
        changes.put(BUSES, &bus.settings.arn, &bus.settings).map_err(|error| store_failed(&error))?;
        self.commit(changing, changes, move |buses| {
            buses.insert(bus.settings.arn.clone(), Arc::new(bus));
        })
        .await
    }

    /// Removes a bus that has no rules.
    pub(crate) async fn delete_bus(self: &Arc<Self>, changing: Changing, arn: String) -> Result<(), ApiError> {
        let mut changes = Changes::default();
        changes.delete(BUSES, &arn);
        self.commit(changing, changes, move |buses| {
            buses.remove(&arn);
        })
        .await
    }

    /// Stores a rule of `bus`.
    pub(crate) async fn put_rule(self: &Arc<Self>, changing: Changing, bus: &Bus, rule: Rule) -> Result<(), ApiError> {
        let mut changes = Changes::default();
        changes.put(RULES, &rule.settings.arn, &rule.settings).map_err(|error| store_failed(&error))?;
        let bus = bus.with_rule(rule);
        self.commit(changing, changes, move |buses| {
            buses.insert(bus.settings.arn.clone(), Arc::new(bus));
        })
        .await
    }

    /// Removes a rule of `bus`, with `more`.
    pub(crate) async fn delete_rule(
        self: &Arc<Self>,
        changing: Changing,
        bus: &Bus,
        rule: &Rule,
        mut more: Changes,
    ) -> Result<(), ApiError> {
        more.delete(RULES, &rule.settings.arn);
        let bus = bus.without_rule(&rule.settings.name);
        self.commit(changing, more, move |buses| {
            buses.insert(bus.settings.arn.clone(), Arc::new(bus));
        })
        .await
    }

    /// Commits `changes`, then shows them. It goes on if the caller leaves.
    async fn commit(
        self: &Arc<Self>,
        changing: Changing,
        changes: Changes,
        show: impl FnOnce(&mut BTreeMap<String, Arc<Bus>>) + Send + 'static,
    ) -> Result<(), ApiError> {
        let registry = self.clone();
        let committed = tokio::spawn(async move {
            registry.control.commit_async(changes).await?;
            show(&mut registry.buses.write());
            registry.schedules_changed.notify_one();
            drop(changing);
            Ok(())
        });
        match committed.await {
            Ok(outcome) => outcome.map_err(|error| store_failed(&error)),
            Err(error) => Err(ApiError::internal(format!("the change did not end: {error}"))),
        }
    }
}
