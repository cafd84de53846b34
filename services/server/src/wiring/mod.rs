//! All services of one server, opened in the order in which they need one another.

use std::sync::Arc;

use anabranch_protocol::JsonService;
use anabranch_tables::Tables;

use crate::StartError;
use crate::data_directory::DataDirectory;

/// The services that a server runs.
pub struct Services {
    /// DynamoDB.
    pub tables: Arc<Tables>,
}

impl Services {
    /// Opens each service's part of `data` and resumes its background work.
    pub(crate) fn open(data: &DataDirectory) -> Result<Arc<Self>, StartError> {
        let tables = Tables::open(&data.join("tables")).map_err(|error| StartError::service("dynamodb", error))?;
        Ok(Arc::new(Self { tables }))
    }

    /// The services that are called by `X-Amz-Target`.
    pub(crate) fn json(&self) -> Vec<Arc<dyn JsonService>> {
        vec![self.tables.clone(), Arc::new(self.tables.streams())]
    }

    /// For each service whether it works, or why not.
    pub(crate) async fn status(&self) -> Vec<(&'static str, Result<(), String>)> {
        let dynamodb = self.tables.stat().await.map(drop).map_err(|error| error.to_string());
        vec![("dynamodb", dynamodb)]
    }

    /// Stops background work and closes everything; what was acknowledged is on the disk.
    pub(crate) async fn shutdown(&self) {
        self.tables.shutdown().await;
    }
}
