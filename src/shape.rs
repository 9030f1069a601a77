//! Which columns are written, in which order, and under which names.
//!
//! It selects, orders and renames whole columns. It filters no rows yet, and it changes no value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::error::{Cause, Error, Result};

/// The columns of an export, found once in the schema of the source.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// The columns of the output under the names that they have in the source.
    selected: SchemaRef,
    /// The same columns under their own names.
    schema: SchemaRef,
    /// Ascending indices into the schema of the source; `None`: all.
    read: Option<Vec<usize>>,
    /// For each output column, its index among the columns that are read.
    order: Vec<usize>,
}

impl Shape {
    /// All columns, or just these in this order; those in `rename` under another name.
    ///
    /// # Errors
    ///
    /// When a name is not a column of the source, stands twice, or no column is left; when a column that is
    /// not written is renamed.
    pub(crate) fn new(
        source: &SchemaRef,
        columns: Option<&[String]>,
        rename: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut shape = Self::select(source, columns)?;
        if !rename.is_empty() {
            shape.schema = renamed(&shape.selected, rename)?;
        }
        Ok(shape)
    }

    fn select(source: &SchemaRef, columns: Option<&[String]>) -> Result<Self> {
        let Some(names) = columns else {
            let order = (0..source.fields().len()).collect();
            let (selected, schema) = (Arc::clone(source), Arc::clone(source));
            return Ok(Self { selected, schema, read: None, order });
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
        let selected: SchemaRef = source.project(&wanted).map_err(failed)?.into();
        Ok(Self { schema: Arc::clone(&selected), selected, read: Some(read), order })
    }

    /// The columns of the output.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same columns under the names that they have in the source.
    pub(crate) fn selected(&self) -> &SchemaRef {
        &self.selected
    }

    /// The columns to read, as [`ReadOptions::columns`](crate::source::ReadOptions::columns) takes them.
    pub(crate) fn read(&self) -> Option<Vec<usize>> {
        self.read.clone()
    }

    /// The columns of a batch in the order of the output, under the names of the source.
    pub(crate) fn order(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        batch.project(&self.order).map_err(failed)
    }

    /// A batch of the selected columns under their names in the output; their physical form stays.
    pub(crate) fn rename(&self, batch: RecordBatch) -> Result<RecordBatch> {
        // Renaming nothing costs nothing.
        if Arc::ptr_eq(&self.selected, &self.schema) {
            return Ok(batch);
        }
        let found = batch.schema();
        let fields = found.fields().iter().zip(self.schema.fields());
        let fields: Fields =
            fields.map(|(found, output)| found.as_ref().clone().with_name(output.name())).collect();
        let schema = Schema::new_with_metadata(fields, found.metadata().clone());
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.into(), batch.columns().to_vec(), &options).map_err(failed)
    }
}

fn renamed(selected: &Schema, rename: &BTreeMap<String, String>) -> Result<SchemaRef> {
    for name in rename.keys() {
        find(selected, name)?;
    }
    let field = |field: &FieldRef| match rename.get(field.name()) {
        Some(name) => Arc::new(field.as_ref().clone().with_name(name)),
        None => Arc::clone(field),
    };
    let fields: Fields = selected.fields().iter().map(field).collect();
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (output, source) in fields.iter().zip(selected.fields()) {
        if let Some(other) = first.insert(output.name(), source.name()) {
            let (first, second) = (other.to_owned(), source.name().clone());
            return Err(Cause::ColumnClash { first, second }.into());
        }
    }
    Ok(Schema::new_with_metadata(fields, selected.metadata().clone()).into())
}

fn failed(error: ArrowError) -> Error {
    Cause::Encode { source: error.into() }.into()
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

    fn select(columns: &[&str]) -> Result<Shape> {
        let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
        Shape::new(&schema(), Some(&columns), &BTreeMap::new())
    }

    fn rename(names: &[(&str, &str)]) -> Result<Shape> {
        let names = names.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        Shape::new(&schema(), None, &names)
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let shape = select(&["c", "a"]).unwrap();
        assert_eq!(shape.read(), Some(vec![0, 2]));
        let read = ["a", "c"]
            .iter()
            .zip([1, 3])
            .map(|(name, n)| (*name, Arc::new(Int32Array::from(vec![n])) as ArrayRef));
        let output = shape.order(&RecordBatch::try_from_iter(read).unwrap()).unwrap();
        assert_eq!(output.schema().fields(), shape.schema().fields());
        assert_eq!(output.column(0).as_ref(), &Int32Array::from(vec![3]));
    }

    #[test]
    fn a_wrong_name_is_named_and_a_double_one_refused() {
        assert_eq!(select(&["x"]).unwrap_err().to_string(), "no such column: column=`x`");
        assert!(select(&["a", "a"]).is_err());
        assert!(select(&[]).is_err());
    }

    #[test]
    fn names_may_be_exchanged_and_the_values_stay() {
        let shape = rename(&[("a", "b"), ("b", "a")]).unwrap();
        let names: Vec<_> = shape.schema().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        let columns = ["a", "b", "c"].iter().zip([1, 2, 3]);
        let columns = columns.map(|(name, n)| (*name, Arc::new(Int32Array::from(vec![n])) as ArrayRef));
        let output = shape.rename(RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        assert_eq!(output.column_by_name("b").unwrap().as_ref(), &Int32Array::from(vec![1]));
    }

    #[test]
    fn a_new_name_that_is_taken_names_both_and_an_unknown_one_itself() {
        let clash = rename(&[("c", "a")]).unwrap_err().to_string();
        assert!(clash.contains("first=`a` second=`c`"), "{clash}");
        assert_eq!(rename(&[("x", "y")]).unwrap_err().to_string(), "no such column: column=`x`");
    }
}
