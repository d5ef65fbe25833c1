//! `to_char` of intervals.
//!
//! Its one idea: an interval has no calendar, so its fields are the counts it holds, and names of days and months
//! are refused.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::common::Result;

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

use super::format::Patterns;
use super::pattern::{Case, Field, Piece};

/// Each interval as its pattern writes it.
pub(super) fn to_char(values: &ArrayRef, formats: &ArrayRef) -> Result<ArrayRef> {
    let spans = values.as_primitive::<IntervalMonthDayNanoType>();
    let mut patterns = Patterns::new(formats);
    let mut texts = StringBuilder::with_capacity(spans.len(), spans.len() * 16);
    for row in 0..spans.len() {
        let (true, Some(pieces)) = (spans.is_valid(row), patterns.at(row)?) else {
            texts.append_null();
            continue;
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field { field, plain } => {
                    write_field(&mut text, *field, *plain, spans.value(row))?;
                }
            }
        }
        texts.append_value(text);
    }
    Ok(Arc::new(texts.finish()))
}

fn write_field(
    text: &mut String,
    field: Field,
    plain: bool,
    span: IntervalMonthDayNano,
) -> Result<()> {
    let micros = span.nanoseconds / 1000;
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let (years, months) = (i64::from(span.months / 12), i64::from(span.months % 12));
    let signed = |number: i64, width: usize| (number, width + usize::from(number < 0));
    let (number, width) = match field {
        Field::Year => signed(years, 4),
        Field::YearOfCentury => signed(years % 100, 2),
        Field::Month => signed(months, 2),
        Field::Day => (i64::from(span.days), 2),
        Field::DayOfYear => ((years * 12 + months) * 30 + i64::from(span.days), 3),
        Field::Hour24 => signed(hours, 2),
        Field::Hour12 if hours % 12 == 0 => (12, 2),
        Field::Hour12 => signed(hours % 12, 2),
        Field::Minute => signed(minutes, 2),
        Field::Second => signed(seconds % 60, 2),
        Field::SecondOfDay => signed(seconds, 0),
        Field::Millisecond => (fraction / 1000, 3),
        Field::Microsecond => (fraction, 6),
        Field::Quarter if months == 0 => return Ok(()),
        Field::Quarter => ((months - 1) / 3 + 1, 1),
        Field::Meridiem(case) => {
            let word = if hours % 24 >= 12 { "PM" } else { "AM" };
            let lower = case == Case::Lower;
            text.push_str(&if lower { word.to_lowercase() } else { word.to_owned() });
            return Ok(());
        }
        _ => {
            let message = "invalid format specification for an interval value";
            return Err(external(
                Error::new(ErrorKind::InvalidDatetimeFormat, message)
                    .hint("Intervals are not tied to specific calendar dates."),
            ));
        }
    };
    let width = if plain { 0 } else { width };
    // Writing to a String cannot fail.
    let _ = write!(text, "{number:0width$}");
    Ok(())
}
