//! The DynamoDB part: tables on disk.
