//! The buckets as the console shows them.

use anabranch_protocol::{Cell, Column, Section};

use crate::stat::BucketStat;

const COLUMNS: &[Column] = &[Column::text("Bucket"), Column::number("Objects"), Column::number("Size")];

pub(crate) fn section(buckets: Vec<BucketStat>) -> Section {
    let row =
        |bucket: BucketStat| vec![Cell::Name(bucket.name), Cell::Count(bucket.objects), Cell::Bytes(bucket.bytes)];
    Section {
        title: "Buckets",
        example: "aws s3 mb s3://BUCKET",
        columns: COLUMNS,
        rows: Ok(buckets.into_iter().map(row).collect()),
    }
}
