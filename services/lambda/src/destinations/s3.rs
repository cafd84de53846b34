//! Buckets as destinations: a message is an object, with the whole payload in it.

use anabranch_ports::{NewObject, PortError};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::message::{Kind, Message, Services};

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its name.
    bucket: String,
}

impl Bucket {
    pub(super) fn from_arn(arn: &Arn) -> Option<Self> {
        arn.bucket_name().map(|bucket| Self { bucket: bucket.into() })
    }
}

#[async_trait]
impl Kind for Bucket {
    fn arn(&self) -> Arn {
        Arn::bucket(&self.bucket)
    }

    /// A bucket may be made later; until then nothing is given up.
    async fn check(&self, _services: &Services) -> Result<(), PortError> {
        Ok(())
    }

    async fn send(&self, message: &Message, services: &Services) -> Result<(), PortError> {
        let object = NewObject::new(message.with_payload(), "application/json");
        services.objects.put_object(&self.bucket, &message.key, object).await
    }
}
