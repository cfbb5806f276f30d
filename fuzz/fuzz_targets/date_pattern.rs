#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| whimbrel::transform::fuzz::date_pattern(data));
