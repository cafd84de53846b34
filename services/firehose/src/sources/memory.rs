//! A source for tests: records in memory that nobody can put, as those of another service's stream.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use anabranch_protocol::{ApiError, Problem};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::contract::{Pending, Place, RecordSource, SourceError, SourceKind, SourceSettings};
use crate::error::{FirehoseError, PutError};

/// The records of each delivery stream, by the directory that it would have.
static RECORDS: LazyLock<Mutex<BTreeMap<PathBuf, Vec<Bytes>>>> = LazyLock::new(Mutex::default);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    records: Vec<String>,
}

impl SourceKind for Memory {
    const TYPE: &'static str = "MSKAsSource";

    fn configured() -> Result<Self, ApiError> {
        Ok(Self { records: vec!["one ".into(), "two ".into(), "three".into()] })
    }
}

impl SourceSettings for Memory {
    fn open(&self, place: &Place) -> Result<Arc<dyn RecordSource>, FirehoseError> {
        let mut all = RECORDS.lock();
        let records = all
            .entry(place.directory.clone())
            .or_insert_with(|| self.records.iter().map(|record| Bytes::from(record.clone())).collect());
        Ok(Arc::new(Records(records.clone())))
    }

    fn is_lost(&self, _: &Place) -> bool {
        false
    }
}

struct Records(Vec<Bytes>);

#[async_trait]
impl RecordSource for Records {
    fn end(&self) -> u64 {
        self.0.len() as u64
    }

    async fn grown_past(&self, position: u64) {
        if position >= self.end() {
            std::future::pending().await
        }
    }

    fn collect(&self, pending: &mut Pending, bytes_max: u64) -> Result<(), SourceError> {
        while pending.bytes < bytes_max && pending.end < self.end() {
            pending.add(pending.end, 0, self.0[pending.end as usize].len());
        }
        Ok(())
    }

    fn read(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), SourceError> {
        Ok(range.into_iter().try_for_each(|at| look(&self.0[at as usize]))?)
    }

    fn release(&self, _: u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn problems(&self, _: &str) -> Vec<Problem> {
        Vec::new()
    }

    fn close(&self) -> Result<(), SourceError> {
        Ok(())
    }

    async fn put(self: Arc<Self>, _: u64, _: Vec<Bytes>) -> Result<u64, PutError> {
        Err(PutError::NotPermitted(Memory::TYPE))
    }
}
