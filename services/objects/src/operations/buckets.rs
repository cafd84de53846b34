//! ListBuckets, CreateBucket.

use std::ops::ControlFlow;

use anabranch_control::{ControlError, View};
use s3s::dto::*;
use s3s::{S3Result, s3_error};
use serde::Deserialize;

use crate::answer::timestamp;
use crate::error::index_failure;
use crate::index::{self, BUCKETS};
use crate::limits::BUCKETS_MAX;
use crate::listing::{after_token, owner, token_after};
use crate::store::Objects;

/// What is listed of a bucket.
#[derive(Deserialize)]
struct Row {
    created_ms: u64,
    region: String,
}

impl View for Row {
    type Row = index::Bucket;
}

pub(super) async fn list_buckets(objects: &Objects, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let limit = match input.max_buckets {
        None => BUCKETS_MAX,
        Some(limit) if (1..=BUCKETS_MAX).contains(&usize::try_from(limit).unwrap_or(0)) => limit as usize,
        Some(_) => {
            return Err(s3_error!(
                InvalidArgument,
                "Argument max-buckets must be an integer between 1 and {BUCKETS_MAX}"
            ));
        }
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let from = match &input.continuation_token {
        Some(token) => after_token(token)? + "\0",
        None => String::new(),
    };
    let region = input.bucket_region;
    let (buckets, next) = objects
        .blocking(move |objects| {
            let (mut buckets, mut next) = (Vec::<Bucket>::new(), None);
            objects.index.visit(BUCKETS, &prefix, &from, |name, row: Row| {
                if buckets.len() == limit {
                    next = buckets.last().and_then(|last| last.name.clone());
                    return ControlFlow::Break(());
                }
                if region.as_ref().is_none_or(|region| *region == row.region) {
                    buckets.push(Bucket {
                        name: Some(name.to_string()),
                        creation_date: Some(timestamp(row.created_ms)),
                        bucket_region: Some(row.region),
                    });
                }
                ControlFlow::Continue(())
            })?;
            Ok::<_, ControlError>((buckets, next))
        })
        .await
        .map_err(index_failure)?;
    Ok(ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(owner()),
        continuation_token: next.map(token_after),
        prefix: input.prefix,
    })
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
