//! Numbers, dates and times by the thousand, against chrono's and the standard library's text.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::{Buf, BytesMut};
use chrono::{DateTime, NaiveDate};
use lakeport::server::pgwire::{Format, RowEncoder};
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;

fn values(array: ArrayRef, format: Format) -> Vec<Vec<u8>> {
    let schema = Arc::new(Schema::new(vec![Field::new("c", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![array]).unwrap();
    let encoder = RowEncoder::new(vec![format].into(), chrono_tz::Tz::UTC);
    let encoded = encoder.batch(&schema, &batch).unwrap();
    let value = |row| {
        let mut out = BytesMut::new();
        encoded.write_row(row, b'D', &mut out).unwrap();
        out.advance(11);
        out.to_vec()
    };
    (0..encoded.rows()).map(value).collect()
}

fn texts(array: ArrayRef) -> Vec<String> {
    values(array, Format::Text).into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
}

/// A number of any length, short ones as likely as long ones.
fn number(random: &mut ChaCha8Rng, bits: u32) -> i128 {
    let shift = 127 - random.random_range(0..bits);
    random.random::<i128>() >> shift
}

/// A decimal's text by the book.
fn decimal_text(value: i128, scale: usize) -> String {
    let figures = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = figures.split_at(figures.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A numeric's text from what Postgres' receive function would read.
fn decimal_of_binary(mut bytes: &[u8]) -> String {
    let (count, weight) = (bytes.get_i16(), bytes.get_i16());
    let (sign, scale) = (bytes.get_u16(), bytes.get_i16());
    let groups: Vec<i16> = (0..count).map(|_| bytes.get_i16()).collect();
    assert!(bytes.is_empty() && groups.iter().all(|group| (0..10_000).contains(group)));
    assert!(groups.first() != Some(&0) && groups.last() != Some(&0), "{groups:?}");
    let group = |at: i16| {
        let index = usize::try_from(weight - at).ok();
        index.and_then(|index| groups.get(index).copied()).unwrap_or(0)
    };
    let whole: String = (0..=weight.max(0)).rev().map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    let fraction: String =
        (1..=8_i16.max(scale / 4 + 2)).map(|at| format!("{:04}", group(-at))).collect();
    let scale = usize::try_from(scale).unwrap();
    assert!(fraction[scale..].bytes().all(|byte| byte == b'0'), "{fraction}");
    let sign = if sign == 0x4000 { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    if scale == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{}", &fraction[..scale])
    }
}

#[test]
fn decimals_of_every_length_and_scale() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for scale in 0..=25_i8 {
        let mut numbers: Vec<i128> = (0..300).map(|_| number(&mut random, 120)).collect();
        numbers.extend([0, 1, -1, 9999, 10_000, -10_000, 100_000_000, 99_999_999]);
        let array =
            Decimal128Array::from(numbers.clone()).with_data_type(DataType::Decimal128(38, scale));
        let places = usize::try_from(scale).unwrap();
        let expected: Vec<String> =
            numbers.iter().map(|value| decimal_text(*value, places)).collect();
        assert_eq!(texts(Arc::new(array.clone())), expected, "scale {scale}");
        let binary = values(Arc::new(array), Format::Binary);
        let read: Vec<String> = binary.iter().map(|bytes| decimal_of_binary(bytes)).collect();
        assert_eq!(read, expected, "binary, scale {scale}");
    }
}

#[test]
fn dates_timestamps_and_integers() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let days: Vec<i32> = (0..5000).map(|_| random.random_range(-719_162..2_932_897)).collect();
    let expected: Vec<String> = days
        .iter()
        .map(|days| NaiveDate::from_epoch_days(*days).unwrap().format("%Y-%m-%d").to_string())
        .collect();
    assert_eq!(texts(Arc::new(Date32Array::from(days))), expected);

    let micros: Vec<i64> = (0..5000)
        .map(|round| {
            let seconds = random.random_range(-62_135_596_800..253_402_300_799_i64);
            let fraction = random.random_range(0..1_000_000_i64);
            let unit = 10_i64.pow(round % 7);
            seconds * 1_000_000 + fraction / unit * unit
        })
        .collect();
    let expected: Vec<String> = micros
        .iter()
        .map(|micros| {
            let time = DateTime::from_timestamp_micros(*micros).unwrap();
            let fraction = format!("{:06}", micros.rem_euclid(1_000_000));
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{}{point}{fraction}", time.format("%Y-%m-%d %H:%M:%S"))
        })
        .collect();
    let array = TimestampMicrosecondArray::from(micros);
    assert_eq!(texts(Arc::new(array.clone())), expected);
    let zoned: Vec<String> = expected.iter().map(|text| format!("{text}+00")).collect();
    assert_eq!(texts(Arc::new(array.with_timezone("UTC"))), zoned);

    let numbers: Vec<i64> = (0..2000).map(|_| number(&mut random, 63) as i64).collect();
    let expected: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    assert_eq!(texts(Arc::new(Int64Array::from(numbers))), expected);
}
