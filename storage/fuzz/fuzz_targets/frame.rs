//! A frame with a checksum that holds, at any offset.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u32, &[u8])| {
    anabranch_storage::fuzzing::frame(input.1, u64::from(input.0) & !7);
});
