//! Assignment: a query's columns made to fit a table's, as Postgres' assignment casts do.
//!
//! Text becomes anything it reads as, everything becomes text, numbers become other numbers if they
//! fit, rounded as Postgres rounds them. Nothing else changes its kind.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::lake::TEXT_LENGTH;
use crate::query::{assigned, cast_array, marked_type, type_shown};
use crate::syntax::TextLength;

/// Which of a query's columns goes into which of a table's.
#[derive(Debug)]
pub(super) struct Assignment {
    table: String,
    target: SchemaRef,
    /// The query's columns.
    given: Vec<FieldRef>,
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
            check_types(target.field(at), given.field(index))?;
        }
        let given = given.fields().iter().cloned().collect();
        Ok(Self { table: table.to_owned(), target, given, sources, zone })
    }

    /// Matches columns by name, each with its own kind of value only: what is sent as rows of a table
    /// is not read as literals are.
    ///
    /// # Errors
    /// `UndefinedColumn`, `DuplicateColumn`, `DatatypeMismatch`; `NotNullViolation` for a column that
    /// is not sent and must not be null.
    pub(super) fn by_name(
        table: &str,
        target: SchemaRef,
        given: &Schema,
        zone: Tz,
    ) -> Result<Self> {
        let names: Vec<String> = given.fields().iter().map(|field| field.name().clone()).collect();
        let assignment = Self::new(table, target, &names, given, zone)?;
        for (field, source) in assignment.target.fields().iter().zip(&assignment.sources) {
            match source {
                Some(index) => check_kinds(field, given.field(*index).data_type())?,
                None if field.is_nullable() => {}
                None => return Err(null_in(field, &assignment.table)),
            }
        }
        Ok(assignment)
    }

    /// As [`Assignment::apply`]; an error says which column, and which row when `before` rows came
    /// earlier.
    ///
    /// # Errors
    /// As [`Assignment::apply`].
    pub(super) fn apply_from(&self, batch: &RecordBatch, before: u64) -> Result<RecordBatch> {
        let Err(error) = self.apply(batch) else { return self.apply(batch) };
        // Found by looking again, one row at a time: only what fails pays for it.
        for row in 0..batch.num_rows() {
            let one = batch.slice(row, 1);
            for (field, source) in self.target.fields().iter().zip(&self.sources) {
                if let Err(error) = self.column(&one, field, *source) {
                    let row = before + row as u64 + 1;
                    return Err(error.detail(format!("Column \"{}\", row {row}.", field.name())));
                }
            }
        }
        Err(error)
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
            .map(|(field, source)| self.column(batch, field, *source))
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(self.target.clone(), columns)
            .map_err(|error| Error::internal("assigned rows do not fit").caused_by(error))
    }

    fn column(
        &self,
        batch: &RecordBatch,
        field: &Field,
        source: Option<usize>,
    ) -> Result<ArrayRef> {
        let array = match source {
            None => new_null_array(field.data_type(), batch.num_rows()),
            Some(index) => {
                let given = self.given.get(index).map_or(field, |given| given.as_ref());
                let array = convert(batch.column(index), given, field, self.zone)?;
                let written = field.metadata().get(TEXT_LENGTH);
                let length = written.map(|written| TextLength::of(written)).transpose()?;
                bounded(array, length.flatten())?
            }
        };
        if !field.is_nullable() && array.null_count() > 0 {
            return Err(null_in(field, &self.table));
        }
        Ok(array)
    }
}

/// NULL where a column of a table has none.
pub(super) fn null_in(field: &Field, table: &str) -> Error {
    let column = field.name();
    Error::new(
        ErrorKind::NotNullViolation,
        format!(
            "null value in column \"{column}\" of relation \"{table}\" violates not-null \
             constraint"
        ),
    )
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

/// The kind of values that only a mark tells, where it is none of text or number; for an array, of its elements.
fn marked_kind(field: &Field) -> Option<&str> {
    match marked_type(field)?.trim_start_matches('_') {
        "varchar" | "bpchar" | "name" | "char" | "text" | "numeric" => None,
        "jsonb" => Some("json"),
        "cidr" => Some("inet"),
        name if name.starts_with("reg") || name.ends_with("id") && name != "uuid" => None,
        name => Some(name),
    }
}

fn check_types(target: &Field, field: &Field) -> Result<()> {
    let given = field.data_type();
    let (to, from) = (kind(target.data_type()), kind(given));
    let fits = match (&from, &to) {
        _ if marked_kind(target) != marked_kind(field) => {
            // What is text may be a literal, which is read; and everything becomes text.
            marked_kind(field).is_none() && holds_text(given)
                || marked_kind(target).is_none() && to == Kind::Text
        }
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
            shown(target),
            shown(field)
        ),
    )
    .hint("You will need to rewrite or cast the expression."))
}

fn holds_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(element) => holds_text(element.data_type()),
        other => kind(other) == Kind::Text,
    }
}

fn shown(field: &Field) -> String {
    if marked_kind(field).is_some() { type_shown(field) } else { type_name(field.data_type()) }
}

/// For rows that are sent: nothing but a value of the same kind.
fn check_kinds(target: &Field, given: &DataType) -> Result<()> {
    let inner = match given {
        DataType::Dictionary(_, inner) => inner.as_ref(),
        given => given,
    };
    let whole = target.data_type().is_integer() && (inner.is_floating() || is_decimal(inner));
    if inner.is_null() || kind(target.data_type()) == kind(inner) && !whole {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DatatypeMismatch,
        format!(
            "column \"{}\" is of type {} but the rows sent have {}",
            target.name(),
            type_name(target.data_type()),
            type_name(inner)
        ),
    )
    .detail(format!("Column \"{}\", row 1.", target.name()))
    .hint("Cast the column before you send it."))
}

fn is_decimal(data_type: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    matches!(data_type, Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..))
}

pub(super) fn type_name(data_type: &DataType) -> String {
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

fn convert(array: &ArrayRef, given: &Field, field: &Field, zone: Tz) -> Result<ArrayRef> {
    if marked_kind(given).is_some() || marked_kind(field).is_some() {
        // Rows of a COPY come as texts, whatever their columns are.
        if array.data_type() != given.data_type() {
            let text = Field::new(given.name(), array.data_type().clone(), true);
            return assigned(array, &text, field, zone);
        }
        return assigned(array, given, field, zone);
    }
    let (from, to) = (array.data_type(), field.data_type());
    let here = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.name().into()));
    let zoned = |data_type: &DataType| matches!(data_type, DataType::Timestamp(_, Some(_)));
    // Times without a zone, and texts of times with one, are the session's.
    if zoned(from) != zoned(to) {
        return cast_array(&cast_array(array, &here)?, to);
    }
    cast_array(array, to)
}

/// Refuses texts too long for their column; blanks at the end are cut instead.
fn bounded(array: ArrayRef, length: Option<TextLength>) -> Result<ArrayRef> {
    let Some(length) = length else { return Ok(array) };
    let Some(texts) = array.as_string_opt::<i32>() else { return Ok(array) };
    let characters = usize::try_from(length.characters).unwrap_or(usize::MAX);
    let bounded =
        texts.iter().map(|text| text.map(|text| fit(text, characters, length)).transpose());
    Ok(Arc::new(bounded.collect::<Result<StringArray>>()?))
}

fn fit(text: &str, characters: usize, length: TextLength) -> Result<&str> {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    let (kept, surplus) = text.split_at(end);
    if surplus.bytes().any(|byte| byte != b' ') {
        let name = if length.blanks_ignored { "character" } else { "character varying" };
        return Err(Error::new(
            ErrorKind::StringDataRightTruncation,
            format!("value too long for type {name}({characters})"),
        ));
    }
    Ok(if length.blanks_ignored { kept.trim_end_matches(' ') } else { kept })
}
