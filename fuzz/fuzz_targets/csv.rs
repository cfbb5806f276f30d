#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| whimbrel::endpoint::csv::fuzz::records(data));
