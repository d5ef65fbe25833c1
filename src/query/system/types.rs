//! Postgres' names and numbers for Arrow's types, for the catalogs clients read.

use arrow::datatypes::DataType;

/// A type as `information_schema` and `pg_type` have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PgType {
    /// `pg_type.oid`.
    pub(crate) oid: i64,
    /// `pg_type.typname`.
    pub(crate) name: &'static str,
    /// As `format_type` spells it, without modifiers.
    pub(crate) long_name: &'static str,
    /// Bytes, or -1 for variable.
    pub(crate) length: i32,
    /// `pg_type.typcategory`.
    pub(crate) category: &'static str,
}

const fn pg(
    oid: i64,
    name: &'static str,
    long_name: &'static str,
    length: i32,
    category: &'static str,
) -> PgType {
    PgType { oid, name, long_name, length, category }
}

/// Every type a column can have.
pub(crate) const ALL: &[PgType] = &[
    pg(16, "bool", "boolean", 1, "B"),
    pg(17, "bytea", "bytea", -1, "U"),
    pg(20, "int8", "bigint", 8, "N"),
    pg(21, "int2", "smallint", 2, "N"),
    pg(23, "int4", "integer", 4, "N"),
    pg(25, "text", "text", -1, "S"),
    pg(114, "json", "json", -1, "U"),
    pg(700, "float4", "real", 4, "N"),
    pg(701, "float8", "double precision", 8, "N"),
    pg(1082, "date", "date", 4, "D"),
    pg(1083, "time", "time without time zone", 8, "D"),
    pg(1114, "timestamp", "timestamp without time zone", 8, "D"),
    pg(1184, "timestamptz", "timestamp with time zone", 8, "D"),
    pg(1186, "interval", "interval", 16, "T"),
    pg(1700, "numeric", "numeric", -1, "N"),
    pg(1000, "_bool", "boolean[]", -1, "A"),
    pg(1001, "_bytea", "bytea[]", -1, "A"),
    pg(1005, "_int2", "smallint[]", -1, "A"),
    pg(1007, "_int4", "integer[]", -1, "A"),
    pg(1016, "_int8", "bigint[]", -1, "A"),
    pg(1009, "_text", "text[]", -1, "A"),
    pg(199, "_json", "json[]", -1, "A"),
    pg(1021, "_float4", "real[]", -1, "A"),
    pg(1022, "_float8", "double precision[]", -1, "A"),
    pg(1182, "_date", "date[]", -1, "A"),
    pg(1183, "_time", "time without time zone[]", -1, "A"),
    pg(1115, "_timestamp", "timestamp without time zone[]", -1, "A"),
    pg(1185, "_timestamptz", "timestamp with time zone[]", -1, "A"),
    pg(1187, "_interval", "interval[]", -1, "A"),
    pg(1231, "_numeric", "numeric[]", -1, "A"),
];

/// The type clients see for a plain Arrow type.
pub(crate) fn of(data_type: &DataType) -> &'static PgType {
    let name = name_of(data_type);
    ALL.iter().find(|known| known.name == name).unwrap_or(&ALL[5])
}

fn name_of(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "bool",
        DataType::Binary => "bytea",
        DataType::Int64 => "int8",
        DataType::Int16 => "int2",
        DataType::Int32 => "int4",
        DataType::Float32 => "float4",
        DataType::Float64 => "float8",
        DataType::Date32 => "date",
        DataType::Time64(_) => "time",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Interval(_) => "interval",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric",
        DataType::Struct(_) | DataType::Map(..) => "json",
        DataType::List(inner) => match name_of(inner.data_type()) {
            "bool" => "_bool",
            "bytea" => "_bytea",
            "int8" => "_int8",
            "int2" => "_int2",
            "int4" => "_int4",
            "float4" => "_float4",
            "float8" => "_float8",
            "date" => "_date",
            "time" => "_time",
            "timestamp" => "_timestamp",
            "timestamptz" => "_timestamptz",
            "interval" => "_interval",
            "numeric" => "_numeric",
            "text" => "_text",
            _ => "_json",
        },
        _ => "text",
    }
}

/// Precision and scale of a numeric.
pub(crate) fn numeric(data_type: &DataType) -> Option<(i32, i32)> {
    match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i32::from(*precision), i32::from(*scale)))
        }
        _ => None,
    }
}

/// `atttypmod`: -1 where the type has no modifier.
pub(crate) fn modifier(data_type: &DataType) -> i32 {
    numeric(data_type).map_or(-1, |(precision, scale)| ((precision << 16) | scale) + 4)
}

/// The type as people write it: `numeric(18,2)`.
pub(crate) fn spelled(data_type: &DataType) -> String {
    match numeric(data_type) {
        Some((precision, scale)) => format!("numeric({precision},{scale})"),
        None => of(data_type).long_name.to_owned(),
    }
}
