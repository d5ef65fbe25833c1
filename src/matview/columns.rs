//! A query's result columns as the columns of a stored table.
//!
//! Names must be usable, types must exist in the format, comments come from the view's column list.
//! What cannot be stored exactly is refused with the column's name, never approximated.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;
use crate::query::{is_wide_numeric, kept_type, refused_wide};
use crate::syntax::ColumnDefinition;

/// Prefix of columns that are the server's own.
pub(super) const RESERVED: &str = "__lakeport_";

/// Decides what a column list means for a query with these result columns.
///
/// A list whose names all are result columns only comments them; any other list must have one name for
/// each result column, and renames them in order. `Some` holds the new names.
///
/// # Errors
/// `UndefinedColumn` when it is neither.
pub(super) fn renamed(
    relation: &RelationName,
    listed: &[ColumnDefinition],
    output: &SchemaRef,
) -> Result<Option<Vec<String>>> {
    let Some(stranger) = listed.iter().find(|column| output.fields().find(&column.name).is_none())
    else {
        return Ok(None);
    };
    if listed.len() == output.fields().len() {
        return Ok(Some(listed.iter().map(|column| column.name.clone()).collect()));
    }
    let columns: Vec<&str> = output.fields().iter().map(|f| f.name().as_str()).collect();
    Err(Error::new(
        ErrorKind::UndefinedColumn,
        format!("column \"{}\" of the column list of {relation} does not exist", stranger.name),
    )
    .detail(format!("The query's columns are {}.", columns.join(", ")))
    .hint("List result columns to comment them, or one name for each column to rename them."))
}

/// The columns to store, with the list's comments.
///
/// # Errors
/// `DuplicateColumn`, `InvalidName`, and `DatatypeMismatch` for a type that cannot be stored.
pub(super) fn stored(listed: &[ColumnDefinition], output: &Schema) -> Result<SchemaRef> {
    let comments: HashMap<&str, &str> = listed
        .iter()
        .filter_map(|column| Some((column.name.as_str(), column.comment.as_deref()?)))
        .collect();
    let mut names = BTreeSet::new();
    let mut fields = Vec::with_capacity(output.fields().len());
    for field in output.fields() {
        let name = field.name();
        if !names.insert(name.to_lowercase()) {
            return Err(Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{name}\" specified more than once"),
            )
            .hint("Give each result column a name of its own with AS."));
        }
        if name.is_empty() || name.starts_with(RESERVED) {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("column name \"{name}\" is reserved"),
            )
            .hint("Give the result column another name with AS."));
        }
        if is_wide_numeric(field) {
            return Err(refused_wide());
        }
        let data_type = storable(field.data_type()).ok_or_else(|| not_storable(field))?;
        let mut stored = Field::new(name, data_type, true);
        if let Some(comment) = comments.get(name.as_str()) {
            stored.set_metadata(HashMap::from([("comment".to_owned(), (*comment).to_owned())]));
        }
        fields.push(kept_type(stored, field));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn not_storable(field: &Field) -> Error {
    Error::new(
        ErrorKind::DatatypeMismatch,
        format!("column \"{}\" has a type that cannot be stored", field.name()),
    )
    .detail(format!("Its type is {}.", field.data_type()))
    .hint("Cast it to a type that Delta has, for example text or numeric(38,10).")
}

/// The type a value is stored as: one that holds every value, or none.
pub(super) fn storable(data_type: &DataType) -> Option<DataType> {
    let nested = |field: &Field| {
        let inner = storable(field.data_type())?;
        Some(Arc::new(Field::new(field.name(), inner, true)))
    };
    Some(match data_type {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32 => data_type.clone(),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            DataType::Utf8
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
            if *scale >= 0 =>
        {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::Dictionary(_, value) => storable(value)?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::FixedSizeList(item, _) => {
            let item = storable(item.data_type())?;
            DataType::List(Arc::new(Field::new("element", item, true)))
        }
        DataType::Struct(fields) => {
            // A row is stored as the struct that it is.
            let own = crate::query::row_fields(fields);
            let fields = own.unwrap_or_else(|| fields.iter().cloned().collect());
            let fields = fields.iter().map(|f| nested(f)).collect::<Option<Vec<_>>>()?;
            DataType::Struct(Fields::from(fields))
        }
        _ => return None,
    })
}

/// Whether a column's values are stored in the very type they have.
pub(super) fn is_stored_as_it_is(field: &Field) -> bool {
    storable(field.data_type()).as_ref() == Some(field.data_type())
}

/// Casts a batch to the stored columns, by position.
///
/// # Errors
/// `NumericValueOutOfRange` when a value does not fit, which no storable type lets happen.
pub(super) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let cast = |(column, field): (&ArrayRef, &Arc<Field>)| {
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(column, field.data_type(), &options).map_err(|error| {
            Error::new(
                ErrorKind::NumericValueOutOfRange,
                format!("a value of column \"{}\" does not fit its type", field.name()),
            )
            .caused_by(error)
        })
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(cast).collect::<Result<_>>()?;
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|error| Error::internal("put result columns together").caused_by(error))
}

/// Whether rows of the one shape can lie among rows of the other.
pub(super) fn same_columns(stored: &SchemaRef, wanted: &SchemaRef) -> bool {
    stored.fields().len() == wanted.fields().len()
        && stored
            .fields()
            .iter()
            .zip(wanted.fields())
            .all(|(had, has)| had.name() == has.name() && had.data_type() == has.data_type())
}

/// The stored columns and a boolean for each expectation.
pub(super) fn flagged(schema: &SchemaRef, flags: usize) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    for i in 0..flags {
        let name = format!("__lakeport_e{i}");
        fields.push(Arc::new(Field::new(name, DataType::Boolean, true)));
    }
    Arc::new(Schema::new(fields))
}

/// Gives the rows the types they are stored in; behind them stand booleans.
pub(super) fn conform_flagged(
    batch: &RecordBatch,
    stored: &SchemaRef,
    flagged: &SchemaRef,
) -> Result<RecordBatch> {
    let internal = |error| Error::internal("put changed rows together").caused_by(error);
    let width = stored.fields().len();
    let rows = batch.project(&(0..width).collect::<Vec<_>>()).map_err(internal)?;
    let mut arrays: Vec<ArrayRef> = conform(&rows, stored)?.columns().to_vec();
    for flag in &batch.columns()[width..] {
        arrays.push(cast(flag, &DataType::Boolean).map_err(internal)?);
    }
    RecordBatch::try_new(flagged.clone(), arrays).map_err(internal)
}
