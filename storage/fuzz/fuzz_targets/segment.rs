//! Frames, footer and trailer of a segment, all with checksums that hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| anabranch_storage::fuzzing::segment(body));
