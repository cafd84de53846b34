//! The operations: the table of contents, by the names of the API reference. Whatever is not
//! here answers `NotImplemented` with the operation's name.

mod buckets;
mod cors;
mod multipart;
mod notifications;
mod objects;

use std::sync::{Arc, Weak};

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use crate::store::{Gone, Objects};

/// The store, as s3s calls it.
pub(crate) struct Operations(pub(crate) Weak<Objects>);

impl Operations {
    fn store(&self) -> S3Result<Arc<Objects>> {
        self.0.upgrade().ok_or_else(|| Gone.into())
    }
}

type Answer<T> = S3Result<S3Response<T>>;

fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        answer(buckets::list_buckets(&*self.store()?, request.input).await?)
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        answer(buckets::create_bucket(&*self.store()?, request.input).await?)
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        self.store()?.delete_bucket(&request.input.bucket).await?;
        answer(DeleteBucketOutput::default())
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        let bucket = self.store()?.bucket(&request.input.bucket).await?;
        let bucket_region = bucket.region.parse().ok();
        answer(HeadBucketOutput { bucket_region, ..Default::default() })
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        let region = self.store()?.bucket(&request.input.bucket).await?.region;
        // The oldest region is reported as none.
        let constraint = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
        answer(GetBucketLocationOutput { location_constraint: constraint })
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        answer(crate::listing::list_objects_v2(&*self.store()?, request.input).await?)
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        answer(crate::listing::list_objects(&*self.store()?, request.input).await?)
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        answer(objects::put_object(&*self.store()?, request).await?)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        objects::get_object(&*self.store()?, request.input).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        answer(objects::head_object(&*self.store()?, request.input).await?)
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        answer(objects::copy_object(&*self.store()?, request.input).await?)
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        objects::delete_object(&*self.store()?, request.input).await?;
        let mut response = S3Response::new(DeleteObjectOutput::default());
        response.status = Some(http::StatusCode::NO_CONTENT);
        Ok(response)
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        answer(objects::delete_objects(&*self.store()?, request.input).await?)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        answer(multipart::create_multipart_upload(&*self.store()?, request.input).await?)
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        answer(multipart::upload_part(&*self.store()?, request).await?)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        answer(multipart::complete_multipart_upload(&*self.store()?, request.input).await?)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        multipart::abort_multipart_upload(&*self.store()?, request.input).await?;
        let mut response = S3Response::new(AbortMultipartUploadOutput::default());
        response.status = Some(http::StatusCode::NO_CONTENT);
        Ok(response)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        answer(multipart::list_parts(&*self.store()?, request.input).await?)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        answer(crate::listing::list_multipart_uploads(&*self.store()?, request.input).await?)
    }

    async fn put_bucket_cors(&self, request: S3Request<PutBucketCorsInput>) -> Answer<PutBucketCorsOutput> {
        cors::put(&*self.store()?, request.input).await?;
        answer(PutBucketCorsOutput::default())
    }

    async fn get_bucket_cors(&self, request: S3Request<GetBucketCorsInput>) -> Answer<GetBucketCorsOutput> {
        answer(cors::get(&*self.store()?, request.input).await?)
    }

    async fn delete_bucket_cors(&self, request: S3Request<DeleteBucketCorsInput>) -> Answer<DeleteBucketCorsOutput> {
        cors::delete(&*self.store()?, request.input).await?;
        let mut response = S3Response::new(DeleteBucketCorsOutput::default());
        response.status = Some(http::StatusCode::NO_CONTENT);
        Ok(response)
    }

    async fn put_bucket_notification_configuration(
        &self,
        request: S3Request<PutBucketNotificationConfigurationInput>,
    ) -> Answer<PutBucketNotificationConfigurationOutput> {
        notifications::put(&*self.store()?, request.input).await?;
        answer(PutBucketNotificationConfigurationOutput::default())
    }

    async fn get_bucket_notification_configuration(
        &self,
        request: S3Request<GetBucketNotificationConfigurationInput>,
    ) -> Answer<GetBucketNotificationConfigurationOutput> {
        answer(notifications::get(&*self.store()?, request.input).await?)
    }
}
