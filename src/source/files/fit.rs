//! Columns of one file, fitted into those of all files.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::source::logical::{Form, in_form};

/// Gives batches of a file the columns that are wanted, in their order; what the file lacks is NULL.
pub(super) struct Fit {
    schema: SchemaRef,
    columns: Vec<Place>,
}

/// Where a column comes from.
enum Place {
    /// The batch's column of this index.
    Batch(usize),
    Missing(DataType),
}

impl Fit {
    /// A fit for batches of the schema `found`.
    pub(super) fn new(found: &Schema, wanted: &Schema) -> Self {
        let (fields, columns): (Vec<_>, _) = wanted
            .fields()
            .iter()
            .map(|field| {
                if let Some((index, found)) = found.fields().find(field.name()) {
                    return (found.as_ref().clone().with_nullable(field.is_nullable()), Place::Batch(index));
                }
                let view = in_form(field, Form::View);
                let data_type = view.data_type().clone();
                (view, Place::Missing(data_type))
            })
            .unzip();
        Self { schema: Arc::new(Schema::new(fields)), columns }
    }

    /// Fits a batch.
    pub(super) fn fit(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        self.fit_columns(batch.columns(), batch.num_rows())
    }

    /// Fits the columns of a batch.
    pub(super) fn fit_columns(&self, found: &[ArrayRef], rows: usize) -> Result<RecordBatch, ArrowError> {
        let column = |place: &Place| -> ArrayRef {
            match place {
                Place::Batch(index) => Arc::clone(&found[*index]),
                Place::Missing(data_type) => new_null_array(data_type, rows),
            }
        };
        let columns = self.columns.iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
