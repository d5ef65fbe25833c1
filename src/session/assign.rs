//! Assignment: a query's columns made to fit a table's, as Postgres' assignment casts do.
//!
//! Text becomes anything it reads as, everything becomes text, numbers become other numbers if they
//! fit, rounded as Postgres rounds them. Nothing else changes its kind.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, RecordBatch, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::error::DataFusionError;

use crate::error::{Error, ErrorKind, Result};
use crate::query::Engine;

/// Which of a query's columns goes into which of a table's.
#[derive(Debug)]
pub(super) struct Assignment {
    table: String,
    target: SchemaRef,
    /// For each column of the table the query's column; none is NULL.
    sources: Vec<Option<usize>>,
    zone: Tz,
}

impl Assignment {
    /// Matches `given`, the query's columns, with `names` of `target`; no names mean all, in order,
    /// where the last may be left out.
    ///
    /// # Errors
    /// `UndefinedColumn`, `DuplicateColumn`, `SyntaxError` for too many or too few,
    /// `DatatypeMismatch`.
    pub(super) fn new(
        table: &str,
        target: SchemaRef,
        names: &[String],
        given: &Schema,
        zone: Tz,
    ) -> Result<Self> {
        let mut sources = vec![None; target.fields().len()];
        let count = given.fields().len();
        let expected = if names.is_empty() { target.fields().len() } else { names.len() };
        if count > expected {
            return Err(Error::new(
                ErrorKind::SyntaxError,
                "INSERT has more expressions than target columns",
            ));
        }
        if count < names.len() {
            return Err(Error::new(
                ErrorKind::SyntaxError,
                "INSERT has more target columns than expressions",
            ));
        }
        for index in 0..count {
            let at = match names.get(index) {
                None => index,
                Some(name) => target.index_of(name).map_err(|_| {
                    Error::new(
                        ErrorKind::UndefinedColumn,
                        format!("column \"{name}\" of relation \"{table}\" does not exist"),
                    )
                })?,
            };
            if sources[at].replace(index).is_some() {
                return Err(Error::new(
                    ErrorKind::DuplicateColumn,
                    format!("column \"{}\" specified more than once", target.field(at).name()),
                ));
            }
            check_types(target.field(at), given.field(index).data_type())?;
        }
        Ok(Self { table: table.to_owned(), target, sources, zone })
    }

    /// A batch of the query as rows of the table.
    ///
    /// # Errors
    /// `NotNullViolation`, and class 22 for values that do not fit.
    pub(super) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self
            .target
            .fields()
            .iter()
            .zip(&self.sources)
            .map(|(field, source)| {
                let array = match source {
                    None => new_null_array(field.data_type(), batch.num_rows()),
                    Some(index) => convert(batch.column(*index), field.data_type(), self.zone)?,
                };
                if !field.is_nullable() && array.null_count() > 0 {
                    return Err(Error::new(
                        ErrorKind::NotNullViolation,
                        format!(
                            "null value in column \"{}\" of relation \"{}\" violates not-null \
                             constraint",
                            field.name(),
                            self.table
                        ),
                    ));
                }
                Ok(array)
            })
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(self.target.clone(), columns)
            .map_err(|error| Error::internal("assigned rows do not fit").caused_by(error))
    }
}

/// Kinds of type between which nothing is converted on assignment.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
    Bytes,
    Time,
    Interval,
    Other,
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Kind::Text,
        data_type if data_type.is_numeric() => Kind::Number,
        DataType::Boolean => Kind::Boolean,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Bytes,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Kind::Time,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
        _ => Kind::Other,
    }
}

fn check_types(target: &Field, given: &DataType) -> Result<()> {
    let (to, from) = (kind(target.data_type()), kind(given));
    let fits = match (&from, &to) {
        _ if target.data_type() == given => true,
        (Kind::Text, _) | (_, Kind::Text) => true,
        (Kind::Other, Kind::Other) => target.data_type().equals_datatype(given),
        (from, to) => from == to,
    };
    if fits {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DatatypeMismatch,
        format!(
            "column \"{}\" is of type {} but expression is of type {}",
            target.name(),
            type_name(target.data_type()),
            type_name(given)
        ),
    )
    .hint("You will need to rewrite or cast the expression."))
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Int8 | DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("numeric({precision},{scale})")
        }
        DataType::Boolean => "boolean".to_owned(),
        DataType::Utf8 => "text".to_owned(),
        DataType::Binary => "bytea".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Time64(_) => "time without time zone".to_owned(),
        DataType::Timestamp(_, None) => "timestamp without time zone".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".to_owned(),
        DataType::Interval(_) => "interval".to_owned(),
        DataType::List(element) => format!("{}[]", type_name(element.data_type())),
        other => other.to_string().to_lowercase(),
    }
}

fn convert(array: &ArrayRef, to: &DataType, zone: Tz) -> Result<ArrayRef> {
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    let here = || DataType::Timestamp(TimeUnit::Microsecond, Some(zone.name().into()));
    let array = match (from, to) {
        // Postgres rounds to whole numbers, Arrow cuts.
        (DataType::Decimal128(precision, _), to) if to.is_integer() => {
            cast(array, &DataType::Decimal128(*precision, 0))?
        }
        (DataType::Decimal256(precision, _), to) if to.is_integer() => {
            cast(array, &DataType::Decimal256(*precision, 0))?
        }
        (DataType::Float32 | DataType::Float64, to) if to.is_integer() => {
            let wide = cast(array, &DataType::Float64)?;
            let rounded: Float64Array =
                wide.as_primitive::<Float64Type>().unary(f64::round_ties_even);
            Arc::new(rounded)
        }
        // Times without a zone are the session's.
        (_, DataType::Timestamp(_, Some(_))) if !has_zone(from) => {
            let local = DataType::Timestamp(TimeUnit::Microsecond, None);
            let array = if kind(from) == Kind::Time { cast(array, &local)? } else { array.clone() };
            cast(&array, &here())?
        }
        (DataType::Timestamp(_, Some(_)), DataType::Timestamp(_, None) | DataType::Date32) => {
            local_times(array, zone)?
        }
        _ => array.clone(),
    };
    cast(&array, to)
}

fn has_zone(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

/// What the clocks of `zone` showed at these times.
fn local_times(array: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    let out_of_range = || Error::new(ErrorKind::DatetimeFieldOverflow, "timestamp out of range");
    let utc = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    let local = utc.as_primitive::<TimestampMicrosecondType>().try_unary(|micros| {
        let time = DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?;
        let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc();
        Ok::<i64, Error>(micros + i64::from(offset) * 1_000_000)
    })?;
    let local: TimestampMicrosecondArray = local;
    Ok(Arc::new(local))
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options)
        .map_err(|error| Engine::error(DataFusionError::ArrowError(Box::new(error), None)))
}
