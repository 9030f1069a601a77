//! Columns by what they hold, whatever their physical form.
//!
//! Strings may come as plain, large or view arrays, binary likewise, and any of them as a dictionary or
//! run-end encoded: these are one logical type. It compares and cuts batches; it converts nothing.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use crate::error::{Cause, Result};
use crate::source::{BatchStream, ReadOptions};
use crate::store::ranged::to_usize;

/// Checks that a batch fits a schema: names, logical types, and no NULL where none may be.
///
/// # Errors
///
/// Names the first column that does not fit.
pub(crate) fn check_batch(schema: &SchemaRef, batch: &RecordBatch) -> Result<()> {
    let found = batch.schema_ref();
    if Arc::ptr_eq(schema, found) {
        return Ok(());
    }
    for (index, field) in schema.fields().iter().enumerate() {
        let fits = found.fields().get(index).is_some_and(|other| {
            other.name() == field.name() && same_type(field.data_type(), other.data_type())
        });
        let null = |column: &Arc<dyn Array>| !field.is_nullable() && column.null_count() > 0;
        if !fits || batch.columns().get(index).is_some_and(null) {
            return Err(Cause::BatchMismatch { column: field.name().clone() }.into());
        }
    }
    match found.fields().get(schema.fields().len()) {
        Some(extra) => Err(Cause::BatchMismatch { column: extra.name().clone() }.into()),
        None => Ok(()),
    }
}

/// The columns of a schema that are wanted.
///
/// # Errors
///
/// When the schema has no column of such an index.
pub(super) fn projected(schema: &SchemaRef, columns: Option<&[usize]>) -> Result<SchemaRef> {
    let Some(columns) = columns else { return Ok(Arc::clone(schema)) };
    if let Some(index) = columns.iter().find(|index| **index >= schema.fields().len()) {
        return Err(Cause::UnknownColumn { column: format!("#{index}") }.into());
    }
    let fields: Fields = columns.iter().map(|index| Arc::clone(&schema.fields()[*index])).collect();
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

/// Hands batches of all columns over as a reader wants them: checked, from a row on, in its columns, and cut
/// to its number of rows.
pub(super) fn deliver(
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    schema: SchemaRef,
    from_row: u64,
    options: &ReadOptions,
) -> Result<BatchStream> {
    projected(&schema, options.columns.as_deref())?;
    let columns = options.columns.clone();
    let rows = options.batch_rows.max(1);
    let mut skip = from_row;
    let mut cut = move |batch: RecordBatch| {
        check_batch(&schema, &batch)?;
        let skipped = to_usize(skip.min(batch.num_rows() as u64));
        skip -= skipped as u64;
        let batch = match &columns {
            Some(columns) => {
                batch.project(columns).map_err(|error| Cause::Source { source: Box::new(error) })?
            }
            None => batch,
        };
        let starts = (skipped..batch.num_rows()).step_by(rows);
        Ok(stream::iter(starts.map(move |start| Ok(batch.slice(start, rows.min(batch.num_rows() - start))))))
    };
    Ok(batches.map(move |batch| batch.and_then(&mut cut)).try_flatten().boxed())
}

/// Whether two types hold the same values; the names inside lists and maps, and what may be NULL, do not
/// matter.
pub(super) fn same_type(one: &DataType, other: &DataType) -> bool {
    use DataType as T;
    match (one, other) {
        (T::Dictionary(_, values), _) => same_type(values, other),
        (_, T::Dictionary(_, values)) => same_type(one, values),
        (T::RunEndEncoded(_, values), _) => same_type(values.data_type(), other),
        (_, T::RunEndEncoded(_, values)) => same_type(one, values.data_type()),
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8 | T::LargeUtf8 | T::Utf8View)
        | (T::Binary | T::LargeBinary | T::BinaryView, T::Binary | T::LargeBinary | T::BinaryView) => true,
        (T::List(one), T::List(other))
        | (T::LargeList(one), T::LargeList(other))
        | (T::ListView(one), T::ListView(other))
        | (T::LargeListView(one), T::LargeListView(other)) => same_type(one.data_type(), other.data_type()),
        (T::FixedSizeList(one, size), T::FixedSizeList(other, other_size)) => {
            size == other_size && same_type(one.data_type(), other.data_type())
        }
        (T::Struct(one), T::Struct(other)) => {
            let same = |(one, other): (&Arc<Field>, &Arc<Field>)| {
                one.name() == other.name() && same_type(one.data_type(), other.data_type())
            };
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (T::Map(one, _), T::Map(other, _)) => same_entries(one, other),
        (one, other) => one == other,
    }
}

fn same_entries(one: &Field, other: &Field) -> bool {
    let (DataType::Struct(one), DataType::Struct(other)) = (one.data_type(), other.data_type()) else {
        return false;
    };
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| same_type(one.data_type(), other.data_type()))
}

/// The forms that string and binary columns are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `Utf8` and `Binary`: what schemas show.
    Plain,
    /// `Utf8View` and `BinaryView`: what is cheapest to decode.
    View,
}

/// A field whose string and binary columns, also inside others, have this form.
pub(super) fn in_form(field: &Field, form: Form) -> Field {
    field.clone().with_data_type(type_in_form(field.data_type(), form))
}

fn type_in_form(data_type: &DataType, form: Form) -> DataType {
    use DataType as T;
    let inner = |field: &Arc<Field>| Arc::new(in_form(field, form));
    match (data_type, form) {
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, Form::Plain) => T::Utf8,
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, Form::View) => T::Utf8View,
        (T::Binary | T::LargeBinary | T::BinaryView, Form::Plain) => T::Binary,
        (T::Binary | T::LargeBinary | T::BinaryView, Form::View) => T::BinaryView,
        (T::Dictionary(_, values), form) => type_in_form(values, form),
        (T::RunEndEncoded(_, values), form) => type_in_form(values.data_type(), form),
        (T::List(item), _) => T::List(inner(item)),
        (T::LargeList(item), _) => T::LargeList(inner(item)),
        (T::ListView(item), _) => T::ListView(inner(item)),
        (T::LargeListView(item), _) => T::LargeListView(inner(item)),
        (T::FixedSizeList(item, size), _) => T::FixedSizeList(inner(item), *size),
        (T::Struct(fields), _) => T::Struct(fields.iter().map(inner).collect()),
        (T::Map(entries, sorted), _) => T::Map(inner(entries), *sorted),
        (other, _) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray, StringViewArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .unwrap()
    }

    fn schema(fields: Vec<Field>) -> SchemaRef {
        Arc::new(Schema::new(fields))
    }

    #[test]
    fn any_physical_form_of_strings_fits() {
        let schema = schema(vec![Field::new("a", DataType::Utf8, true)]);
        let forms: [ArrayRef; 3] = [
            Arc::new(StringArray::from(vec!["x"])),
            Arc::new(StringViewArray::from(vec!["x"])),
            Arc::new(vec!["x"].into_iter().collect::<DictionaryArray<Int8Type>>()),
        ];
        for form in forms {
            check_batch(&schema, &batch(vec![("a", form)])).unwrap();
        }
    }

    #[test]
    fn what_does_not_fit_names_its_column() {
        let schema =
            schema(vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Utf8, true)]);
        let a = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let b = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
        let cases: [(RecordBatch, &str); 5] = [
            (batch(vec![("a", a())]), "b"),
            (batch(vec![("a", a()), ("b", b()), ("c", b())]), "c"),
            (batch(vec![("a", a()), ("x", b())]), "b"),
            (batch(vec![("a", Arc::new(Int32Array::from(vec![1]))), ("b", b())]), "a"),
            (batch(vec![("a", Arc::new(Int64Array::from(vec![None]))), ("b", b())]), "a"),
        ];
        for (batch, column) in cases {
            let error = check_batch(&schema, &batch).unwrap_err();
            assert!(error.to_string().ends_with(&format!("column=`{column}`")), "{error}");
        }
    }

    #[test]
    fn names_inside_lists_and_maps_do_not_matter_but_those_of_structs_do() {
        let list = |item: &str| DataType::List(Arc::new(Field::new(item, DataType::Utf8View, true)));
        assert!(same_type(&list("item"), &list("element")));
        let group = |name: &str| DataType::Struct(vec![Field::new(name, DataType::Utf8, true)].into());
        assert!(!same_type(&group("a"), &group("b")));
    }

    #[test]
    fn a_form_reaches_into_nested_columns() {
        let item = Field::new("item", DataType::LargeUtf8, true);
        let field = Field::new("a", DataType::List(Arc::new(item)), true);
        let plain = in_form(&in_form(&field, Form::View), Form::Plain);
        assert_eq!(plain.data_type(), &DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))));
    }
}
