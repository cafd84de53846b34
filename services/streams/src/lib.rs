//! Kinesis Data Streams on the durable log.
