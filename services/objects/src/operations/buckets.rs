//! ListBuckets, CreateBucket.

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use crate::store::Objects;

pub(crate) fn timestamp(ms: u64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(ms))
}

pub(super) async fn list_buckets(objects: &Objects) -> S3Result<ListBucketsOutput> {
    let bucket = |(name, bucket): (String, crate::index::Bucket)| Bucket {
        name: Some(name),
        creation_date: Some(timestamp(bucket.created_ms)),
        bucket_region: Some(bucket.region),
    };
    let buckets = objects.buckets().await?.into_iter().map(bucket).collect();
    let owner = Owner { display_name: Some("anabranch".into()), id: Some("000000000000".into()) };
    Ok(ListBucketsOutput { buckets: Some(buckets), owner: Some(owner), ..Default::default() })
}

pub(super) async fn create_bucket(objects: &Objects, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    let constraint = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
    let region = constraint.map_or_else(|| "us-east-1".to_string(), |constraint| constraint.as_str().to_string());
    if !objects.create_bucket(&input.bucket, &region).await? {
        return Err(s3_error!(
            BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it."
        ));
    }
    Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
}
