//! Which Postgres type an Arrow field is on the wire.
//!
//! Its one idea: [`pg_type_of`] answers for row descriptions, parameters and encoders alike, so they
//! cannot disagree. A field without a Postgres type is an error, never a guess.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};

use crate::error::{Error, ErrorKind, Result};
use crate::query::{is_row, marked_type, own_modifier, postgres_type, type_field, type_name};

pub(super) const BOOL: u32 = 16;
pub(super) const BYTEA: u32 = 17;
pub(super) const INT8: u32 = 20;
pub(super) const INT2: u32 = 21;
pub(super) const INT4: u32 = 23;
pub(super) const TEXT: u32 = 25;
pub(super) const OID: u32 = 26;
pub(super) const JSON: u32 = 114;
pub(super) const FLOAT4: u32 = 700;
pub(super) const FLOAT8: u32 = 701;
pub(super) const DATE: u32 = 1082;
pub(super) const TIME: u32 = 1083;
pub(super) const TIMESTAMP: u32 = 1114;
pub(super) const TIMESTAMPTZ: u32 = 1184;
pub(super) const INTERVAL: u32 = 1186;
pub(super) const NUMERIC: u32 = 1700;
const RECORD: u32 = 2249;
pub(super) const UUID: u32 = 2950;
pub(super) const JSONB: u32 = 3802;

/// A type as a row description names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgType {
    /// The type's object id.
    pub oid: u32,
    /// Its modifier: precision and scale of a numeric; -1 for none.
    pub modifier: i32,
    /// Bytes of a value; -1 for variable length.
    pub size: i16,
}

/// The array type of a scalar type.
pub(super) fn array_of(oid: u32) -> Option<u32> {
    postgres_type(type_name(oid)?).map(|(_, _, array)| array).filter(|array| *array != 0)
}

/// The element type of an array type.
pub(super) fn element_of(oid: u32) -> Option<u32> {
    postgres_type(type_name(oid)?.strip_prefix('_')?).map(|(scalar, ..)| scalar)
}

/// The Postgres type of a column.
///
/// # Errors
/// `FeatureNotSupported` for a type that Postgres has no match for.
pub fn pg_type_of(field: &Field) -> Result<PgType> {
    let own = own_modifier(field);
    let modifier = match field.data_type() {
        _ if own.is_some() => own.unwrap_or(-1),
        // One that has as many digits as it needs.
        _ if marked_type(field) == Some("numeric") => -1,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => numeric_modifier(*precision, *scale),
        DataType::UInt64 => numeric_modifier(20, 0),
        _ => -1,
    };
    if let Some((oid, size, _)) = marked_type(field).and_then(postgres_type) {
        return Ok(PgType { oid, modifier, size });
    }
    let oid = match list_element(field.data_type()) {
        Some(element) => {
            let scalar = innermost_oid(element)?;
            array_of(scalar).ok_or_else(|| unsupported(field))?
        }
        None => scalar_oid(field)?,
    };
    let size = type_name(oid).and_then(postgres_type).map_or(-1, |(_, size, _)| size);
    Ok(PgType { oid, modifier, size })
}

fn numeric_modifier(precision: u8, scale: i8) -> i32 {
    ((i32::from(precision) << 16) | (i32::from(scale) & 0x7ff)) + 4
}

/// The element field of any list type.
pub(super) fn list_element(data_type: &DataType) -> Option<&Field> {
    match data_type {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => Some(field),
        _ => None,
    }
}

pub(super) fn innermost_oid(field: &Field) -> Result<u32> {
    match list_element(field.data_type()) {
        Some(element) => innermost_oid(element),
        None => scalar_oid(field),
    }
}

fn scalar_oid(field: &Field) -> Result<u32> {
    if let Some((oid, ..)) = marked_type(field).and_then(postgres_type) {
        return Ok(oid);
    }
    let extension = field.metadata().get("ARROW:extension:name").map(String::as_str);
    Ok(match field.data_type() {
        DataType::Boolean => BOOL,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => INT2,
        DataType::UInt16 | DataType::Int32 => INT4,
        DataType::UInt32 | DataType::Int64 => INT8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => NUMERIC,
        DataType::Float16 | DataType::Float32 => FLOAT4,
        DataType::Float64 => FLOAT8,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => match extension {
            Some("arrow.json") => JSON,
            _ => TEXT,
        },
        DataType::Null => TEXT,
        DataType::FixedSizeBinary(16) if extension == Some("arrow.uuid") => UUID,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => BYTEA,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
        DataType::Struct(fields) if is_row(fields) => RECORD,
        DataType::Struct(_) | DataType::Map(..) => JSON,
        DataType::Dictionary(_, values) => {
            scalar_oid(&Field::new("values", values.as_ref().clone(), true))?
        }
        DataType::RunEndEncoded(_, values) => scalar_oid(values)?,
        _ => return Err(unsupported(field)),
    })
}

fn unsupported(field: &Field) -> Error {
    Error::new(
        ErrorKind::FeatureNotSupported,
        format!("column \"{}\" has a type that cannot be sent", field.name()),
    )
    .detail(format!("PostgreSQL has no type like {}.", field.data_type()))
    .hint("Cast the column, for example to text.")
}

/// The field of a parameter that a client declared by object id; `None` leaves it to inference.
///
/// # Errors
/// `UndefinedObject` for a type that does not exist, `FeatureNotSupported` for one that is not taken
/// as a parameter.
pub(super) fn parameter_field(oid: u32) -> Result<Option<FieldRef>> {
    const UNKNOWN: u32 = 705;
    if matches!(oid, 0 | UNKNOWN) {
        return Ok(None);
    }
    let Some(name) = type_name(oid) else {
        return Err(Error::new(
            ErrorKind::UndefinedObject,
            format!("type with OID {oid} does not exist"),
        ));
    };
    let field = match name {
        "numeric" => Field::new("parameter", NUMERIC_PARAMETER, true),
        "_numeric" => {
            let element = Field::new_list_field(NUMERIC_PARAMETER, true);
            Field::new("parameter", DataType::List(Arc::new(element)), true)
        }
        name => match type_field("parameter", name) {
            Some(field) => field,
            None => return Err(Error::unsupported(format!("a parameter of type {name}"))),
        },
    };
    Ok(Some(Arc::new(field)))
}

/// The plain Arrow type of a parameter; text where nothing tells.
///
/// # Errors
/// As [`parameter_field`].
pub(super) fn parameter_type(oid: u32) -> Result<DataType> {
    Ok(parameter_field(oid)?.map_or(DataType::Utf8, |field| field.data_type().clone()))
}

/// What a numeric parameter is planned as, whatever it is compared with: rounding it to a column's
/// scale would find rows that are not equal to it.
pub(super) const NUMERIC_PARAMETER: DataType = DataType::Decimal128(38, 16);
