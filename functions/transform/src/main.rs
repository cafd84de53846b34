//! Lambda function: turns raw delivered objects into curated, partitioned JSON Lines.

fn main() {}
