#![no_main]

use libfuzzer_sys::fuzz_target;
use segment_export::Format;

fuzz_target!(|input: (&[u8], &[u8])| {
    segment_export_fuzz::check(Format::Csv, input.0, input.1);
});
