//! Rows to text: `(1,,"a b")`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Field};

use crate::error::{Error, Result};
use crate::query::runtime::StatementInfo;
use crate::query::system::row_fields;

/// Whether a value of this type is a row, or an array of rows.
pub(super) fn holds_rows(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => row_fields(fields).is_some(),
        DataType::List(element) => holds_rows(element.data_type()),
        _ => false,
    }
}

/// The texts of rows.
pub(super) fn texts(info: &StatementInfo, array: &ArrayRef) -> Result<ArrayRef> {
    let rows = array.as_struct();
    let fields = row_fields(rows.fields()).ok_or_else(|| Error::unsupported("a struct as text"))?;
    let text = Field::new("text", DataType::Utf8, true);
    let columns = fields.iter().zip(rows.columns()).map(|(field, column)| {
        // A truth is a letter in a row.
        let letter = *field.data_type() == DataType::Boolean;
        Ok((super::as_field(info, column, field, &text)?, letter))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let written = (0..rows.len()).map(|row| {
        if rows.is_null(row) {
            return None;
        }
        let values = columns.iter().map(|(column, letter)| {
            let column = column.as_string::<i32>();
            let text = column.is_valid(row).then(|| column.value(row))?;
            Some(if *letter { text.get(..1).unwrap_or_default() } else { text })
        });
        Some(record(values))
    });
    Ok(Arc::new(written.collect::<StringArray>()))
}

fn record<'a>(values: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut out = String::from("(");
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        let Some(value) = value else { continue };
        let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',' | ' ' | '\t'..='\r');
        if !value.is_empty() && !value.contains(special) {
            out.push_str(value);
            continue;
        }
        out.push('"');
        for c in value.chars() {
            // These are doubled.
            if matches!(c, '"' | '\\') {
                out.push(c);
            }
            out.push(c);
        }
        out.push('"');
    }
    out.push(')');
    out
}
