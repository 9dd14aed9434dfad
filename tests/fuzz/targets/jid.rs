//! See `tests/fuzz_smoke/jid.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_smoke::jid(bytes));
