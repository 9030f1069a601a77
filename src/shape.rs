//! Which columns are written, and in which order.
//!
//! It selects and orders whole columns. It filters no rows yet, and it changes no value.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Cause, Result};

/// The columns of an export, found once in the schema of the source.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    schema: SchemaRef,
    /// Ascending indices into the schema of the source; `None`: all.
    read: Option<Vec<usize>>,
    /// For each output column, its index among the columns that are read.
    order: Vec<usize>,
}

impl Shape {
    /// All columns, or just these in this order.
    ///
    /// # Errors
    ///
    /// When a name is not a column of the source, stands twice, or no column is left.
    pub(crate) fn new(source: &SchemaRef, columns: Option<&[String]>) -> Result<Self> {
        let Some(names) = columns else {
            let order = (0..source.fields().len()).collect();
            return Ok(Self { schema: Arc::clone(source), read: None, order });
        };
        let wanted = names.iter().map(|name| find(source, name)).collect::<Result<Vec<_>>>()?;
        let mut read = wanted.clone();
        read.sort_unstable();
        read.dedup();
        if read.len() < wanted.len() || wanted.is_empty() {
            let rule = "must name at least one column, and each once".to_owned();
            return Err(Cause::Setting { name: "columns".to_owned(), rule }.into());
        }
        let order = wanted.iter().map(|index| read.partition_point(|other| other < index)).collect();
        let schema =
            Arc::new(source.project(&wanted).map_err(|source| Cause::Encode { source: source.into() })?);
        Ok(Self { schema, read: Some(read), order })
    }

    /// The columns of the output.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns to read, as [`ReadOptions::columns`](crate::source::ReadOptions::columns) takes them.
    pub(crate) fn read(&self) -> Option<Vec<usize>> {
        self.read.clone()
    }

    /// The columns of a batch in the order of the output.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        batch.project(&self.order).map_err(|source| Cause::Encode { source: source.into() }.into())
    }
}

fn find(source: &Schema, name: &str) -> Result<usize> {
    source.index_of(name).map_err(|_missing| Cause::UnknownColumn { column: name.to_owned() }.into())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int32Array};
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(["a", "b", "c"].map(|name| Field::new(name, DataType::Int32, false)).to_vec()))
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let shape = Shape::new(&schema(), Some(&["c".to_owned(), "a".to_owned()])).unwrap();
        assert_eq!(shape.read(), Some(vec![0, 2]));
        let read = ["a", "c"]
            .iter()
            .zip([1, 3])
            .map(|(name, n)| (*name, Arc::new(Int32Array::from(vec![n])) as ArrayRef));
        let output = shape.apply(&RecordBatch::try_from_iter(read).unwrap()).unwrap();
        assert_eq!(output.schema().fields(), shape.schema().fields());
        assert_eq!(output.column(0).as_ref(), &Int32Array::from(vec![3]));
    }

    #[test]
    fn a_wrong_name_is_named_and_a_double_one_refused() {
        let unknown = Shape::new(&schema(), Some(&["x".to_owned()])).unwrap_err();
        assert_eq!(unknown.to_string(), "no such column: column=`x`");
        assert!(Shape::new(&schema(), Some(&["a".to_owned(), "a".to_owned()])).is_err());
        assert!(Shape::new(&schema(), Some(&[])).is_err());
    }
}
