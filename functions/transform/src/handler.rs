//! The handler: each object the notification names is read, claimed, curated.

use crate::claim::claim_all;
use crate::curate::{curated_objects, error_object};
use crate::raw_object::RawObject;
use crate::store::{Ledger, ObjectStore, StoreError};
use aws_lambda_events::event::s3::{S3Entity, S3Event};
use futures::{TryStreamExt, stream};
use percent_encoding::percent_decode_str;

/// How many objects are written at once.
const PUTS_AT_ONCE: usize = 8;

/// The function: where objects are read, claims kept and results written.
pub struct Transform<O, L> {
    /// Raw and curated objects.
    pub objects: O,
    /// The tables `seen` and `pages`.
    pub ledger: L,
    /// The bucket of results.
    pub curated_bucket: String,
}

/// Why an object could not be processed; the notification is delivered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// The notification names no object.
    #[error("the notification names no bucket or key")]
    NoObject,
    /// The key is not UTF-8 once decoded.
    #[error("the key {0:?} is not UTF-8")]
    Key(String),
    /// Objects or tables did not answer.
    #[error("object {key:?}: {cause}")]
    Store {
        /// The raw object.
        key: String,
        /// What went wrong.
        cause: StoreError,
    },
    /// A result could not be written as JSON.
    #[error("object {key:?}: {cause}")]
    Json {
        /// The raw object.
        key: String,
        /// What went wrong.
        cause: String,
    },
}

impl<O: ObjectStore, L: Ledger> Transform<O, L> {
    /// Transforms every object of a notification.
    ///
    /// # Errors
    /// [`TransformError`] for the first object that cannot be processed now. What is done stays done, and
    /// doing it again changes nothing.
    pub async fn handle(&self, event: &S3Event) -> Result<(), TransformError> {
        for record in &event.records {
            let (bucket, key) = place(&record.s3)?;
            self.transform(&bucket, &key).await?;
        }
        Ok(())
    }

    async fn transform(&self, bucket: &str, key: &str) -> Result<(), TransformError> {
        let failed = |cause| TransformError::Store { key: key.to_owned(), cause };
        let unwritten =
            |cause: serde_json::Error| TransformError::Json { key: key.to_owned(), cause: cause.to_string() };
        let Some(content) = self.objects.get(bucket, key).await.map_err(failed)? else {
            tracing::warn!(bucket, key, "the object is gone");
            return Ok(());
        };
        let RawObject { clicks, bad_lines } = RawObject::read(&content);
        let read = clicks.len();
        let own = claim_all(&self.ledger, key, clicks).await.map_err(failed)?;
        let mut results = curated_objects(key, &own).map_err(unwritten)?;
        results.extend(error_object(key, &bad_lines).map_err(unwritten)?);
        let objects = results.len();
        stream::iter(results.into_iter().map(Ok))
            .try_for_each_concurrent(PUTS_AT_ONCE, |(result_key, body)| async move {
                self.objects.put(&self.curated_bucket, &result_key, body).await.map_err(failed)
            })
            .await?;
        let duplicates = read - own.len();
        tracing::info!(key, clicks = own.len(), duplicates, errors = bad_lines.len(), objects, "object transformed");
        Ok(())
    }
}

/// Bucket and key of a notification, in which keys are form-encoded.
fn place(entity: &S3Entity) -> Result<(String, String), TransformError> {
    let (Some(bucket), Some(key)) = (&entity.bucket.name, &entity.object.key) else {
        return Err(TransformError::NoObject);
    };
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| TransformError::Key(key.clone()))?;
    Ok((bucket.clone(), decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::tests::{MemoryLedger, clicks};
    use crate::raw_object::tests::gzip;
    use bytes::Bytes;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    /// Buckets in memory.
    #[derive(Default)]
    struct MemoryObjects {
        objects: Mutex<BTreeMap<(String, String), Bytes>>,
        puts_left: Mutex<Option<u32>>,
    }

    impl ObjectStore for MemoryObjects {
        async fn get(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, StoreError> {
            Ok(self.objects.lock().unwrap().get(&(bucket.into(), key.into())).cloned())
        }

        async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), StoreError> {
            if let Some(left) = &mut *self.puts_left.lock().unwrap() {
                *left = left.checked_sub(1).ok_or_else(|| StoreError("no space".into()))?;
            }
            self.objects.lock().unwrap().insert((bucket.into(), key.into()), body);
            Ok(())
        }
    }

    const RAW_KEY: &str = "raw/2026/06/15/10/clicks raw-1.gz";

    fn transform(lines: &[String]) -> (Transform<MemoryObjects, MemoryLedger>, S3Event) {
        let objects = MemoryObjects::default();
        let place = ("clickstream-raw-000000000000".to_owned(), RAW_KEY.to_owned());
        objects.objects.lock().unwrap().insert(place, gzip(lines.join("\n").as_bytes()).into());
        let transform = Transform { objects, ledger: MemoryLedger::default(), curated_bucket: "curated".into() };
        (transform, serde_json::from_str(include_str!("../event.json")).unwrap())
    }

    fn results(transform: &Transform<MemoryObjects, MemoryLedger>) -> BTreeMap<String, Bytes> {
        let objects = transform.objects.objects.lock().unwrap();
        objects
            .iter()
            .filter(|((bucket, _), _)| bucket == "curated")
            .map(|((_, k), v)| (k.clone(), v.clone()))
            .collect()
    }

    fn lines() -> Vec<String> {
        let mut lines: Vec<String> = clicks(0..70).iter().map(|click| serde_json::to_string(click).unwrap()).collect();
        lines.insert(7, "1718445600 OLDAPP view /home".into());
        lines
    }

    #[tokio::test]
    async fn an_object_becomes_curated_rows_and_errors() {
        let (transform, event) = transform(&lines());
        transform.handle(&event).await.unwrap();
        let results = results(&transform);
        let [curated, errors] = &results.iter().collect::<Vec<_>>()[..] else { panic!("{results:?}") };
        assert!(curated.0.starts_with("curated/year=2026/month=06/day=15/hour=10/clicks raw-1-"));
        assert_eq!(curated.1.iter().filter(|byte| **byte == b'\n').count(), 70);
        assert_eq!(errors.0, &format!("errors/{RAW_KEY}.jsonl"));
        assert!(String::from_utf8_lossy(errors.1).contains("\"line\":8"));
    }

    #[tokio::test]
    async fn doing_it_again_changes_nothing() {
        let (transform, event) = transform(&lines());
        *transform.objects.puts_left.lock().unwrap() = Some(1);
        assert!(matches!(transform.handle(&event).await, Err(TransformError::Store { .. })));
        *transform.objects.puts_left.lock().unwrap() = None;
        transform.handle(&event).await.unwrap();
        let first = results(&transform);
        transform.handle(&event).await.unwrap();
        assert_eq!(results(&transform), first);
        assert_eq!(transform.ledger.pages.lock().unwrap().values().map(|page| page.views).sum::<u64>(), 70);
    }

    #[tokio::test]
    async fn an_object_that_is_gone_is_no_error() {
        let (transform, event) = transform(&[]);
        transform.objects.objects.lock().unwrap().clear();
        transform.handle(&event).await.unwrap();
    }
}
