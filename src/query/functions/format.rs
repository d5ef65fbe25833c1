//! `to_char`, `to_date` and `to_timestamp` with Postgres' patterns.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, IntervalUnit, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone, Timelike};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

use super::pattern::{self, Case, Field, Piece};
use super::{number_format, span_format};

/// The functions of this file.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    [Function::Char, Function::Date, Function::Timestamp]
        .into_iter()
        .map(|function| Arc::new(ScalarUDF::new_from_impl(Format::new(function))))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Function {
    Char,
    Date,
    Timestamp,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    function: Function,
    time_zone: String,
    signature: Signature,
}

impl Format {
    fn new(function: Function) -> Self {
        let text = DataType::Utf8;
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        let signature = match function {
            Function::Char => Signature::user_defined(Volatility::Stable),
            Function::Date => Signature::exact(vec![text.clone(), text], Volatility::Immutable),
            Function::Timestamp => Signature::one_of(
                vec![
                    TypeSignature::Exact(vec![text.clone(), text]),
                    TypeSignature::Exact(vec![DataType::Float64]),
                    TypeSignature::Exact(vec![time]),
                ],
                Volatility::Stable,
            ),
        };
        Self { function, time_zone: "UTC".to_owned(), signature }
    }

    fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::UTC)
    }
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &str {
        match self.function {
            Function::Char => "to_char",
            Function::Date => "to_date",
            Function::Timestamp => "to_timestamp",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn with_updated_config(
        &self,
        config: &datafusion::common::config::ConfigOptions,
    ) -> Option<ScalarUDF> {
        let time_zone = config.execution.time_zone.clone()?;
        Some(ScalarUDF::new_from_impl(Self { time_zone, ..Self::new(self.function) }))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let unknown = || {
            external(
                Error::new(ErrorKind::UndefinedFunction, "function to_char does not exist")
                    .hint("It takes a time, an interval or a number, and a pattern."),
            )
        };
        let [value, format] = types else { return Err(unknown()) };
        if !matches!(
            format,
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null
        ) {
            return Err(unknown());
        }
        let value = match value {
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            DataType::Date32 | DataType::Date64 | DataType::Null => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            DataType::Interval(_) | DataType::Duration(_) => {
                DataType::Interval(IntervalUnit::MonthDayNano)
            }
            other => number_format::taken(other).ok_or_else(unknown)?,
        };
        Ok(vec![value, DataType::Utf8])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.function {
            Function::Char => DataType::Utf8,
            Function::Date => DataType::Date32,
            Function::Timestamp => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(self.time_zone.as_str().into()))
            }
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let computed: ArrayRef = match (self.function, arrays.as_slice()) {
            (Function::Char, [values, formats]) => match values.data_type() {
                DataType::Timestamp(..) => to_char(values, formats, self.zone())?,
                DataType::Interval(_) => span_format::to_char(values, formats)?,
                _ => number_format::to_char(values, formats)?,
            },
            (Function::Date, [texts, formats]) => {
                let parsed = parse_all(texts, formats, |time| Ok(days(time.date())))?;
                Arc::new(Date32Array::from(parsed))
            }
            (_, [texts, formats]) => {
                let zone = self.zone();
                let parsed = parse_all(texts, formats, |time| micros(time, zone))?;
                let times = TimestampMicrosecondArray::from(parsed);
                Arc::new(times.with_timezone(self.time_zone.as_str()))
            }
            (_, [value]) => self.seconds(value)?,
            _ => return Err(external(Error::internal("a date function without arguments"))),
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&computed, 0)?));
        }
        Ok(ColumnarValue::Array(computed))
    }
}

impl Format {
    /// `to_timestamp(seconds)`, and of what is a timestamp already.
    fn seconds(&self, value: &ArrayRef) -> Result<ArrayRef> {
        if matches!(value.data_type(), DataType::Timestamp(..)) {
            return Ok(cast(value, &self.return_type(&[])?)?);
        }
        let seconds = value.as_primitive::<Float64Type>();
        let out_of_range =
            || external(Error::new(ErrorKind::DatetimeFieldOverflow, "timestamp out of range"));
        let times = seconds
            .iter()
            .map(|seconds| {
                let Some(seconds) = seconds else { return Ok(None) };
                let micros = (seconds * 1e6).round();
                // The range of Postgres' timestamps, well within what an i64 holds exactly enough.
                if !(-2.2e17..=9.3e18).contains(&micros) {
                    return Err(out_of_range());
                }
                Ok(Some(micros as i64))
            })
            .collect::<Result<Vec<_>>>()?;
        let times = TimestampMicrosecondArray::from(times);
        Ok(Arc::new(times.with_timezone(self.time_zone.as_str())))
    }
}

fn to_char(values: &ArrayRef, formats: &ArrayRef, zone: chrono_tz::Tz) -> Result<ArrayRef> {
    let zoned = matches!(values.data_type(), DataType::Timestamp(_, Some(_)));
    let values = values.as_primitive::<TimestampMicrosecondType>();
    let mut patterns = Patterns::new(formats);
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * 16);
    for row in 0..values.len() {
        let (true, Some(pieces)) = (values.is_valid(row), patterns.at(row)?) else {
            texts.append_null();
            continue;
        };
        let utc = DateTime::from_timestamp_micros(values.value(row)).ok_or_else(|| {
            external(Error::new(ErrorKind::DatetimeFieldOverflow, "timestamp out of range"))
        })?;
        let local = if zoned { utc.with_timezone(&zone).naive_local() } else { utc.naive_utc() };
        texts.append_value(written(pieces, local));
    }
    Ok(Arc::new(texts.finish()))
}

/// The pattern of each row, read again only where it changes.
pub(super) struct Patterns<'a> {
    texts: &'a StringArray,
    last: Option<(String, Vec<Piece>)>,
}

impl<'a> Patterns<'a> {
    pub(super) fn new(texts: &'a ArrayRef) -> Self {
        Self { texts: texts.as_string::<i32>(), last: None }
    }

    pub(super) fn at(&mut self, row: usize) -> Result<Option<&[Piece]>> {
        if self.texts.is_null(row) {
            return Ok(None);
        }
        let text = self.texts.value(row);
        if self.last.as_ref().is_none_or(|(last, _)| last != text) {
            self.last = Some((text.to_owned(), pattern::parse(text).map_err(external)?));
        }
        Ok(self.last.as_ref().map(|(_, pieces)| pieces.as_slice()))
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn written(pieces: &[Piece], time: NaiveDateTime) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Field { field, plain } => write_field(&mut text, *field, *plain, time),
        }
    }
    text
}

fn write_field(text: &mut String, field: Field, plain: bool, time: NaiveDateTime) {
    let month = MONTHS.get(time.month0() as usize).copied().unwrap_or_default();
    let weekday = time.weekday().num_days_from_sunday();
    let day = DAYS.get(weekday as usize).copied().unwrap_or_default();
    let hour12 = time.hour12().1;
    let (number, width) = match field {
        Field::Year => (i64::from(time.year()), 4),
        Field::YearOfCentury => (i64::from(time.year().rem_euclid(100)), 2),
        Field::IsoYear => (i64::from(time.iso_week().year()), 4),
        Field::Month => (i64::from(time.month()), 2),
        Field::Day => (i64::from(time.day()), 2),
        Field::DayOfYear => (i64::from(time.ordinal()), 3),
        Field::DayOfWeek => (i64::from(weekday) + 1, 1),
        Field::IsoDayOfWeek => (i64::from(time.weekday().number_from_monday()), 1),
        Field::Week => (i64::from(time.ordinal0() / 7) + 1, 2),
        Field::IsoWeek => (i64::from(time.iso_week().week()), 2),
        Field::Quarter => (i64::from(time.month0() / 3) + 1, 1),
        Field::Hour24 => (i64::from(time.hour()), 2),
        Field::Hour12 => (i64::from(hour12), 2),
        Field::Minute => (i64::from(time.minute()), 2),
        Field::Second => (i64::from(time.second()), 2),
        Field::SecondOfDay => (i64::from(time.num_seconds_from_midnight()), 0),
        Field::Millisecond => (i64::from(time.nanosecond() / 1_000_000), 3),
        Field::Microsecond => (i64::from(time.nanosecond() / 1000), 6),
        Field::Meridiem(case) => {
            text.push_str(&cased(if time.hour() < 12 { "AM" } else { "PM" }, case));
            return;
        }
        Field::MonthName(case) => return name(text, month, case, if plain { 0 } else { 9 }),
        Field::DayName(case) => return name(text, day, case, if plain { 0 } else { 9 }),
        Field::MonthShort(case) => return name(text, month.get(..3).unwrap_or(month), case, 0),
        Field::DayShort(case) => return name(text, day.get(..3).unwrap_or(day), case, 0),
    };
    let width = if plain { 0 } else { width };
    // Writing to a String cannot fail.
    let _ = write!(text, "{number:0width$}");
}

fn name(text: &mut String, name: &str, case: Case, width: usize) {
    let _ = write!(text, "{:width$}", cased(name, case));
}

fn cased(name: &str, case: Case) -> String {
    match case {
        Case::Upper => name.to_uppercase(),
        Case::Capital => name.to_owned(),
        Case::Lower => name.to_lowercase(),
    }
}

fn parse_all<T>(
    texts: &ArrayRef,
    formats: &ArrayRef,
    converted: impl Fn(NaiveDateTime) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    let texts = texts.as_string::<i32>();
    let mut patterns = Patterns::new(formats);
    let mut parsed = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        let (true, Some(pieces)) = (texts.is_valid(row), patterns.at(row)?) else {
            parsed.push(None);
            continue;
        };
        let time = super::read::read(texts.value(row), pieces).map_err(external)?;
        parsed.push(Some(converted(time)?));
    }
    Ok(parsed)
}

fn days(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}

fn micros(time: NaiveDateTime, zone: chrono_tz::Tz) -> Result<i64> {
    let local = zone.from_local_datetime(&time).earliest();
    local.map(|time| time.timestamp_micros()).ok_or_else(|| {
        external(Error::new(
            ErrorKind::DatetimeFieldOverflow,
            format!("{time} does not exist in the time zone {zone}"),
        ))
    })
}
