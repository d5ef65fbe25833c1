//! Values on the wire, in text and in binary, against what Postgres itself sends.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DurationSecondArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, IntervalMonthDayNanoArray, ListArray, MapBuilder, NullArray, RecordBatch,
    StringArray, StringBuilder, StringDictionaryBuilder, StructArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int8Type, Int32Type, IntervalMonthDayNano, Schema, i256};
use bytes::{Buf, BytesMut};
use chrono_tz::Tz;
use lakeport::error::{ErrorKind, Result};
use lakeport::server::pgwire::{Format, PgType, RowEncoder, pg_type_of};

const BERLIN: Tz = Tz::Europe__Berlin;

/// Every value of a column; `None` is NULL.
fn encode(
    field: &Field,
    array: ArrayRef,
    format: Format,
    zone: Tz,
) -> Result<Vec<Option<Vec<u8>>>> {
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let batch = RecordBatch::try_new(schema.clone(), vec![array]).unwrap();
    let encoded = RowEncoder::new(vec![format].into(), zone).batch(&schema, &batch)?;
    (0..encoded.rows())
        .map(|row| {
            let mut out = BytesMut::new();
            encoded.write_row(row, b'D', &mut out)?;
            assert_eq!(out.get_u8(), b'D');
            assert_eq!(usize::try_from(out.get_i32()).unwrap(), out.len() + 4, "message length");
            assert_eq!(out.get_i16(), 1, "columns");
            let length = out.get_i32();
            let value = usize::try_from(length).ok().map(|length| out.split_to(length).to_vec());
            assert!(out.is_empty(), "nothing follows");
            Ok(value)
        })
        .collect()
}

fn field_of(array: &dyn Array) -> Field {
    Field::new("c", array.data_type().clone(), true)
}

#[track_caller]
fn texts(array: impl Array + 'static, expected: &[&str]) {
    let field = field_of(&array);
    texts_of(&field, Arc::new(array), expected);
}

#[track_caller]
fn texts_of(field: &Field, array: ArrayRef, expected: &[&str]) {
    let found: Vec<String> = encode(field, array, Format::Text, BERLIN)
        .unwrap()
        .into_iter()
        .map(|value| value.map_or("NULL".to_owned(), |value| String::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn binaries(array: impl Array + 'static, expected: &[&str]) {
    let field = field_of(&array);
    let found: Vec<String> = encode(&field, Arc::new(array), Format::Binary, BERLIN)
        .unwrap()
        .into_iter()
        .map(|value| value.map_or("NULL".to_owned(), |value| hex(&value)))
        .collect();
    assert_eq!(found, expected);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn booleans_and_integers() {
    texts(BooleanArray::from(vec![Some(true), Some(false), None]), &["t", "f", "NULL"]);
    binaries(BooleanArray::from(vec![Some(true), Some(false), None]), &["01", "00", "NULL"]);
    texts(Int16Array::from(vec![-32768, 7]), &["-32768", "7"]);
    binaries(Int32Array::from(vec![-1, 258]), &["ffffffff", "00000102"]);
    binaries(Int64Array::from(vec![i64::MIN]), &["8000000000000000"]);
    texts(UInt64Array::from(vec![u64::MAX]), &["18446744073709551615"]);
}

#[test]
fn floats_are_the_shortest_text_that_reads_back() {
    texts(
        Float64Array::from(vec![
            0.1,
            -0.0,
            1e15,
            123456789012345.0,
            1.5e-5,
            0.0001,
            1.0 / 3.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            100.0,
        ]),
        &[
            "0.1",
            "-0",
            "1e+15",
            "123456789012345",
            "1.5e-05",
            "0.0001",
            "0.3333333333333333",
            "1.7976931348623157e+308",
            "2.2250738585072014e-308",
            "NaN",
            "Infinity",
            "-Infinity",
            "100",
        ],
    );
    texts(
        Float32Array::from(vec![0.1, 1e6, 123456.0, 1.0e-10, 16777216.0]),
        &["0.1", "1e+06", "123456", "1e-10", "1.6777216e+07"],
    );
    binaries(Float64Array::from(vec![1.0]), &["3ff0000000000000"]);
}

fn decimals(values: &[i128], precision: u8, scale: i8) -> Decimal128Array {
    Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap()
}

#[test]
fn numerics_keep_their_scale_and_every_digit() {
    texts(decimals(&[150, -5, 0, 12345], 10, 2), &["1.50", "-0.05", "0.00", "123.45"]);
    let all_nines = 10_i128.pow(38) - 1;
    texts(
        decimals(&[all_nines, -all_nines], 38, 0),
        &[&"9".repeat(38), &format!("-{}", "9".repeat(38))],
    );
    texts(decimals(&[all_nines], 38, 38), &[&format!("0.{}", "9".repeat(38))]);
    texts(decimals(&[12, 0], 5, -2), &["1200", "0"]);
    let wide = i256::from_string(&"8".repeat(70)).unwrap();
    let array = Decimal256Array::from(vec![wide]).with_precision_and_scale(76, 10).unwrap();
    texts(array, &[&format!("{}.{}", "8".repeat(60), "8".repeat(10))]);
}

#[test]
fn numerics_in_binary_are_groups_of_four_digits() {
    // Each: ndigits, weight, sign, dscale, groups. As `numeric_send` of PostgreSQL 15 gives them.
    binaries(
        decimals(&[150, -5, 0, 1_234_567_890, 1_000_000], 12, 2),
        &[
            "000200000000000200011388",
            "0001ffff4000000201f4",
            "0000000000000002",
            "000300010000000204d2162e2328",
            "00010001000000020001",
        ],
    );
    binaries(decimals(&[12345], 10, 5), &["0002ffff0000000504d21388"]);
    binaries(decimals(&[1], 10, 8), &["0001fffe000000080001"]);
}

#[test]
fn dates_reach_from_before_christ_to_the_end_of_days() {
    let day = |text: &str| {
        i32::try_from(
            text.parse::<chrono::NaiveDate>()
                .unwrap()
                .signed_duration_since(chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap())
                .num_days(),
        )
        .unwrap()
    };
    texts(
        Date32Array::from(vec![
            day("2024-02-29"),
            day("0001-01-01"),
            day("0001-01-01") - 1,
            day("0001-01-01") - 366,
            day("1900-02-28") + 1,
            2_932_897,
        ]),
        &[
            "2024-02-29",
            "0001-01-01",
            "0001-12-31 BC",
            "0001-01-01 BC",
            "1900-03-01",
            "10000-01-01",
        ],
    );
    binaries(Date32Array::from(vec![day("2000-01-01"), 0]), &["00000000", "ffffd533"]);
    let before_time = encode(
        &Field::new("c", DataType::Date32, true),
        Arc::new(Date32Array::from(vec![-3_000_000])),
        Format::Text,
        BERLIN,
    );
    assert_eq!(before_time.unwrap_err().kind(), ErrorKind::DatetimeFieldOverflow);
}

#[test]
fn times_lose_trailing_zeros_only() {
    let noon = 12 * 3600 * 1_000_000;
    texts(
        Time64MicrosecondArray::from(vec![0, noon, noon + 500_000, noon + 1]),
        &["00:00:00", "12:00:00", "12:00:00.5", "12:00:00.000001"],
    );
    binaries(Time64MicrosecondArray::from(vec![noon]), &["0000000a0eebb000"]);
}

#[test]
fn timestamps_with_zone_print_in_the_sessions_zone() {
    let summer = 1_720_000_000_000_000;
    let winter = 1_700_000_000_123_400;
    texts(
        TimestampMicrosecondArray::from(vec![summer, winter]),
        &["2024-07-03 09:46:40", "2023-11-14 22:13:20.1234"],
    );
    texts(
        TimestampMicrosecondArray::from(vec![summer, winter]).with_timezone("UTC"),
        &["2024-07-03 11:46:40+02", "2023-11-14 23:13:20.1234+01"],
    );
    let array: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![summer]).with_timezone("+05:00"));
    let india = encode(&field_of(&array), array, Format::Text, Tz::Asia__Kolkata).unwrap();
    assert_eq!(india[0].as_deref(), Some(&b"2024-07-03 15:16:40+05:30"[..]));
    texts(
        TimestampNanosecondArray::from(vec![1_500, 1_499, -1]),
        &["1970-01-01 00:00:00.000002", "1970-01-01 00:00:00.000001", "1970-01-01 00:00:00"],
    );
    binaries(TimestampMicrosecondArray::from(vec![946_684_800_000_001]), &["0000000000000001"]);
    texts(
        TimestampMicrosecondArray::from(vec![-62_135_596_800_000_001]),
        &["0001-12-31 23:59:59.999999 BC"],
    );
}

#[test]
fn intervals_print_as_postgres_prints_them() {
    let interval = |months, days, nanos| IntervalMonthDayNano::new(months, days, nanos);
    let second = 1_000_000_000;
    texts(
        IntervalMonthDayNanoArray::from(vec![
            Some(interval(14, 3, 4 * 3600 * second + 5 * 60 * second + 6 * second + second / 2)),
            Some(interval(0, 0, 0)),
            Some(interval(-1, 2, -second)),
            Some(interval(0, -1, second)),
            Some(interval(12, 1, 0)),
            Some(interval(0, 0, 100 * 3600 * second)),
            None,
        ]),
        &[
            "1 year 2 mons 3 days 04:05:06.5",
            "00:00:00",
            "-1 mons +2 days -00:00:01",
            "-1 days +00:00:01",
            "1 year 1 day",
            "100:00:00",
            "NULL",
        ],
    );
    binaries(
        IntervalMonthDayNanoArray::from(vec![interval(14, -3, second)]),
        &["00000000000f4240fffffffd0000000e"],
    );
    texts(DurationSecondArray::from(vec![90061]), &["25:01:01"]);
}

#[test]
fn text_and_bytes() {
    texts(StringArray::from(vec![Some(""), Some("a\u{20ac}"), None]), &["", "a\u{20ac}", "NULL"]);
    texts(BinaryArray::from(vec![&b"\x00\xff"[..], b""]), &["\\x00ff", "\\x"]);
    binaries(BinaryArray::from(vec![&b"\x00\xff"[..]]), &["00ff"]);
    let mut words = StringDictionaryBuilder::<Int8Type>::new();
    words.append_value("x");
    words.append_null();
    texts(words.finish(), &["x", "NULL"]);
    texts(NullArray::new(2), &["NULL", "NULL"]);
    let nul = encode(
        &Field::new("c", DataType::Utf8, true),
        Arc::new(StringArray::from(vec!["a\0b"])),
        Format::Text,
        BERLIN,
    );
    assert_eq!(nul.unwrap_err().kind(), ErrorKind::CharacterNotInRepertoire);
}

#[test]
fn uuids_are_told_by_their_extension() {
    let array: ArrayRef =
        Arc::new(FixedSizeBinaryArray::try_from_iter([[0x11_u8; 16]].into_iter()).unwrap());
    let plain = field_of(&array);
    assert_eq!(pg_type_of(&plain).unwrap().oid, 17);
    let extension = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
    let uuid = plain.with_metadata(extension);
    assert_eq!(pg_type_of(&uuid).unwrap(), PgType { oid: 2950, modifier: -1, size: 16 });
    texts_of(&uuid, array, &["11111111-1111-1111-1111-111111111111"]);
}

fn integers(lists: Vec<Option<Vec<Option<i32>>>>) -> ListArray {
    ListArray::from_iter_primitive::<Int32Type, _, _>(lists)
}

#[test]
fn arrays_with_nulls_and_quoting() {
    let lists = vec![Some(vec![Some(1), None, Some(3)]), Some(vec![]), None];
    texts(integers(lists.clone()), &["{1,NULL,3}", "{}", "NULL"]);
    binaries(
        integers(lists),
        &[
            concat!(
                "00000001", "00000001", "00000017", "00000003",
                "00000001", // one dimension, nulls
                "00000004", "00000001", "ffffffff", "00000004", "00000003",
            ),
            concat!("00000000", "00000000", "00000017"),
            "NULL",
        ],
    );
    let words = StringArray::from(vec!["a", "", "null", "b c", "x,y", "q\"\\", "{}"]);
    let field = Arc::new(Field::new("item", DataType::Utf8, true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([7]);
    let list = ListArray::new(field, offsets, Arc::new(words), None);
    texts(list, &[r#"{a,"","null","b c","x,y","q\"\\","{}"}"#]);
}

#[test]
fn arrays_of_arrays_must_be_rectangular() {
    let nested = |inner: Vec<Vec<Option<i32>>>| {
        let count = inner.len();
        let inner = integers(inner.into_iter().map(Some).collect());
        let field = Arc::new(Field::new("item", inner.data_type().clone(), true));
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([count]);
        ListArray::new(field, offsets, Arc::new(inner), None)
    };
    let square = nested(vec![vec![Some(1), Some(2)], vec![Some(3), None]]);
    assert_eq!(pg_type_of(&field_of(&square)).unwrap().oid, 1007);
    texts(square.clone(), &["{{1,2},{3,NULL}}"]);
    binaries(
        square,
        &[concat!(
            "00000002", "00000001", "00000017", "00000002", "00000001", "00000002", "00000001",
            "00000004", "00000001", "00000004", "00000002", "00000004", "00000003", "ffffffff",
        )],
    );
    texts(nested(vec![vec![], vec![]]), &["{}"]);
    for format in [Format::Text, Format::Binary] {
        let ragged = nested(vec![vec![Some(1)], vec![]]);
        let error = encode(&field_of(&ragged), Arc::new(ragged), format, BERLIN).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FeatureNotSupported);
    }
}

#[test]
fn structs_and_maps_are_json() {
    let amount: ArrayRef = Arc::new(decimals(&[150], 10, 2));
    let name: ArrayRef = Arc::new(StringArray::from(vec![Some("a\"b")]));
    let ratio: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    let tags: ArrayRef = Arc::new(integers(vec![Some(vec![Some(1), None])]));
    let fields = [("amount", &amount), ("name", &name), ("ratio", &ratio), ("tags", &tags)].map(
        |(name, array)| {
            (Arc::new(Field::new(name, array.data_type().clone(), true)), array.clone())
        },
    );
    let document = StructArray::from(fields.to_vec());
    assert_eq!(pg_type_of(&field_of(&document)).unwrap().oid, 114);
    texts(document, &[r#"{"amount":1.50,"name":"a\"b","ratio":"NaN","tags":[1,null]}"#]);

    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_null();
    map.append(true).unwrap();
    texts(map.finish(), &[r#"{"k":null}"#]);
}

#[test]
fn types_carry_precision_and_scale() {
    let of = |data_type| pg_type_of(&Field::new("c", data_type, true)).unwrap();
    let numeric = PgType { oid: 1700, modifier: ((18 << 16) | 2) + 4, size: -1 };
    assert_eq!(of(DataType::Decimal128(18, 2)), numeric);
    let list = DataType::new_list(DataType::Utf8, true);
    assert_eq!(of(list), PgType { oid: 1009, modifier: -1, size: -1 });
    assert_eq!(of(DataType::Int64), PgType { oid: 20, modifier: -1, size: 8 });
    assert_eq!(of(DataType::Null).oid, 25);
}
