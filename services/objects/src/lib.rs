//! The S3 part: buckets and objects on disk, with notifications.
