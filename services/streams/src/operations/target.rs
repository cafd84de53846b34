//! Streams as other services put messages to them: PutRecord, from inside the program.

use std::borrow::Cow;
use std::sync::Arc;

use anabranch_ports::{Delivery, PortError, Target};
use anabranch_protocol::{Blob, Violations};
use async_trait::async_trait;
use uuid::Uuid;

use super::put_records::{PutRecordsEntry, put};
use crate::error::{Error, RequestError, StreamNotFound, port_error};
use crate::service::Streams;
use crate::state::key::StreamKey;
use crate::stream::Stream;

impl Streams {
    fn target(&self, target_arn: &str) -> Result<Arc<Stream>, Error> {
        let key = StreamKey::of_arn(target_arn).ok_or_else(|| RequestError::StreamArn(target_arn.to_string()))?;
        let stream = self.registry.get(&key)?;
        match stream.state().deleting || stream.log.is_deleted() {
            true => Err(StreamNotFound(key).into()),
            false => Ok(stream),
        }
    }
}

/// The limits of the stream's shards hold for other services as for any producer.
#[async_trait]
impl Target for Streams {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        self.target(target_arn).map(drop).map_err(port_error)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let stream = self.target(target_arn).map_err(port_error)?;
        let key = delivery.partition_key.unwrap_or_else(|| Uuid::new_v4().to_string());
        let entry = PutRecordsEntry {
            data: Some(Blob(delivery.payload)),
            partition_key: Some(Cow::Owned(key)),
            explicit_hash_key: None,
        };
        let mut violations = Violations::default();
        entry.validate(format_args!(""), &mut violations);
        violations.finish()?;
        entry.check_size(format_args!(""), stream.state().record_bytes_max())?;
        let placed = put(self, &stream, vec![entry]).await.map_err(port_error)?;
        placed.into_iter().try_for_each(|placed| placed.map(drop)).map_err(port_error)
    }
}
