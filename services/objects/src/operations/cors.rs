//! PutBucketCors, GetBucketCors, DeleteBucketCors.

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use crate::cors::{CorsRule, check};
use crate::store::Objects;

pub(super) async fn put(objects: &Objects, input: PutBucketCorsInput) -> S3Result<()> {
    let rule = |rule: CORSRule| CorsRule {
        id: rule.id,
        allowed_origins: rule.allowed_origins,
        allowed_methods: rule.allowed_methods,
        allowed_headers: rule.allowed_headers.unwrap_or_default(),
        expose_headers: rule.expose_headers.unwrap_or_default(),
        max_age_s: rule.max_age_seconds,
    };
    let rules: Vec<CorsRule> = input.cors_configuration.cors_rules.into_iter().map(rule).collect();
    check(&rules)?;
    objects.change_bucket(&input.bucket, move |bucket| bucket.cors = rules).await
}

pub(super) async fn delete(objects: &Objects, input: DeleteBucketCorsInput) -> S3Result<()> {
    objects.change_bucket(&input.bucket, |bucket| bucket.cors.clear()).await
}

pub(super) async fn get(objects: &Objects, input: GetBucketCorsInput) -> S3Result<GetBucketCorsOutput> {
    let rules = objects.bucket(&input.bucket).await?.cors;
    if rules.is_empty() {
        return Err(s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist"));
    }
    let given = |list: Vec<String>| (!list.is_empty()).then_some(list);
    let rule = |rule: CorsRule| CORSRule {
        id: rule.id,
        allowed_origins: rule.allowed_origins,
        allowed_methods: rule.allowed_methods,
        allowed_headers: given(rule.allowed_headers),
        expose_headers: given(rule.expose_headers),
        max_age_seconds: rule.max_age_s,
    };
    Ok(GetBucketCorsOutput { cors_rules: Some(rules.into_iter().map(rule).collect()) })
}
