//! The canonical types every column is brought to before it is written.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array,
    FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::{PLAIN, Styles};
use crate::query::{element_of, marked_type, own_modifier, row_fields, textual};
use crate::server::pgwire::encoding::Encoding;
use crate::server::pgwire::types::{self, PgType, list_element, pg_type_of};

use super::Output;
use super::text::without_nul;

/// A column in canonical form. Arrow arrays are shared, so this is cheap.
#[derive(Debug)]
pub(in crate::server::pgwire) enum Values {
    Null,
    Bool(BooleanArray),
    Int16(Int16Array),
    Int32(Int32Array),
    Int64(Int64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal128(Decimal128Array),
    Decimal256(Decimal256Array),
    Text(StringArray),
    /// Text that already is json.
    JsonText(StringArray),
    /// The same as `jsonb`, whose binary form begins with a version.
    JsonbText(StringArray),
    /// A uuid as text.
    UuidText(StringArray),
    /// A type that is kept as text, by its name.
    Textual(&'static str, StringArray, Tz),
    /// An object's name, whose binary form would be its number; whether it is a type's.
    NameOfObject(StringArray, bool),
    /// A numeric that no number holds.
    NumericText(StringArray),
    /// Numbers of objects and transactions: 32 bits without a sign.
    Oid(Int64Array),
    /// `int2vector` and `oidvector`: arrays that begin at 0 and print without braces.
    Vector(ListArray, Box<Values>, PgType),
    Bytes(BinaryArray, Styles),
    /// Text in the client's encoding, and whether it is `jsonb`.
    Encoded(BinaryArray, bool),
    Uuid(FixedSizeBinaryArray),
    /// Days since 1970.
    Date(Int32Array, Styles),
    Time(Int64Array, TimeUnit),
    Timestamp(Int64Array, TimeUnit, Option<Tz>, Styles),
    Duration(Int64Array, TimeUnit, Styles),
    Interval(IntervalMonthDayNanoArray, Styles),
    List(ListArray, Box<Values>, PgType),
    /// What `ROW(...)` made: its values and their types.
    Record(ArrayRef, Vec<(u32, Values)>),
    /// A struct: json object of its fields.
    Struct(ArrayRef, Vec<(String, Values)>),
    /// A map: entries, keys, values.
    Map(ArrayRef, Box<Values>, Box<Values>),
}

impl Values {
    /// Brings a column to canonical form.
    pub(in crate::server::pgwire) fn new(
        field: &Field,
        array: &ArrayRef,
        output: &Output,
    ) -> Result<Self> {
        let extension = field.metadata().get("ARROW:extension:name").map(String::as_str);
        let mark = marked_type(field);
        Ok(match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::UInt8 | DataType::Int16 => {
                Values::Int16(cast(array, &DataType::Int16)?.as_primitive::<Int16Type>().clone())
            }
            DataType::UInt16 | DataType::Int32 => {
                Values::Int32(cast(array, &DataType::Int32)?.as_primitive::<Int32Type>().clone())
            }
            DataType::Int64 if mark.is_some_and(|name| name != "xid8") => {
                Values::Oid(array.as_primitive::<Int64Type>().clone())
            }
            DataType::UInt32 | DataType::Int64 => {
                Values::Int64(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            DataType::Float16 | DataType::Float32 => Values::Float32(
                cast(array, &DataType::Float32)?.as_primitive::<Float32Type>().clone(),
            ),
            DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().clone()),
            DataType::UInt64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => decimal(array)?,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let mut text = cast(array, &DataType::Utf8)?.as_string::<i32>().clone();
                if let (Some("bpchar"), Some(modifier)) = (mark, own_modifier(field)) {
                    text = padded(&text, modifier);
                }
                if output.encoding != Encoding::Utf8 && !text.value_data().is_ascii() {
                    return encoded(&text, mark == Some("jsonb"), output.encoding);
                }
                match mark {
                    Some("json") => Values::JsonText(text),
                    Some("jsonb") => Values::JsonbText(text),
                    Some("uuid") => Values::UuidText(text),
                    Some("numeric") => Values::NumericText(text),
                    Some(name) if name.starts_with("reg") => {
                        Values::NameOfObject(text, name == "regtype")
                    }
                    Some(name) => match textual::textual(name) {
                        Some(name) => Values::Textual(name, text, output.styles.zone),
                        None => Values::Text(text),
                    },
                    _ => Values::Text(text),
                }
            }
            DataType::FixedSizeBinary(16) if extension == Some("arrow.uuid") => {
                Values::Uuid(array.as_fixed_size_binary().clone())
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => {
                let bytes = cast(array, &DataType::Binary)?.as_binary::<i32>().clone();
                Values::Bytes(bytes, output.styles)
            }
            DataType::Dictionary(_, values) => {
                let plain = cast(array, values)?;
                Values::new(
                    &Field::new(field.name(), values.as_ref().clone(), true),
                    &plain,
                    output,
                )?
            }
            DataType::RunEndEncoded(_, values) => {
                let plain = cast(array, values.data_type())?;
                Values::new(values, &plain, output)?
            }
            DataType::Struct(_) | DataType::Map(..) => Values::document(field, array, output)?,
            data_type if list_element(data_type).is_some() => Values::list(field, array, output)?,
            _ => Values::temporal(field, array, output)?,
        })
    }

    fn temporal(field: &Field, array: &ArrayRef, output: &Output) -> Result<Self> {
        let integers = |array: &ArrayRef| -> Result<Int64Array> {
            Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        };
        Ok(match array.data_type() {
            DataType::Date32 | DataType::Date64 => {
                let days = cast(array, &DataType::Date32)?;
                let days = days.as_primitive::<Date32Type>();
                Values::Date(days.reinterpret_cast::<Int32Type>(), output.styles)
            }
            DataType::Time32(unit) => {
                Values::Time(integers(&cast(array, &DataType::Int32)?)?, *unit)
            }
            DataType::Time64(unit) => Values::Time(integers(array)?, *unit),
            DataType::Timestamp(unit, stored_in) => {
                let zone = stored_in.as_ref().map(|_| output.styles.zone);
                Values::Timestamp(integers(array)?, *unit, zone, output.styles)
            }
            DataType::Duration(unit) => Values::Duration(integers(array)?, *unit, output.styles),
            DataType::Interval(_) => {
                let interval = cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
                let interval = interval.as_primitive::<IntervalMonthDayNanoType>().clone();
                Values::Interval(interval, output.styles)
            }
            _ => {
                pg_type_of(field)?;
                return Err(Error::internal("a type has a Postgres name but no encoder"));
            }
        })
    }

    fn list(field: &Field, array: &ArrayRef, output: &Output) -> Result<Self> {
        let Some(element) = list_element(array.data_type()) else {
            return Err(Error::internal("not a list"));
        };
        let plain = std::sync::Arc::new(element.clone());
        let list = cast(array, &DataType::List(plain.clone()))?.as_list::<i32>().clone();
        let element = element_of(field).unwrap_or(plain);
        let values = Values::new(&element, list.values(), output)?;
        let list_type = pg_type_of(field)?;
        if let Some("int2vector" | "oidvector") = marked_type(field) {
            let element_type = pg_type_of(&element)?;
            return Ok(Values::Vector(list, Box::new(values), element_type));
        }
        let oid = match types::element_of(list_type.oid) {
            Some(oid) => oid,
            None => types::innermost_oid(&element)?,
        };
        Ok(Values::List(list, Box::new(values), PgType { oid, ..list_type }))
    }

    fn document(field: &Field, array: &ArrayRef, output: &Output) -> Result<Self> {
        if let Some(fields) = array.as_struct_opt()
            && let Some(own) = row_fields(fields.fields())
        {
            let columns = own.iter().zip(fields.columns());
            let columns = columns
                .map(|(field, column)| {
                    Ok((pg_type_of(field)?.oid, Values::new(field, column, output)?))
                })
                .collect::<Result<Vec<_>>>()?;
            return Ok(Values::Record(array.clone(), columns));
        }
        if output.encoding != Encoding::Utf8 {
            return Err(Error::unsupported("a struct for a client whose encoding is not UTF8"));
        }
        // Json has one form of each value.
        let styles = Styles { zone: output.styles.zone, ..PLAIN };
        let output = &Output { styles, ..*output };
        if let Some(map) = array.as_map_opt() {
            let (keys, values) = map.entries_fields();
            return Ok(Values::Map(
                array.clone(),
                Box::new(Values::new(keys, map.keys(), output)?),
                Box::new(Values::new(values, map.values(), output)?),
            ));
        }
        let Some(fields) = array.as_struct_opt() else {
            return Err(Error::internal(format!("column {} is no struct", field.name())));
        };
        let columns = fields
            .fields()
            .iter()
            .zip(fields.columns())
            .map(|(field, column)| Ok((field.name().clone(), Values::new(field, column, output)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Values::Struct(array.clone(), columns))
    }

    /// Whether the value of `row` is NULL.
    pub(in crate::server::pgwire) fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Null => true,
            Values::Bool(array) => array.is_null(row),
            Values::Int16(array) => array.is_null(row),
            Values::Int32(array) | Values::Date(array, _) => array.is_null(row),
            Values::Int64(array)
            | Values::Oid(array)
            | Values::Time(array, _)
            | Values::Timestamp(array, ..)
            | Values::Duration(array, ..) => array.is_null(row),
            Values::Float32(array) => array.is_null(row),
            Values::Float64(array) => array.is_null(row),
            Values::Decimal128(array) => array.is_null(row),
            Values::Decimal256(array) => array.is_null(row),
            Values::Text(array)
            | Values::JsonText(array)
            | Values::JsonbText(array)
            | Values::UuidText(array)
            | Values::Textual(_, array, _)
            | Values::NumericText(array)
            | Values::NameOfObject(array, _) => array.is_null(row),
            Values::Bytes(array, _) | Values::Encoded(array, _) => array.is_null(row),
            Values::Uuid(array) => array.is_null(row),
            Values::Interval(array, _) => array.is_null(row),
            Values::List(array, ..) | Values::Vector(array, ..) => array.is_null(row),
            Values::Struct(array, _) | Values::Record(array, _) | Values::Map(array, ..) => {
                array.is_null(row)
            }
        }
    }
}

/// Texts of `char(n)`, which end in spaces on the wire and nowhere else.
fn padded(text: &StringArray, modifier: i32) -> StringArray {
    let length = usize::try_from(modifier.saturating_sub(4)).unwrap_or(0);
    text.iter().map(|text| text.map(|text| format!("{text:<length$}"))).collect()
}

/// Texts of which some are not ASCII, for a client that does not take UTF-8.
fn encoded(text: &StringArray, is_jsonb: bool, encoding: Encoding) -> Result<Values> {
    let bytes = text.iter().map(|text| match text {
        Some(text) => encoding.encode(without_nul(text)?).map(Some),
        None => Ok(None),
    });
    Ok(Values::Encoded(bytes.collect::<Result<BinaryArray>>()?, is_jsonb))
}

fn decimal(array: &ArrayRef) -> Result<Values> {
    let as_128 = |array: &ArrayRef, precision: u8, scale: i8| -> Result<Values> {
        let array = cast(array, &DataType::Decimal128(precision, scale))?;
        Ok(Values::Decimal128(array.as_primitive::<Decimal128Type>().clone()))
    };
    match array.data_type() {
        DataType::UInt64 => as_128(array, 20, 0),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            as_128(array, *precision, *scale)
        }
        DataType::Decimal128(..) => {
            Ok(Values::Decimal128(array.as_primitive::<Decimal128Type>().clone()))
        }
        _ => Ok(Values::Decimal256(array.as_primitive::<Decimal256Type>().clone())),
    }
}

/// Casts, where a value that does not fit is an error and not NULL.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|error| {
        Error::new(ErrorKind::FeatureNotSupported, "a value cannot be sent").caused_by(error)
    })
}
