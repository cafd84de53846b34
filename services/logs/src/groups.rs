//! The log groups by account, region and name.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_control::Changes;
use anabranch_protocol::{ApiError, Arn, RequestContext};
use parking_lot::{Mutex, RwLock};

use crate::error::{LogsError, StoreError};
use crate::error::{already_exists, group_not_found, invalid_parameter, limit_exceeded};
use crate::group::Group;
use crate::limits::LOG_GROUPS_MAX;
use crate::store::Store;
use crate::stored::{GROUPS, StoredGroup};

#[derive(Default)]
pub(crate) struct Groups {
    /// By `<account>/<region>/<name>`.
    groups: RwLock<BTreeMap<String, Arc<Group>>>,
    /// Held while a group is made or deleted. Not for threads of the runtime.
    changing: Mutex<()>,
}

/// What the keys of a caller's groups begin with.
fn prefix(context: &RequestContext) -> String {
    format!("{}/{}/", context.account, context.region)
}

fn key_of(row: &StoredGroup) -> String {
    format!("{}/{}/{}", row.account, row.region, row.name)
}

impl Groups {
    /// The groups that control state knows; logs that belong to none are moved aside.
    pub(crate) fn open(store: &Store) -> Result<Self, LogsError> {
        let rows = store.control.scan::<StoredGroup>(GROUPS, "")?;
        let owned = rows.iter().map(|(_, row)| row.id).collect();
        store
            .move_strays_aside(&owned)
            .map_err(|source| LogsError::Directory { path: store.directory.clone(), source })?;
        let groups = rows.into_iter().map(|(_, row)| (key_of(&row), Arc::new(Group::new(row)))).collect();
        Ok(Self { groups: RwLock::new(groups), changing: Mutex::new(()) })
    }

    /// The caller's group `name`.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn find(&self, context: &RequestContext, name: &str) -> Result<Arc<Group>, ApiError> {
        let found = self.groups.read().get(&(prefix(context) + name)).cloned();
        found.ok_or_else(group_not_found)
    }

    /// The group that a name or an ARN means, which may be of another account or region.
    ///
    /// # Errors
    /// When there is none, or the ARN is that of something else.
    pub(crate) fn identified(&self, context: &RequestContext, identifier: &str) -> Result<Arc<Group>, ApiError> {
        if !identifier.starts_with("arn:") {
            return self.find(context, identifier);
        }
        let invalid = || invalid_parameter(format!("Invalid log group identifier: {identifier}"));
        let arn: Arn = identifier.parse().map_err(|_| invalid())?;
        let name = arn.resource_after("log-group:").filter(|_| &*arn.service == "logs").ok_or_else(invalid)?;
        let name = name.strip_suffix(":*").unwrap_or(name);
        let (Some(region), Some(account)) = (arn.region.clone(), arn.account) else { return Err(invalid()) };
        self.find(&RequestContext { region, account, ..context.clone() }, name)
    }

    /// The caller's groups whose name begins with `name_prefix` and comes after `after`, in order.
    pub(crate) fn of_caller(&self, context: &RequestContext, name_prefix: &str, after: &str) -> Vec<Arc<Group>> {
        let theirs = prefix(context);
        let prefix = theirs.clone() + name_prefix;
        let after = theirs + after;
        let groups = self.groups.read();
        let from = prefix.clone().max(after.clone());
        let found = groups.range(from..).skip_while(|(key, _)| !key.starts_with(&prefix) && **key < prefix);
        let found = found.take_while(|(key, _)| key.starts_with(&prefix)).filter(|(key, _)| **key > after);
        found.map(|(_, group)| group.clone()).collect()
    }

    /// All groups.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        self.groups.read().values().cloned().collect()
    }

    /// Makes a group. Blocks on the disk.
    pub(crate) fn create(&self, store: &Store, row: StoredGroup) -> Result<Arc<Group>, ApiError> {
        let _changing = self.changing.lock();
        let key = key_of(&row);
        let (exists, count) = {
            let groups = self.groups.read();
            (groups.contains_key(&key), groups.len())
        };
        if exists {
            return Err(already_exists("The specified log group already exists"));
        }
        if count >= LOG_GROUPS_MAX {
            return Err(limit_exceeded());
        }
        let mut changes = Changes::default();
        let commit = changes.put(GROUPS, &row.id.to_string(), &row).and_then(|()| store.control.commit(changes));
        commit.map_err(StoreError::from)?;
        let group = Arc::new(Group::new(row));
        self.groups.write().insert(key, group.clone());
        Ok(group)
    }

    /// Deletes a group. Blocks on the disk.
    pub(crate) fn delete(&self, store: &Store, group: &Group) -> Result<(), StoreError> {
        let _changing = self.changing.lock();
        group.delete(store)?;
        self.groups.write().remove(&key_of(&group.row()));
        Ok(())
    }
}
