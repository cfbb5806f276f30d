#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| whimbrel::endpoint::postgres::fuzz::copy(data));
