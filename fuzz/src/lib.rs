//! What the fuzz targets of the encoders share: cases, arrays, oracle and readers are those of the tests.
//!
//! The first bytes of an input are the rows, the others the physical form of their arrays. An encoder
//! must write what the oracle writes, fail where it fails, and be read back value by value.

#[path = "../../tests/it/encode/arrays.rs"]
mod arrays;
#[path = "../../tests/it/orc/cases.rs"]
mod cases;
#[path = "../../tests/it/orc/file.rs"]
mod file;
#[path = "../../tests/it/encode/forms.rs"]
mod forms;
#[path = "../../tests/it/encode/model.rs"]
mod model;
#[path = "../../tests/it/encode/oracle.rs"]
mod oracle;
#[path = "../../tests/it/encode/readback.rs"]
mod readback;
mod unseal;

use segment_export::Format;
use segment_export::encode::encoder_for;

use self::model::{Case, Draw};
pub use self::unseal::check as check_unseal;

/// Encodes the rows of `what` in the form of `form` and reads them back.
pub fn check(format: Format, what: &[u8], form: &[u8]) {
    let case = Case::draw(&mut Draw(what));
    let batches = arrays::batches(&case, &mut Draw(form));
    let encoder = encoder_for(format, &arrays::schema(&case), &arrays::settings(&case)).unwrap();
    let written = encoder.chunk(&batches, 0).map_err(|error| error.to_string());
    let written = written.map(|encoded| String::from_utf8(encoded.bytes.to_vec()).unwrap());
    let csv = format == Format::Csv;
    assert_eq!(written, if csv { oracle::csv(&case, 0) } else { oracle::jsonl(&case, 0) });
    match written {
        Ok(text) if csv => readback::check_csv(&case, (oracle::csv_header(&case) + &text).as_bytes()),
        Ok(text) => readback::check_jsonl(&case, text.as_bytes()),
        Err(_) => {}
    }
}

/// Encodes the nested rows of `what` as ORC in two forms and reads them back.
pub fn check_orc(what: &[u8], form: &[u8]) {
    file::check(what, form);
}
