#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    segment_export_fuzz::check_orc(input.0, input.1);
});
