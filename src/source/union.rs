//! One schema over the columns of many files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Cause, Result};
use crate::source::logical::{Form, in_form, same_type};

/// Unites the schemas of files, one after another.
#[derive(Default)]
pub(super) struct Union {
    files: usize,
    columns: Vec<Column>,
    by_name: BTreeMap<String, usize>,
}

struct Column {
    field: Field,
    /// In how many files it is.
    files: usize,
    /// The number of the last file that it was seen in, from 1.
    last_file: usize,
}

impl Union {
    /// Adds the schema of one file.
    ///
    /// # Errors
    ///
    /// When a column has another type than in a file before, or the file has two of one name.
    pub(super) fn add(&mut self, path: &str, schema: &Schema) -> Result<()> {
        self.files += 1;
        for field in schema.fields() {
            let field = in_form(field, Form::Plain);
            if let Some(index) = self.by_name.get(field.name()) {
                self.columns[*index].add(path, &field, self.files)?;
            } else {
                self.by_name.insert(field.name().clone(), self.columns.len());
                self.columns.push(Column { field, files: 1, last_file: self.files });
            }
        }
        Ok(())
    }

    /// The schema of all files, its columns in the order in which they were first seen.
    pub(super) fn finish(self) -> SchemaRef {
        let fields = self.columns.into_iter().map(|column| {
            let nullable = column.field.is_nullable() || column.files < self.files;
            column.field.with_nullable(nullable)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

impl Column {
    fn add(&mut self, path: &str, field: &Field, file: usize) -> Result<()> {
        let name = || field.name().clone();
        if self.last_file == file {
            return Err(Cause::ColumnClash { first: name(), second: name() }.into());
        }
        if !same_type(self.field.data_type(), field.data_type()) {
            return Err(Cause::SchemaMismatch {
                path: path.to_owned(),
                column: name(),
                expected: self.field.data_type().to_string(),
                found: field.data_type().to_string(),
            }
            .into());
        }
        self.field = widened(&self.field, field);
        self.files += 1;
        self.last_file = file;
        Ok(())
    }
}

/// A field that may be NULL wherever one of two fields of one type may.
fn widened(one: &Field, other: &Field) -> Field {
    use DataType as T;
    let inner = |one: &Field, other: &Field| Arc::new(widened(one, other));
    let data_type = match (one.data_type(), other.data_type()) {
        (T::List(one), T::List(other)) => T::List(inner(one, other)),
        (T::LargeList(one), T::LargeList(other)) => T::LargeList(inner(one, other)),
        (T::FixedSizeList(one, size), T::FixedSizeList(other, _)) => {
            T::FixedSizeList(inner(one, other), *size)
        }
        (T::Map(one, sorted), T::Map(other, _)) => T::Map(inner(one, other), *sorted),
        (T::Struct(one), T::Struct(other)) => {
            T::Struct(one.iter().zip(other).map(|(one, other)| inner(one, other)).collect())
        }
        (one, _) => one.clone(),
    };
    one.clone().with_data_type(data_type).with_nullable(one.is_nullable() || other.is_nullable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, DataType, bool)]) -> Schema {
        let fields = fields.iter().map(|(name, data_type, null)| Field::new(*name, data_type.clone(), *null));
        Schema::new(fields.collect::<Vec<_>>())
    }

    #[test]
    fn a_column_that_a_file_lacks_may_be_null() {
        let mut union = Union::default();
        union.add("1", &schema(&[("a", DataType::Int64, false), ("b", DataType::Utf8View, false)])).unwrap();
        union.add("2", &schema(&[("c", DataType::Int64, false), ("a", DataType::Int64, false)])).unwrap();
        let expected =
            [("a", DataType::Int64, false), ("b", DataType::Utf8, true), ("c", DataType::Int64, true)];
        assert_eq!(*union.finish(), schema(&expected));
    }

    #[test]
    fn another_type_names_the_file_and_the_column() {
        let mut union = Union::default();
        union.add("1", &schema(&[("a", DataType::Int64, false)])).unwrap();
        let error = union.add("dir/2", &schema(&[("a", DataType::Int32, false)])).unwrap_err();
        assert!(
            error.to_string().ends_with("file=dir/2 column=`a` expected=`Int64` found=`Int32`"),
            "{error}"
        );
    }

    #[test]
    fn two_columns_of_one_name_in_a_file_clash() {
        let twice = schema(&[("a", DataType::Int64, false), ("a", DataType::Int64, false)]);
        let error = Union::default().add("1", &twice).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::BadRequest);
    }

    #[test]
    fn null_inside_a_struct_in_one_file_is_null_in_all() {
        let group = |null| DataType::Struct(vec![Field::new("x", DataType::Int64, null)].into());
        let mut union = Union::default();
        union.add("1", &schema(&[("a", group(false), false)])).unwrap();
        union.add("2", &schema(&[("a", group(true), false)])).unwrap();
        assert_eq!(*union.finish(), schema(&[("a", group(true), false)]));
    }
}
