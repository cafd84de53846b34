//! Tables of values, and changes to them.

use std::sync::Arc;

use redb::TableDefinition;

use crate::stored::{RowError, decode, encode};
use crate::{ControlError, Result, Stored, View};

/// A table: a name under which values live. Declare each once as a constant.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static str);

impl Table {
    pub(crate) fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(self.0)
    }

    pub(crate) fn decode<V: View>(self, key: &str, row: &[u8]) -> Result<V> {
        decode(row).map_err(|error| match error {
            RowError::Newer { version, known } => {
                ControlError::Newer { table: self.0, key: key.into(), version, known }
            }
            RowError::Form(source) => ControlError::Value { table: self.0, key: key.into(), source: Arc::new(source) },
        })
    }
}

/// Writes that are applied together by [`ControlStore::commit`](crate::ControlStore::commit).
#[derive(Debug, Default)]
pub struct Changes(pub(crate) Vec<Change>);

/// A value to be set, or removed where there is none.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) table: Table,
    pub(crate) key: String,
    pub(crate) value: Option<Vec<u8>>,
}

impl Changes {
    /// Adds a write of `value` under `key`.
    pub fn put<V: Stored>(&mut self, table: Table, key: &str, value: &V) -> Result<()> {
        let value = encode(value).map_err(|source| ControlError::Value {
            table: table.0,
            key: key.into(),
            source: Arc::new(source),
        })?;
        self.0.push(Change { table, key: key.into(), value: Some(value) });
        Ok(())
    }

    /// Adds a removal of `key`.
    pub fn delete(&mut self, table: Table, key: &str) {
        self.0.push(Change { table, key: key.into(), value: None });
    }
}
