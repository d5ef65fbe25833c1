//! Arrow schemas to Delta's and back.
//!
//! Its one idea: a table keeps plain types only (no views, no dictionaries, times in microseconds),
//! and of a field's metadata only the comment, a text's length, and the type that its own does not tell.
//! Refuses types that Delta cannot keep, by name.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow as _, TryIntoKernel as _};

use crate::error::{Error, ErrorKind, Result};

use super::error;

const COMMENT: &str = "comment";
/// Where Spark, too, keeps the length of a `varchar(n)` or `char(n)`.
pub const TEXT_LENGTH: &str = "__CHAR_VARCHAR_TYPE_STRING";
/// What marks a field as of a type that Arrow does not have: the key, and how the value begins.
pub const TYPE_MARK: (&str, &str) = ("ARROW:extension:name", "pg.");
/// Where a table's log keeps that type's name. The mark itself is not written: engines that make extension
/// types of such marks know none of these.
const COLUMN_TYPE: &str = "lakeport.type";

/// The schema a table of these columns has.
///
/// # Errors
/// `FeatureNotSupported` for a type Delta cannot keep; `DuplicateColumn`; `InvalidName`.
pub(super) fn stored(schema: &Schema) -> Result<SchemaRef> {
    let fields = schema.fields().iter().map(stored_field);
    let fields = fields.collect::<Result<Vec<_>>>()?;
    for (index, field) in fields.iter().enumerate() {
        check_name(field.name())?;
        let lower = field.name().to_lowercase();
        if fields.iter().take(index).any(|other| other.name().to_lowercase() == lower) {
            return Err(Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{}\" appears twice", field.name()),
            )
            .detail("A delta table's columns differ in more than upper and lower case."));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn check_name(name: &str) -> Result<()> {
    let odd = |c: char| " ,;{}()=".contains(c) || c.is_control();
    if name.is_empty() || name.contains(odd) {
        return Err(Error::new(
            ErrorKind::InvalidName,
            format!("column \"{name}\" cannot be kept in a table"),
        )
        .detail(
            "A delta table's column names have no spaces, control characters or any of ,;{}()=.",
        )
        .hint("Give the column another name with AS."));
    }
    Ok(())
}

fn stored_field(field: &FieldRef) -> Result<Field> {
    let data_type = stored_type(field.data_type()).ok_or_else(|| {
        Error::unsupported(format!(
            "a column of type {} (\"{}\") in a table",
            field.data_type(),
            field.name()
        ))
        .hint("Cast it to a type that tables have, for example text.")
    })?;
    Ok(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(kept(field)))
}

/// What is kept of a field's metadata.
fn kept(field: &Field) -> HashMap<String, String> {
    let entry = |key: &str| Some((key.to_owned(), field.metadata().get(key)?.clone()));
    let mut kept: HashMap<_, _> = [COMMENT, TEXT_LENGTH].into_iter().filter_map(entry).collect();
    if let Some(name) = type_of(field) {
        kept.insert(TYPE_MARK.0.to_owned(), format!("{}{name}", TYPE_MARK.1));
    }
    kept
}

/// The name of the type that a field is marked with.
fn type_of(field: &Field) -> Option<&str> {
    let name = field.metadata().get(TYPE_MARK.0)?.strip_prefix(TYPE_MARK.1)?;
    is_kept_as(name, field.data_type()).then_some(name)
}

/// Whether values of the type of this name lie in columns of this one. A log may say anything.
fn is_kept_as(name: &str, data_type: &DataType) -> bool {
    match (name.strip_prefix('_'), data_type) {
        (Some(_), DataType::List(item)) => is_kept_as(name, item.data_type()),
        (Some(inner), _) => is_kept_as(inner, data_type),
        (None, DataType::Int64) => name == "oid",
        (None, DataType::Utf8) => name != "oid" && !name.ends_with("vector"),
        _ => false,
    }
}

/// The type a column is kept as; `None` where there is none that loses nothing.
fn stored_type(data_type: &DataType) -> Option<DataType> {
    let nested = |field: &FieldRef| stored_field(field).ok();
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            DataType::Utf8
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Dictionary(_, value) => stored_type(value)?,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| Arc::from("UTC")))
        }
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s)
            if *p <= 38 && *s >= 0 =>
        {
            DataType::Decimal128(*p, *s)
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            let item = nested(item)?;
            DataType::List(Arc::new(item.with_name("element")))
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(nested).collect::<Option<Vec<_>>>()?.into())
        }
        DataType::Map(entries, _) => stored_map(entries)?,
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32 => data_type.clone(),
        _ => return None,
    })
}

/// A map as the Delta kernel names its parts.
fn stored_map(entries: &FieldRef) -> Option<DataType> {
    let DataType::Struct(parts) = entries.data_type() else { return None };
    let [key, value] = parts.as_ref() else { return None };
    let key = stored_field(key).ok()?.with_name("key").with_nullable(false);
    let value = stored_field(value).ok()?.with_name("value");
    let entries = Field::new("key_value", DataType::Struct(vec![key, value].into()), false);
    Some(DataType::Map(Arc::new(entries), false))
}

/// Delta's form of a stored schema.
pub(super) fn to_delta(schema: &Schema) -> Result<StructType> {
    let written = |field: &FieldRef| {
        let mut field = field.as_ref().clone();
        if let Some(mark) = field.metadata_mut().remove(TYPE_MARK.0) {
            let name = mark.strip_prefix(TYPE_MARK.1).unwrap_or_default().to_owned();
            field.metadata_mut().insert(COLUMN_TYPE.to_owned(), name);
        }
        field
    };
    let schema = Schema::new(schema.fields().iter().map(written).collect::<Vec<_>>());
    (&schema).try_into_kernel().map_err(error::arrow)
}

/// The stored schema of a table's Delta schema, comments, lengths and types kept.
pub(super) fn from_delta(schema: &StructType) -> Result<SchemaRef> {
    let schema: Schema = schema.try_into_arrow().map_err(error::arrow)?;
    let read = |field: &FieldRef| {
        let mut field = field.as_ref().clone();
        field.metadata_mut().remove(TYPE_MARK.0);
        if let Some(name) = field.metadata().get(COLUMN_TYPE) {
            let mark = format!("{}{name}", TYPE_MARK.1);
            field.metadata_mut().insert(TYPE_MARK.0.to_owned(), mark);
        }
        let metadata = kept(&field);
        field.with_metadata(metadata)
    };
    Ok(Arc::new(Schema::new(schema.fields().iter().map(read).collect::<Vec<_>>())))
}

/// The base's columns, then those only `new` has, which must be nullable; comments, and types that only a
/// mark tells, are `new`'s.
///
/// # Errors
/// `DatatypeMismatch` where a column's type differs; `NotNullViolation` for a new column that is
/// NOT NULL.
pub(super) fn merged(base: &Schema, new: &Schema) -> Result<SchemaRef> {
    let mut fields: Vec<FieldRef> = Vec::with_capacity(new.fields().len());
    for field in base.fields() {
        match new.fields().iter().find(|other| other.name() == field.name()) {
            None => fields.push(Arc::clone(field)),
            Some(other) => {
                if !same_type(other.data_type(), field.data_type()) {
                    return Err(Error::new(
                        ErrorKind::DatatypeMismatch,
                        format!(
                            "column \"{}\" is of type {} in the table but of type {} here",
                            field.name(),
                            field.data_type(),
                            other.data_type()
                        ),
                    ));
                }
                let metadata = if other.metadata().is_empty() { field } else { other }.metadata();
                let mut field = field.as_ref().clone().with_metadata(metadata.clone());
                if type_of(other).is_none() {
                    field.metadata_mut().remove(TYPE_MARK.0);
                }
                fields.push(Arc::new(field));
            }
        }
    }
    for field in new.fields() {
        if base.column_with_name(field.name()).is_none() {
            if !field.is_nullable() {
                return Err(Error::new(
                    ErrorKind::NotNullViolation,
                    format!("column \"{}\" is new and cannot be NOT NULL", field.name()),
                )
                .detail("Rows that the table already holds have no value for it."));
            }
            fields.push(Arc::clone(field));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn same_type(a: &DataType, b: &DataType) -> bool {
    a.equals_datatype(b)
}

/// Whether some column keeps a time without a zone, which is a feature of the format of its own.
pub(super) fn has_local_times(schema: &Schema) -> bool {
    fn found(data_type: &DataType) -> bool {
        match data_type {
            DataType::Timestamp(_, None) => true,
            DataType::List(item) | DataType::Map(item, _) => found(item.data_type()),
            DataType::Struct(fields) => fields.iter().any(|field| found(field.data_type())),
            _ => false,
        }
    }
    schema.fields().iter().any(|field| found(field.data_type()))
}

/// A batch in the shape of `target`, matched by position.
///
/// # Errors
/// `DatatypeMismatch` for another number of columns; `NotNullViolation`; 22003 for a value that
/// does not fit.
pub(super) fn fit(batch: &RecordBatch, target: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != target.fields().len() {
        return Err(Error::new(
            ErrorKind::DatatypeMismatch,
            format!(
                "{} columns were given, the table has {}",
                batch.num_columns(),
                target.fields().len()
            ),
        ));
    }
    let columns = batch.columns().iter().zip(target.fields()).map(|(column, field)| {
        if !field.is_nullable() && column.logical_null_count() > 0 {
            return Err(Error::new(
                ErrorKind::NotNullViolation,
                format!("null value in column \"{}\" violates not-null constraint", field.name()),
            ));
        }
        fit_column(column, field)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(target), columns, &options).map_err(error::arrow)
}

fn fit_column(column: &ArrayRef, field: &FieldRef) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, field.data_type(), &options)
        .map_err(|error| error::arrow(error).within(format!("column \"{}\"", field.name())))
}

/// The schema without any metadata: what data files carry.
pub(super) fn without_metadata(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter();
    let bare = fields.map(|field| field.as_ref().clone().with_metadata(HashMap::new()));
    Arc::new(Schema::new(bare.collect::<Vec<_>>()))
}

/// Refuses partition columns that are none, and tables of nothing but partition columns.
pub(super) fn check_partitions(schema: &Schema, partition_by: &[String]) -> Result<()> {
    for name in partition_by {
        let Some((_, field)) = schema.column_with_name(name) else {
            return Err(Error::new(
                ErrorKind::UndefinedColumn,
                format!("partition column \"{name}\" does not exist"),
            ));
        };
        if field.data_type().is_nested() || field.data_type() == &DataType::Binary {
            return Err(Error::unsupported(format!(
                "partitioning by \"{name}\", which is of type {},",
                field.data_type()
            )));
        }
    }
    if !partition_by.is_empty() && partition_by.len() >= schema.fields().len() {
        return Err(Error::new(
            ErrorKind::InvalidParameterValue,
            "a table needs a column that it is not partitioned by",
        ));
    }
    Ok(())
}
