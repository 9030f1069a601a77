//! CSV as RFC 4180 has it: a header, quotes around what needs them, line feeds with or without returns.
//!
//! Fields are split here and not by `arrow`, whose reader takes an empty text in quotes for NULL; it parses the
//! texts. A field without anything is NULL, one of two quotes is an empty text: as this crate writes them.

mod fields;
mod guess;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, StringBuilder};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Cause, Error, Result};
use crate::source::files::FileOptions;
use crate::source::files::fit::Fit;
use crate::source::files::input::Input;
use crate::source::files::runs::{Limits, Run, Runs, Unfit, decoded};
use crate::source::found::corrupt;
use crate::source::{BatchStream, ReadOptions};
use crate::store::ranged::Blob;

use fields::{Field as Text, Quotes};

pub(super) use guess::{Guess, Guesses};

/// Checks that texts can be parsed into a schema that was given.
pub(super) fn check_schema(schema: &Schema) -> Result<()> {
    let unfit = |field: &&Arc<Field>| {
        field.data_type().is_nested() || !can_cast_types(&DataType::Utf8, field.data_type())
    };
    match schema.fields().iter().find(unfit) {
        Some(field) => Err(Cause::UnsupportedType {
            format: "CSV",
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
        }
        .into()),
        None => Ok(()),
    }
}

/// What the first records of a file look like, column by column.
pub(super) async fn sample(
    blob: Blob,
    options: &FileOptions,
    reading: &ReadOptions,
) -> Result<Vec<(String, Guess)>> {
    let name = blob.name().to_owned();
    let input = Input::new(blob, options.infer_bytes, reading);
    let limits =
        Limits { rows: options.infer_rows.max(1), run_bytes: u64::MAX, record_bytes: options.infer_bytes };
    let mut runs = Runs::new(input, Quotes::default(), limits);
    let names = header(&mut runs).await?;
    let mut columns: Vec<_> = names.into_iter().map(|name| (name, Guess::Nothing)).collect();
    let Some(run) = runs.next().await? else { return Ok(columns) };
    for (row, record) in (run.first_row..).zip(fields::records(&run.bytes)) {
        let texts = fields::split(record, columns.len()).map_err(|unfit| unfit.of_row(&name, row))?;
        for ((_, guess), text) in columns.iter_mut().zip(texts) {
            guess.add(text.as_deref());
        }
    }
    Ok(columns)
}

/// The names of the columns.
async fn header(runs: &mut Runs<Quotes>) -> Result<Vec<String>> {
    let header = runs.header().await?;
    let record = header.as_ref().and_then(|run| fields::records(&run.bytes).next());
    let Some(record) = record else {
        return Err(corrupt(runs.name(), "it has no header, or one that is longer than the sample"));
    };
    let columns = fields::count(record);
    let texts = fields::split(record, columns).map_err(|unfit| corrupt(runs.name(), unfit))?;
    let names: Vec<_> = texts.into_iter().map(|text| text.unwrap_or_default().into_owned()).collect();
    let twice = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name));
    if let Some((_, name)) = twice {
        return Err(Cause::ColumnClash { first: name.clone(), second: name.clone() }.into());
    }
    Ok(names)
}

/// The records of a file in the columns that are wanted.
pub(super) async fn batches(
    blob: Blob,
    wanted: &SchemaRef,
    schema: &SchemaRef,
    guessed: bool,
    options: &ReadOptions,
) -> Result<BatchStream> {
    let (size, path) = (blob.size(), Arc::from(blob.name()));
    let mut runs = Runs::new(Input::new(blob, size, options), Quotes::default(), Limits::of(options));
    let names = header(&mut runs).await?;
    check_names(&path, &names, schema)?;
    let found: Vec<_> =
        wanted.fields().iter().filter(|field| names.contains(field.name())).cloned().collect();
    let places =
        found.iter().filter_map(|field| names.iter().position(|name| name == field.name())).collect();
    let found = Schema::new(found);
    let fit = Arc::new(Fit::new(&found, wanted));
    let decoder = Decoder { path, columns: names.len(), places, found: Arc::new(found), fit, guessed };
    Ok(decoded(runs, options, move |run| decoder.decode(run)))
}

fn check_names(path: &str, names: &[String], schema: &Schema) -> Result<()> {
    match names.iter().find(|name| schema.fields().find(name).is_none()) {
        Some(name) => {
            let what = format!("its header has a column that the schema does not have: column=`{name}`");
            Err(corrupt(path, what))
        }
        None => Ok(()),
    }
}

/// What is needed to decode runs.
#[derive(Clone)]
struct Decoder {
    path: Arc<str>,
    /// The columns of the header.
    columns: usize,
    /// Where in a record the columns of `found` are.
    places: Vec<usize>,
    /// The wanted columns that the file has.
    found: SchemaRef,
    fit: Arc<Fit>,
    guessed: bool,
}

impl Decoder {
    fn decode(&self, run: &Run) -> Result<RecordBatch> {
        let mut builders: Vec<_> = self.places.iter().map(|_| StringBuilder::new()).collect();
        for (row, record) in (run.first_row..).zip(fields::records(&run.bytes)) {
            let texts = fields::split(record, self.columns).map_err(|unfit| unfit.of_row(&self.path, row))?;
            self.append(&texts, &mut builders).map_err(|unfit| unfit.of_row(&self.path, row))?;
        }
        let texts = builders.iter_mut().map(StringBuilder::finish);
        let columns = texts.zip(self.found.fields()).map(|(texts, field)| self.parse(&texts, field, run));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let fitted = self.fit.fit_columns(&columns, run.records);
        fitted.map_err(|_error| Unfit::NotDecoded.of_row(&self.path, run.first_row))
    }

    fn append(&self, texts: &[Text<'_>], builders: &mut [StringBuilder]) -> Result<(), Unfit> {
        for ((place, builder), field) in self.places.iter().zip(builders).zip(self.found.fields()) {
            let text = texts[*place].as_deref();
            let fits = match text {
                None => field.is_nullable(),
                Some(text) => !self.guessed || guess::fits(text, field.data_type()),
            };
            if !fits {
                return Err(unfit(field));
            }
            builder.append_option(text);
        }
        Ok(())
    }

    fn parse(&self, texts: &StringArray, field: &Field, run: &Run) -> Result<ArrayRef> {
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        if let Ok(parsed) = cast_with_options(texts, field.data_type(), &strict) {
            return Ok(parsed);
        }
        Err(self.explain(texts, field, run))
    }

    /// The row that cannot be parsed: there a lenient parser leaves NULL where a text was.
    fn explain(&self, texts: &StringArray, field: &Field, run: &Run) -> Error {
        let lenient = cast_with_options(texts, field.data_type(), &CastOptions::default());
        let lost = lenient
            .ok()
            .and_then(|parsed| (0..texts.len()).find(|row| texts.is_valid(*row) && parsed.is_null(*row)));
        unfit(field).of_row(&self.path, run.first_row + lost.unwrap_or(0) as u64)
    }
}

fn unfit(field: &Field) -> Unfit {
    Unfit::Column { column: field.name().clone(), data_type: field.data_type().to_string() }
}
