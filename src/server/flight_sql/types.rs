//! Small translations: type names, and `?` placeholders.

use std::borrow::Cow;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

/// What Postgres calls a type.
pub(super) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        DataType::Int64 | DataType::UInt32 => "bigint".to_owned(),
        DataType::UInt64 => "numeric(20,0)".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("numeric({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytea".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None)
        | DataType::Timestamp(_, None) => "timestamp without time zone".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".to_owned(),
        DataType::Interval(
            IntervalUnit::DayTime | IntervalUnit::MonthDayNano | IntervalUnit::YearMonth,
        )
        | DataType::Duration(_) => "interval".to_owned(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("{}[]", type_name(item.data_type()))
        }
        DataType::Struct(_) | DataType::Map(_, _) => "json".to_owned(),
        other => other.to_string(),
    }
}

/// Turns JDBC's `?` into `$1`, `$2`, ... outside quotes and comments, where it stands alone as a
/// value would: not beside another operator character, so that no operator is taken for one.
pub(super) fn number_placeholders(sql: &str) -> Cow<'_, str> {
    if !sql.contains('?') {
        return Cow::Borrowed(sql);
    }
    let bytes = sql.as_bytes();
    let mut numbered = String::with_capacity(sql.len() + 8);
    let (mut copied, mut at, mut count) = (0, 0, 0);
    while at < bytes.len() {
        at = match bytes[at] {
            quote @ (b'\'' | b'"') => closing(bytes, at + 1, &[quote]),
            b'-' if bytes[at..].starts_with(b"--") => closing(bytes, at + 2, b"\n"),
            b'/' if bytes[at..].starts_with(b"/*") => closing(bytes, at + 2, b"*/"),
            b'$' => dollar_quoted(bytes, at),
            b'?' if alone(bytes, at) => {
                count += 1;
                numbered.push_str(&sql[copied..at]);
                numbered.push_str(&format!("${count}"));
                copied = at + 1;
                at + 1
            }
            _ => at + 1,
        };
    }
    numbered.push_str(&sql[copied..]);
    Cow::Owned(numbered)
}

/// Just behind the next `end`, or the end of the text. A doubled quote ends one literal and begins
/// the next, which comes to the same.
fn closing(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(end.len())
        .position(|window| window == end)
        .map_or(bytes.len(), |i| from + i + end.len())
}

/// Behind a `$tag$ ... $tag$` literal; one further where there is none.
fn dollar_quoted(bytes: &[u8], at: usize) -> usize {
    let tag_end = bytes[at + 1..]
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
        .map(|i| at + 1 + i);
    match tag_end {
        Some(end) if bytes[end] == b'$' && !bytes[at + 1].is_ascii_digit() => {
            closing(bytes, end + 1, &bytes[at..=end])
        }
        _ => at + 1,
    }
}

/// Whether a `?` is not part of an operator: `?|`, `?&`, `@?`, `??` are.
fn alone(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|i| bytes.get(i));
    let after = bytes.get(at + 1);
    !before.is_some_and(|byte| b"?@#".contains(byte))
        && !after.is_some_and(|byte| b"?|&".contains(byte))
}
