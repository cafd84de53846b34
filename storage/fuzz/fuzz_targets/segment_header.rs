//! A segment's first page.
#![no_main]

libfuzzer_sys::fuzz_target!(|page: &[u8]| anabranch_storage::fuzzing::segment_header(page));
