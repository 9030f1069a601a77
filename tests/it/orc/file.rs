//! Files of stripes, as the encoder writes them and as the reader of `orc-rust` reads them.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit};
use bytes::Bytes;
use orc_rust::ArrowReaderBuilder;
use segment_export::encode::{Encoder, PartIndex, Placed, encoder_for};
use segment_export::{Error, Format};

use super::model::{Case, Draw, Type, Value};
use super::{arrays, cases};

const MILLIS_OF_DAY: i128 = 86_400_000;

/// Writes the rows that `what` stands for in the form of `form`, in two stripes, and reads them back.
///
/// Another form of them, cut into other batches, must give the same bytes; times that ORC cannot hold are refused.
pub(crate) fn check(what: &[u8], form: &[u8]) {
    let mut what = Draw(what);
    let settings = cases::settings(&mut what);
    let case = cases::draw(&mut what);
    let encoder = encoder_for(Format::Orc, &arrays::schema(&case), &settings).unwrap();
    let mut form = Draw(form);
    let mut written = || {
        let batches = arrays::batches(&case, &mut form);
        write(&*encoder, &batches, case.rows.len() / 2)
    };
    let lost: Vec<_> = (0..case.rows.len()).filter(|row| has_lost_time(&case, *row)).collect();
    match written() {
        Ok(file) => {
            assert_eq!(lost, [0; 0], "a time that cannot be held was written");
            assert!(file == written().unwrap(), "another form gave other bytes");
            compare(&case, read(&case.fields, file));
        }
        Err(error) => {
            let message = error.to_string();
            assert!(
                lost.iter().any(|row| message.ends_with(&format!("row={row}"))),
                "{message}, not {lost:?}"
            );
        }
    }
}

fn has_lost_time(case: &Case, row: usize) -> bool {
    case.fields.iter().zip(&case.rows[row]).any(|((_, of), value)| cases::holds_lost_time(of, value))
}

/// Fails where rows are not those of the case.
pub(crate) fn compare(case: &Case, rows: Vec<Vec<Value>>) {
    assert_eq!(rows.len(), case.rows.len());
    for (row, (found, wanted)) in rows.into_iter().zip(&case.rows).enumerate() {
        for ((found, wanted), (name, of)) in found.into_iter().zip(wanted).zip(&case.fields) {
            // Compared as they are shown, since NaN is not equal to itself and a negative zero is to zero.
            let (found, wanted) = (format!("{found:?}"), format!("{:?}", told(wanted)));
            assert_eq!(found, wanted, "column {name} ({of:?}) row {row}");
        }
    }
}

/// A file of two stripes, the first of so many rows.
pub(crate) fn write(
    encoder: &dyn Encoder,
    batches: &[RecordBatch],
    first_rows: usize,
) -> Result<Bytes, Error> {
    let (first, second) = cut(batches, first_rows);
    let mut file = encoder.head(PartIndex(0))?.to_vec();
    let mut chunks = Vec::new();
    for (stripe, first_row) in [(first, 0), (second, first_rows as u64)] {
        let written = encoder.chunk(&stripe, first_row)?;
        assert_eq!(written.rows, stripe.iter().map(|batch| batch.num_rows() as u64).sum::<u64>());
        if written.rows > 0 {
            let (offset, len) = (file.len() as u64, written.bytes.len() as u64);
            chunks.push(Placed { offset, len, rows: written.rows, note: written.note });
            file.extend_from_slice(&written.bytes);
        }
    }
    file.extend_from_slice(&encoder.tail(&chunks)?);
    Ok(file.into())
}

fn cut(batches: &[RecordBatch], mut rows: usize) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for batch in batches {
        let here = rows.min(batch.num_rows());
        first.push(batch.slice(0, here));
        second.push(batch.slice(here, batch.num_rows() - here));
        rows -= here;
    }
    (first, second)
}

/// The rows of a file.
pub(crate) fn read(fields: &[(String, Type)], file: Bytes) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for batch in ArrowReaderBuilder::try_new(file).unwrap().build() {
        let batch = batch.unwrap();
        assert_eq!(batch.num_columns(), fields.len());
        let columns = fields.iter().zip(batch.columns()).map(|((name, of), column)| {
            assert!(batch.schema().index_of(name).is_ok(), "no column {name}");
            values(of, column).into_iter()
        });
        let mut columns: Vec<_> = columns.collect();
        rows.extend((0..batch.num_rows()).map(|_| columns.iter_mut().filter_map(Iterator::next).collect()));
    }
    rows
}

/// The value as a reader tells it: a union has no null of its own.
fn told(value: &Value) -> Value {
    match value {
        Value::Union(active, value) => match told(value) {
            Value::Null => Value::Null,
            value => Value::Union(*active, Box::new(value)),
        },
        Value::Struct(values) => Value::Struct(values.iter().map(told).collect()),
        Value::List(values) => Value::List(values.iter().map(told).collect()),
        Value::Map(entries) => Value::Map(entries.iter().map(|entry| entry.each_ref().map(told)).collect()),
        _ => value.clone(),
    }
}

fn values(of: &Type, array: &ArrayRef) -> Vec<Value> {
    let found = match of {
        Type::Null => vec![Value::Null; array.len()],
        Type::Bool => array.as_boolean().iter().map(|value| Value::Bool(value.unwrap_or_default())).collect(),
        Type::Float(_) => {
            let wide = cast(array, &DataType::Float64).unwrap();
            wide.as_primitive::<Float64Type>().values().iter().copied().map(Value::Float).collect()
        }
        Type::Text => {
            (0..array.len()).map(|row| Value::Text(array.as_string::<i32>().value(row).to_owned())).collect()
        }
        Type::Bytes => {
            (0..array.len()).map(|row| Value::Bytes(array.as_binary::<i32>().value(row).to_vec())).collect()
        }
        Type::Struct(fields) => structs(fields, array),
        Type::List(of) => {
            let lists = array.as_list::<i32>();
            (0..array.len()).map(|row| Value::List(values(of, &lists.value(row)))).collect()
        }
        Type::Map(of) => {
            let maps = array.as_map();
            (0..array.len()).map(|row| map(of, &maps.value(row))).collect()
        }
        Type::Union(children) => return unions(children, array),
        Type::Interval(_) => unreachable!("ORC has no intervals"),
        _ => integers(of, array).into_iter().map(Value::Int).collect(),
    };
    let rows = found.into_iter().enumerate();
    rows.map(|(row, value)| if array.is_null(row) { Value::Null } else { value }).collect()
}

fn integers(of: &Type, array: &ArrayRef) -> Vec<i128> {
    if let DataType::Decimal128(..) = array.data_type() {
        return array.as_primitive::<Decimal128Type>().values().to_vec();
    }
    let (factor, divisor) = match of {
        Type::Date64 => (MILLIS_OF_DAY, 1),
        Type::Time(digits, _) => {
            assert!(matches!(array.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _)));
            (1, 10_i128.pow(9 - digits))
        }
        _ => (1, 1),
    };
    let array = if of_date(of) { cast(array, &DataType::Int32).unwrap() } else { ArrayRef::clone(array) };
    let wide = cast(&array, &DataType::Int64).unwrap();
    let values = wide.as_primitive::<Int64Type>().values().iter();
    values.map(|value| i128::from(*value) * factor / divisor).collect()
}

fn of_date(of: &Type) -> bool {
    matches!(of, Type::Date32 | Type::Date64)
}

fn structs(fields: &[(String, Type)], array: &ArrayRef) -> Vec<Value> {
    let columns = fields.iter().zip(array.as_struct().columns());
    let columns: Vec<_> = columns.map(|((_, of), column)| values(of, column)).collect();
    (0..array.len())
        .map(|row| Value::Struct(columns.iter().map(|column| column[row].clone()).collect()))
        .collect()
}

fn map(of: &[Type; 2], entries: &arrow::array::StructArray) -> Value {
    let (keys, items) = (values(&of[0], entries.column(0)), values(&of[1], entries.column(1)));
    Value::Map(keys.into_iter().zip(items).map(|(key, item)| [key, item]).collect())
}

fn unions(children: &[(String, Type)], array: &ArrayRef) -> Vec<Value> {
    let unions = array.as_union();
    let ids = 0..i8::try_from(children.len()).unwrap();
    let columns: Vec<_> =
        children.iter().zip(ids).map(|((_, of), id)| values(of, unions.child(id))).collect();
    (0..array.len())
        .map(|row| {
            let active = usize::try_from(unions.type_id(row)).unwrap();
            match &columns[active][unions.value_offset(row)] {
                Value::Null => Value::Null,
                value => Value::Union(active, Box::new(value.clone())),
            }
        })
        .collect()
}
