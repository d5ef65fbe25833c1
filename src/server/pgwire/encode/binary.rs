//! Values as Postgres' send functions write them.

use bytes::{BufMut, BytesMut};

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::micros;
use crate::query::type_spelled;

use super::datetime::{date_binary, put_interval, timestamp_binary};
use super::figures::put_decimal_binary;
use super::number::{put_numeric_binary, put_plain_number};
use super::patch_length;
use super::text::{duration, interval, without_nul};
use super::textual::put_textual;
use super::values::Values;

impl Values {
    /// Appends the binary form of the value of `row`, which is not NULL.
    pub(in crate::server::pgwire) fn write_binary(
        &self,
        row: usize,
        out: &mut BytesMut,
    ) -> Result<()> {
        match self {
            Values::Null => {}
            Values::Bool(array) => out.put_u8(u8::from(array.value(row))),
            Values::Int16(array) => out.put_i16(array.value(row)),
            Values::Int32(array) => out.put_i32(array.value(row)),
            Values::Int64(array) => out.put_i64(array.value(row)),
            Values::Float32(array) => out.put_f32(array.value(row)),
            Values::Float64(array) => out.put_f64(array.value(row)),
            Values::Decimal128(array) => {
                let (value, scale) = (array.value(row), array.scale());
                if !put_decimal_binary(value, scale, out) {
                    put_numeric_binary(&value.to_string(), scale, out);
                }
            }
            Values::Decimal256(array) => {
                put_numeric_binary(&array.value(row).to_string(), array.scale(), out);
            }
            Values::Text(array) | Values::JsonText(array) => {
                out.put_slice(without_nul(array.value(row))?.as_bytes());
            }
            Values::JsonbText(array) => {
                // The version of jsonb's binary form.
                out.put_u8(1);
                out.put_slice(without_nul(array.value(row))?.as_bytes());
            }
            Values::UuidText(array) => {
                let uuid: uuid::Uuid = array
                    .value(row)
                    .parse()
                    .map_err(|error| Error::internal("a uuid that is none").caused_by(error))?;
                out.put_slice(uuid.as_bytes());
            }
            Values::NumericText(array) => match array.value(row) {
                "NaN" => out.put_slice(&[0, 0, 0, 0, 0xc0, 0, 0, 0]),
                "Infinity" => out.put_slice(&[0, 0, 0, 0, 0xd0, 0, 0, 0x20]),
                "-Infinity" => out.put_slice(&[0, 0, 0, 0, 0xf0, 0, 0, 0x20]),
                digits => put_plain_number(digits, out),
            },
            Values::NameOfObject(array, is_type) => {
                let name = array.value(row);
                let number = is_type.then(|| type_spelled(name)).flatten();
                let number = number.or_else(|| name.parse().ok()).ok_or_else(|| {
                    Error::unsupported("an object's name in binary format")
                        .hint("Ask for its oid, or for the result as text.")
                })?;
                out.put_u32(number);
            }
            Values::Oid(array) => {
                let number = u32::try_from(array.value(row)).map_err(|_| {
                    Error::new(ErrorKind::NumericValueOutOfRange, "oid out of range")
                })?;
                out.put_u32(number);
            }
            Values::Vector(lists, values, element_type) => {
                let offsets = lists.value_offsets();
                let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                out.put_i32(1);
                out.put_i32(0);
                out.put_u32(element_type.oid);
                out.put_i32(i32::try_from(to - from).unwrap_or(i32::MAX));
                // These begin at 0.
                out.put_i32(0);
                for element in from..to {
                    let value_at = out.len();
                    out.put_i32(0);
                    values.write_binary(element, out)?;
                    patch_length(out, value_at, out.len() - value_at - 4)?;
                }
            }
            Values::Textual(name, array, _) => put_textual(name, array.value(row), out)?,
            Values::Bytes(array, _) => out.put_slice(array.value(row)),
            Values::Encoded(array, is_jsonb) => {
                if *is_jsonb {
                    out.put_u8(1);
                }
                out.put_slice(array.value(row));
            }
            Values::Uuid(array) => out.put_slice(array.value(row)),
            Values::Date(array, _) => out.put_i32(date_binary(array.value(row))?),
            Values::Time(array, unit) => out.put_i64(micros(array.value(row), *unit)?),
            Values::Timestamp(array, unit, ..) => {
                out.put_i64(timestamp_binary(array.value(row), *unit)?);
            }
            Values::Duration(array, unit, _) => {
                put_interval(duration(array.value(row), *unit)?, out)
            }
            Values::Interval(array, _) => put_interval(interval(array.value(row)), out),
            Values::List(..) => self.write_array_binary(row, out)?,
            Values::Record(_, columns) => {
                out.put_i32(i32::try_from(columns.len()).unwrap_or(i32::MAX));
                for (oid, values) in columns {
                    out.put_u32(*oid);
                    if values.is_null(row) {
                        out.put_i32(-1);
                        continue;
                    }
                    let value_at = out.len();
                    out.put_i32(0);
                    values.write_binary(row, out)?;
                    patch_length(out, value_at, out.len() - value_at - 4)?;
                }
            }
            // json's binary form is its text.
            Values::Struct(..) | Values::Map(..) => self.write_json(row, out)?,
        }
        Ok(())
    }

    /// The lengths of an array value, outermost first; none for an empty array.
    ///
    /// # Errors
    /// `FeatureNotSupported` for what Postgres' arrays cannot hold: nested lists of different
    /// lengths, or NULL in place of a nested list.
    pub(super) fn dimensions(&self, row: usize) -> Result<Vec<usize>> {
        let Values::List(lists, values, _) = self else {
            return Ok(Vec::new());
        };
        let offsets = lists.value_offsets();
        let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
        if from == to {
            return Ok(Vec::new());
        }
        let mut dimensions = vec![to - from];
        if matches!(values.as_ref(), Values::List(..)) {
            let ragged = || {
                Error::unsupported("an array whose inner arrays differ in length")
                    .hint("Cast the column to text, or unnest it.")
            };
            let mut inner: Option<Vec<usize>> = None;
            for element in from..to {
                if values.is_null(element) {
                    return Err(ragged());
                }
                let found = values.dimensions(element)?;
                if inner.get_or_insert_with(|| found.clone()) != &found {
                    return Err(ragged());
                }
            }
            match inner {
                // An array of empty arrays is, in Postgres, an empty array.
                Some(inner) if inner.is_empty() => return Ok(Vec::new()),
                Some(inner) => dimensions.extend(inner),
                None => {}
            }
        }
        Ok(dimensions)
    }

    fn write_array_binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let Values::List(_, _, element_type) = self else {
            return Err(Error::internal("not a list"));
        };
        let dimensions = self.dimensions(row)?;
        out.put_i32(dimensions.len() as i32);
        let has_null_at = out.len();
        out.put_i32(0);
        out.put_u32(element_type.oid);
        for length in &dimensions {
            let length = i32::try_from(*length).map_err(|_| {
                Error::new(ErrorKind::StatementTooComplex, "array size exceeds the maximum")
            })?;
            out.put_i32(length);
            // Postgres' arrays begin at 1.
            out.put_i32(1);
        }
        let mut has_null = false;
        if !dimensions.is_empty() {
            self.write_elements(row, &mut has_null, out)?;
        }
        patch_length(out, has_null_at, usize::from(has_null))
    }

    fn write_elements(&self, row: usize, has_null: &mut bool, out: &mut BytesMut) -> Result<()> {
        let Values::List(lists, values, _) = self else {
            return Err(Error::internal("not a list"));
        };
        let offsets = lists.value_offsets();
        for element in offsets[row] as usize..offsets[row + 1] as usize {
            if matches!(values.as_ref(), Values::List(..)) {
                values.write_elements(element, has_null, out)?;
            } else if values.is_null(element) {
                *has_null = true;
                out.put_i32(-1);
            } else {
                let value_at = out.len();
                out.put_i32(0);
                values.write_binary(element, out)?;
                patch_length(out, value_at, out.len() - value_at - 4)?;
            }
        }
        Ok(())
    }
}
