//! Values as text.

use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::{DateStyle, Interval, micros, numeric_text, put_float, time_text};
use crate::query::textual;

use super::figures::{put_date, put_decimal, put_integer, put_timestamp};
use super::values::Values;

impl Values {
    /// Appends the text of the value of `row`, which is not NULL.
    pub(in crate::server::pgwire) fn write_text(
        &self,
        row: usize,
        out: &mut BytesMut,
    ) -> Result<()> {
        match self {
            Values::Null => {}
            Values::Bool(array) => out.put_u8(if array.value(row) { b't' } else { b'f' }),
            Values::Int16(array) => put_integer(array.value(row), out),
            Values::Int32(array) => put_integer(array.value(row), out),
            Values::Int64(array) => put_integer(array.value(row), out),
            Values::Float32(array) => put_float(array.value(row), 6, out),
            Values::Float64(array) => put_float(array.value(row), 15, out),
            Values::Decimal128(array) => put_decimal(array.value(row), array.scale(), out),
            Values::Decimal256(array) => {
                put(out, numeric_text(&array.value(row).to_string(), array.scale()));
            }
            Values::Oid(array) => put(out, array.value(row)),
            Values::Vector(lists, values, _) => {
                let offsets = lists.value_offsets();
                for element in offsets[row] as usize..offsets[row + 1] as usize {
                    if element > offsets[row] as usize {
                        out.put_u8(b' ');
                    }
                    values.write_text(element, out)?;
                }
            }
            Values::Text(array)
            | Values::JsonText(array)
            | Values::JsonbText(array)
            | Values::UuidText(array)
            | Values::NumericText(array)
            | Values::NameOfObject(array, _) => {
                out.put_slice(without_nul(array.value(row))?.as_bytes());
            }
            Values::Textual(name, array, zone) => {
                put(out, textual::shown(name, array.value(row), *zone)?);
            }
            Values::Bytes(array, styles) if styles.escaped_bytes => {
                put(out, styles.bytes(array.value(row)));
            }
            Values::Bytes(array, _) => put_hex(array.value(row), out),
            Values::Encoded(array, _) => out.put_slice(array.value(row)),
            Values::Uuid(array) => put(out, uuid(array.value(row))?),
            Values::Date(array, styles) => {
                let days = array.value(row);
                let iso = styles.date == DateStyle::Iso;
                if !iso || !put_date(i64::from(days), out) {
                    put(out, styles.date(days)?);
                }
            }
            Values::Time(array, unit) => put(out, time_text(array.value(row), *unit)?),
            Values::Timestamp(array, unit, zone, styles) => {
                let value = array.value(row);
                let iso = styles.date == DateStyle::Iso;
                let plain = iso && zone.is_none_or(|zone| zone == Tz::UTC);
                if !plain || !put_timestamp(value, *unit, out) {
                    put(out, styles.timestamp(value, *unit, *zone)?);
                } else if zone.is_some() {
                    out.put_slice(b"+00");
                }
            }
            Values::Duration(array, unit, styles) => {
                put(out, styles.interval(duration(array.value(row), *unit)?));
            }
            Values::Interval(array, styles) => {
                put(out, styles.interval(interval(array.value(row))));
            }
            Values::List(..) => self.write_array_text(row, out)?,
            Values::Record(_, columns) => write_record(columns, row, out)?,
            Values::Struct(..) | Values::Map(..) => self.write_json(row, out)?,
        }
        Ok(())
    }

    /// `{1,NULL,"a b"}`.
    fn write_array_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        // Refuses what Postgres' arrays cannot hold, so that text and binary agree.
        if self.dimensions(row)?.is_empty() {
            out.put_slice(b"{}");
            return Ok(());
        }
        self.write_elements_text(row, out)
    }

    fn write_elements_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let Values::List(lists, values, _) = self else {
            return Err(Error::internal("not a list"));
        };
        out.put_u8(b'{');
        let offsets = lists.value_offsets();
        let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
        for element in from..to {
            if element > from {
                out.put_u8(b',');
            }
            if values.is_null(element) {
                out.put_slice(b"NULL");
            } else if matches!(values.as_ref(), Values::List(..)) {
                values.write_elements_text(element, out)?;
            } else {
                let mut text = BytesMut::new();
                values.write_text(element, &mut text)?;
                put_array_element(&text, out);
            }
        }
        out.put_u8(b'}');
        Ok(())
    }
}

/// `(1,,"a b")`.
fn write_record(columns: &[(u32, Values)], row: usize, out: &mut BytesMut) -> Result<()> {
    out.put_u8(b'(');
    for (index, (_, values)) in columns.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        if values.is_null(row) {
            continue;
        }
        let mut text = BytesMut::new();
        values.write_text(row, &mut text)?;
        put_record_value(&text, out);
    }
    out.put_u8(b')');
    Ok(())
}

fn put_record_value(text: &[u8], out: &mut BytesMut) {
    let special =
        |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',' | b' ' | b'\t'..=b'\r');
    if !text.is_empty() && !text.iter().any(special) {
        return out.put_slice(text);
    }
    out.put_u8(b'"');
    for byte in text {
        // These are doubled.
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(*byte);
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

fn put_array_element(text: &[u8], out: &mut BytesMut) {
    let special = |byte: &u8| {
        matches!(
            byte,
            b'{' | b'}' | b'"' | b',' | b'\\' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c
        )
    };
    let quoted = text.is_empty() || text.eq_ignore_ascii_case(b"null") || text.iter().any(special);
    if !quoted {
        return out.put_slice(text);
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

fn put(out: &mut BytesMut, value: impl std::fmt::Display) {
    use std::fmt::Write as _;
    // Writing to a growing buffer cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends bytes as `\x...`.
pub(super) fn put_hex(bytes: &[u8], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.put_slice(b"\\x");
    for byte in bytes {
        out.put_u8(DIGITS[usize::from(byte >> 4)]);
        out.put_u8(DIGITS[usize::from(byte & 15)]);
    }
}

/// Postgres' text cannot hold the character 0, and clients cut at it.
pub(super) fn without_nul(text: &str) -> Result<&str> {
    if text.as_bytes().contains(&0) {
        return Err(Error::new(
            ErrorKind::CharacterNotInRepertoire,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        ));
    }
    Ok(text)
}

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|error| Error::internal("a uuid of 16 bytes").caused_by(error))
}

pub(super) fn duration(value: i64, unit: arrow::datatypes::TimeUnit) -> Result<Interval> {
    Ok(Interval { months: 0, days: 0, micros: micros(value, unit)? })
}

pub(super) fn interval(value: arrow::datatypes::IntervalMonthDayNano) -> Interval {
    Interval::from_nanos(value.months, value.days, value.nanoseconds)
}
