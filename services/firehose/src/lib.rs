//! Amazon Data Firehose: buffered delivery to object storage.
