//! The Arrow schema of a Parquet file.

use arrow::datatypes::Schema;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::source::logical::{Form, in_form};

/// The Arrow schema of one file, with its string columns in the form that is cheapest to decode.
pub(super) fn of_file(metadata: &ParquetMetaData) -> Result<Schema, ParquetError> {
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    Ok(Schema::new(schema.fields().iter().map(|field| in_form(field, Form::View)).collect::<Vec<_>>()))
}
