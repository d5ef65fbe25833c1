//! Values of SQL as json.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::system;
use crate::query::text::json::Json;

use super::row_wise::list_at;

/// A value of SQL as json.
pub(super) fn of_value(value: &ScalarValue) -> Result<Json> {
    if value.is_null() {
        return Ok(Json::Null);
    }
    // How an argument that is json already is handed over.
    if let ScalarValue::LargeUtf8(Some(json)) = value {
        return Ok(Json::Written(json.clone()));
    }
    let array = value.to_array().map_err(crate::query::error::convert)?;
    of_array(&array, 0)
}

fn of_array(array: &ArrayRef, row: usize) -> Result<Json> {
    // What is nothing but NULL has no bitmap that would say so.
    if array.is_null(row) || array.data_type().is_null() {
        return Ok(Json::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Json::Bool(array.as_boolean().value(row)),
        DataType::List(_) => {
            let inner = array.as_list::<i32>().value(row);
            let elements = (0..inner.len()).map(|at| of_array(&inner, at));
            Json::Array(elements.collect::<Result<_>>()?)
        }
        DataType::LargeUtf8 => Json::Written(array.as_string::<i64>().value(row).to_owned()),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let own = system::row_fields(fields);
            let fields = own.unwrap_or_else(|| fields.iter().cloned().collect());
            let members = fields.iter().zip(columns).map(|(field, column)| {
                let value = if system::marked_type(field).is_some_and(|t| t.starts_with("json")) {
                    printed_as_json(column, row)?
                } else {
                    of_array(column, row)?
                };
                Ok((field.name().clone(), value))
            });
            Json::Object(members.collect::<Result<_>>()?)
        }
        DataType::Timestamp(_, zone) => {
            let text = crate::query::cast_array(array, &DataType::Utf8)?;
            let mut text = text.as_string::<i32>().value(row).replacen(' ', "T", 1);
            // ISO 8601 asks for the minutes of the offset; before Christ there is ` BC` behind it.
            let offset = text.rfind(['+', '-']).filter(|_| zone.is_some() && text.contains('T'));
            if let Some(offset) = offset.filter(|at| !text[*at..].contains(':')) {
                let end = text[offset..].find(' ').map_or(text.len(), |blank| offset + blank);
                text.insert_str(end, ":00");
            }
            Json::Text(text)
        }
        data_type if data_type.is_floating() => {
            let text = crate::query::cast_array(array, &DataType::Utf8)?;
            let number = text.as_string::<i32>().value(row);
            let finite = number.parse::<f64>().is_ok_and(f64::is_finite);
            if finite { Json::Number(number.to_owned()) } else { Json::Text(number.to_owned()) }
        }
        data_type if data_type.is_numeric() => {
            let options = FormatOptions::default();
            let number = ArrayFormatter::try_new(array.as_ref(), &options)
                .map(|formatter| formatter.value(row).to_string());
            Json::Number(number.map_err(|error| crate::query::error::convert(error.into()))?)
        }
        _ => {
            let text = crate::query::cast_array(array, &DataType::Utf8)?;
            Json::Text(text.as_string::<i32>().value(row).to_owned())
        }
    })
}

fn printed_as_json(array: &ArrayRef, row: usize) -> Result<Json> {
    match array.as_string_opt::<i32>() {
        Some(texts) if texts.is_valid(row) => Ok(Json::Written(texts.value(row).to_owned())),
        _ => Ok(Json::Null),
    }
}

impl Json {
    /// As `json_build_object` writes it.
    pub(super) fn built(&self) -> String {
        match self {
            Json::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    format!("{} : {}", crate::query::text::json::quoted(name), value.compact())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
            Json::Array(elements) => {
                let elements = elements.iter().map(Json::compact);
                format!("[{}]", elements.collect::<Vec<_>>().join(", "))
            }
            other => other.compact(),
        }
    }
}

pub(super) fn build_object(values: &[ScalarValue]) -> Result<Json> {
    if values.len() % 2 == 1 {
        let message = "argument list must have even number of elements";
        return Err(Error::new(ErrorKind::InvalidParameterValue, message).hint(
            "The arguments of json_build_object() must consist of alternating keys and values.",
        ));
    }
    let members = values.chunks(2).enumerate().map(|(at, pair)| {
        let name = match of_value(&pair[0])? {
            Json::Null => {
                let message = format!("argument {}: key must not be null", 2 * at + 1);
                return Err(Error::new(ErrorKind::InvalidParameterValue, message));
            }
            Json::Text(name) => name,
            other => other.compact(),
        };
        Ok((name, of_value(&pair[1])?))
    });
    Ok(Json::Object(members.collect::<Result<_>>()?))
}

pub(super) fn build_array(values: &[ScalarValue]) -> Result<Json> {
    Ok(Json::Array(values.iter().map(of_value).collect::<Result<_>>()?))
}

/// The texts of a list, `null` for NULL; `None` for no list.
pub(super) fn collected(v: &[ScalarValue], at: usize) -> Result<Option<Vec<String>>> {
    let Some(list) = list_at(v, at) else { return Ok(None) };
    let texts = list
        .as_string_opt::<i32>()
        .map(|texts| texts.iter().map(|text| text.unwrap_or("null").to_owned()).collect());
    Ok(texts)
}

/// `"name" : value` of two lists.
pub(super) fn members_of(v: &[ScalarValue]) -> Result<Option<Vec<String>>> {
    let Some(names) = list_at(v, 0) else { return Ok(None) };
    let (Some(names), Some(values)) = (names.as_string_opt::<i32>(), collected(v, 1)?) else {
        return Ok(None);
    };
    let member = |(name, value): (Option<&str>, String)| {
        let name = name.ok_or_else(|| {
            Error::new(ErrorKind::InvalidParameterValue, "field name must not be null")
        })?;
        Ok(format!("{} : {value}", crate::query::text::json::quoted(name)))
    };
    names.iter().zip(values).map(member).collect::<Result<Vec<_>>>().map(Some)
}
