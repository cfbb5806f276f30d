#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| whimbrel::endpoint::mysql::fuzz::row(data));
