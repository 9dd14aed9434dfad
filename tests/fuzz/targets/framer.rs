//! See `tests/fuzz_smoke/framer.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_smoke::framer(bytes));
