//! The query's result, shaped to the table.
//!
//! Its one idea: a table's columns keep their names, order and types for life; new ones are added
//! behind them. `_metadata` columns that `*` brought along are left out.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::catalog::StreamingTable;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::Table;
use crate::matview::expectations::Splitter;
use crate::query::kept_type;
use crate::syntax::{ColumnDefinition, ViolationAction};

use super::layout::{METADATA, RESCUED};
use super::ledger::FileList;
use super::load::Refused;
use super::types::FileColumn;

/// How the query's rows become the table's.
pub(crate) struct Output {
    /// The table's columns.
    pub(crate) schema: SchemaRef,
    /// For each column of the table, its place in the query's result.
    places: Vec<Option<usize>>,
    /// The columns of the query's result that a row in quarantine shows.
    shown: Vec<usize>,
}

impl Output {
    /// # Errors
    /// `DatatypeMismatch` where the query gives a type that the table's column cannot take.
    pub(crate) fn new(
        result: &SchemaRef,
        definition: &StreamingTable,
        list: &FileList,
        base: Option<&Table>,
    ) -> Result<Self> {
        let width = result.fields().len() - definition.constraints.len();
        let shown: Vec<usize> = (0..width)
            .filter(|at| !METADATA.contains(&result.field(*at).name().as_str()))
            .collect();
        let declared = |name: &str| list.declared.iter().find(|column| column.name == name);
        let mut fields: Vec<Field> = match base {
            Some(base) => {
                base.schema().fields().iter().map(|field| field.as_ref().clone()).collect()
            }
            None => Vec::new(),
        };
        if base.is_none() {
            // The column list's order is the table's; what it does not name follows.
            for column in &list.declared {
                if let Some(at) = shown.iter().find(|at| *result.field(**at).name() == column.name)
                {
                    fields.push(described(result.field(*at), &list.columns, Some(column)));
                }
            }
        }
        for at in &shown {
            let field = result.field(*at);
            match fields.iter().find(|known| known.name() == field.name()) {
                None => fields.push(described(field, &list.columns, declared(field.name()))),
                Some(known) if fits(field.data_type(), known.data_type()) => {}
                Some(known) => {
                    return Err(Error::new(
                        ErrorKind::DatatypeMismatch,
                        format!(
                            "column \"{}\" of {} is of type {} but the query gives {}",
                            field.name(),
                            list.table,
                            known.data_type(),
                            field.data_type()
                        ),
                    )
                    .hint("A column keeps its type; cast in the query, or use another name."));
                }
            }
        }
        let places = fields
            .iter()
            .map(|field| shown.iter().copied().find(|at| result.field(*at).name() == field.name()))
            .collect();
        Ok(Self { schema: Arc::new(Schema::new(fields)), places, shown })
    }

    /// A batch of the query's result as one of the table's.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let columns =
            self.places
                .iter()
                .zip(self.schema.fields())
                .map(|(place, field)| -> Result<ArrayRef> {
                    match place.map(|at| batch.column(at)) {
                        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                        Some(column) if column.data_type() == field.data_type() => {
                            Ok(Arc::clone(column))
                        }
                        Some(column) => cast_with_options(column, field.data_type(), &options)
                            .map_err(|error| {
                                Error::new(
                                    ErrorKind::DatatypeMismatch,
                                    format!("column \"{}\": {error}", field.name()),
                                )
                            }),
                    }
                })
                .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(
            |error| {
                Error::new(
                    ErrorKind::NotNullViolation,
                    format!("rows do not fit the table: {error}"),
                )
            },
        )
    }

    /// A row that an expectation sent to quarantine, as JSON.
    pub(crate) fn refused(
        &self,
        batch: &RecordBatch,
        row: usize,
        splitter: &Splitter,
        failed: &[Vec<usize>],
    ) -> Result<Refused> {
        let wrong = |error| Error::internal("a refused row does not print").caused_by(error);
        let one = batch.project(&self.shown).map_err(wrong)?.slice(row, 1);
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
        writer.write(&one).map_err(wrong)?;
        writer.finish().map_err(wrong)?;
        let raw = String::from_utf8_lossy(&writer.into_inner()).trim_end().to_owned();
        let counts = splitter.counts();
        let names: Vec<&str> = failed
            .get(row)
            .into_iter()
            .flatten()
            .filter_map(|at| counts.get(*at))
            .filter(|count| count.action == ViolationAction::Quarantine)
            .map(|count| count.name.as_str())
            .collect();
        let reason = format!("violates {}", names.join(", "));
        Ok(Refused { file_path: source_file(&one), line: None, raw, reason })
    }
}

/// The file a row says it is from, where the table keeps it under the usual name.
fn source_file(row: &RecordBatch) -> String {
    row.column_by_name("_source_file")
        .and_then(|column| column.as_string_opt::<i32>())
        .map(|column| column.iter().next().flatten().unwrap_or_default().to_owned())
        .unwrap_or_default()
}

/// The table's field for a column of the query: nullable unless declared otherwise, its comment the
/// declared one, else the name the files have for it.
fn described(field: &Field, columns: &[FileColumn], declared: Option<&ColumnDefinition>) -> Field {
    let comment = declared.and_then(|column| column.comment.clone()).or_else(|| {
        if field.name() == RESCUED {
            return Some("What did not fit its column, as JSON.".to_owned());
        }
        let column = columns.iter().find(|column| column.name == *field.name())?;
        (column.original != column.name && !column.original.trim().is_empty())
            .then(|| column.original.clone())
    });
    let nullable = !declared.is_some_and(|column| column.not_null);
    let mut plain = Field::new(field.name(), field.data_type().clone(), nullable);
    if let Some(comment) = comment {
        plain.set_metadata([("comment".to_owned(), comment)].into());
    }
    kept_type(plain, field)
}

/// Whether values of one type may go to a column of another: everything prints as text, and what
/// widens loses nothing; the rest is checked value by value.
fn fits(from: &DataType, to: &DataType) -> bool {
    from == to
        || (can_cast_types(from, to)
            && (to == &DataType::Utf8 || from.is_numeric() == to.is_numeric()))
}
