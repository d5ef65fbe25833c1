//! Types of Parquet files' columns: what a file says, and what several files have in common.
//!
//! Its one idea: the common type holds every value of either exactly, save a bigint beside a double,
//! whose rare misfits are rescued one by one. What has no common type is text. Reads no values.

use arrow::datatypes::{DataType, FieldRef};

use super::naming;
use super::types::{ColumnType, FileColumn};

/// A column type for a file's own.
pub(crate) fn of_arrow(kind: &DataType) -> ColumnType {
    match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => ColumnType::SmallInt,
        DataType::Int32 | DataType::UInt16 => ColumnType::Integer,
        DataType::Int64 | DataType::UInt32 => ColumnType::BigInt,
        DataType::UInt64 => ColumnType::Decimal(20, 0),
        DataType::Float16 | DataType::Float32 => ColumnType::Real,
        DataType::Float64 => ColumnType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *precision <= 38 && (0..=*precision as i8).contains(scale) =>
        {
            ColumnType::Decimal(*precision, *scale)
        }
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        DataType::Timestamp(_, Some(_)) => ColumnType::TimestampTz,
        DataType::Dictionary(_, value) => of_arrow(value),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => ColumnType::List(Box::new(of_arrow(item.data_type()))),
        // Parquet has no group without members.
        DataType::Struct(fields) if fields.is_empty() => ColumnType::Text,
        DataType::Struct(fields) => ColumnType::Struct(members(fields.iter())),
        _ => ColumnType::Text,
    }
}

/// The members of a struct under cleaned names.
fn members<'a>(fields: impl Iterator<Item = &'a FieldRef> + Clone) -> Vec<FileColumn> {
    let names = naming::clean_all(fields.clone().map(|field| field.name().as_str()));
    fields
        .zip(names)
        .map(|(field, name)| FileColumn::new(&name, field.name(), of_arrow(field.data_type())))
        .collect()
}

/// What columns of two types have in common.
pub(crate) fn widen(one: ColumnType, other: ColumnType) -> ColumnType {
    use ColumnType::{Date, Decimal, Double, List, Real, Struct, Text, Timestamp, TimestampTz};
    if one == other {
        return one;
    }
    if let (Some(a), Some(b)) = (whole_digits(&one), whole_digits(&other)) {
        return if a > b { one } else { other };
    }
    match (one, other) {
        (Real | Double, b) if b.is_number() => Double,
        (a, Real | Double) if a.is_number() => Double,
        (a, b) if a.is_number() && b.is_number() => {
            let ((whole_a, scale_a), (whole_b, scale_b)) = (digits(&a), digits(&b));
            let scale = scale_a.max(scale_b);
            let precision = whole_a.max(whole_b) + scale;
            if precision <= 38 { Decimal(precision, scale as i8) } else { Text }
        }
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (Date | Timestamp, TimestampTz) | (TimestampTz, Date | Timestamp) => TimestampTz,
        (List(a), List(b)) => List(Box::new(widen(*a, *b))),
        (Struct(mut columns), Struct(others)) => {
            for column in others {
                match columns.iter_mut().find(|known| known.name == column.name) {
                    Some(known) => {
                        let kind = std::mem::replace(&mut known.kind, Text);
                        known.kind = widen(kind, column.kind);
                    }
                    None => columns.push(column),
                }
            }
            Struct(columns)
        }
        _ => Text,
    }
}

/// Digits that a whole number of this type may have.
fn whole_digits(kind: &ColumnType) -> Option<u8> {
    match kind {
        ColumnType::SmallInt => Some(5),
        ColumnType::Integer => Some(10),
        ColumnType::BigInt => Some(19),
        _ => None,
    }
}

/// Digits before and after the point.
fn digits(kind: &ColumnType) -> (u8, u8) {
    match kind {
        ColumnType::Decimal(precision, scale) => {
            let scale = u8::try_from(*scale).unwrap_or_default();
            (precision.saturating_sub(scale), scale)
        }
        other => (whole_digits(other).unwrap_or_default(), 0),
    }
}
