//! Type names as Postgres means them.
//!
//! The planner knows most spellings; these it lacks or takes for something else. Times are kept in
//! microseconds, as Postgres and Delta keep them.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{DataType as Written, ExactNumberInfo, TimezoneInfo};
use std::sync::Arc;

/// Plans the type names of one statement.
#[derive(Debug)]
pub struct TypeNames {
    /// What `timestamptz` text without an offset means.
    pub time_zone: String,
}

impl TypePlanner for TypeNames {
    fn plan_type_field(&self, written: &Written) -> Result<Option<FieldRef>> {
        let planned = self.plan(written);
        Ok(planned.map(|data_type| Arc::new(Field::new("", data_type, true))))
    }
}

impl TypeNames {
    fn plan(&self, written: &Written) -> Option<DataType> {
        Some(match written {
            Written::Timestamp(None | Some(4..=6), zone) => {
                let zoned = matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone);
                let zone = zoned.then(|| self.time_zone.as_str().into());
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            Written::Time(
                None | Some(4..=6),
                TimezoneInfo::None | TimezoneInfo::WithoutTimeZone,
            ) => DataType::Time64(TimeUnit::Microsecond),
            Written::Float(ExactNumberInfo::None) => DataType::Float64,
            Written::Float(ExactNumberInfo::Precision(digits)) if *digits > 24 => DataType::Float64,
            Written::CharacterVarying(_)
            | Written::CharVarying(_)
            | Written::Character(_)
            | Written::JSON
            | Written::JSONB
            | Written::Uuid => DataType::Utf8,
            Written::Interval { .. } => DataType::Interval(IntervalUnit::MonthDayNano),
            Written::Dec(ExactNumberInfo::None) => DataType::Decimal128(38, 10),
            Written::Custom(name, arguments) if arguments.is_empty() => {
                named(&name.to_string().to_ascii_lowercase())?
            }
            _ => return None,
        })
    }
}

fn named(name: &str) -> Option<DataType> {
    Some(match name.strip_prefix("pg_catalog.").unwrap_or(name) {
        "text" | "name" | "bpchar" | "varchar" | "json" | "jsonb" | "uuid" => DataType::Utf8,
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" | "oid" => DataType::Int64,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "numeric" => DataType::Decimal128(38, 10),
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "bytea" => DataType::Binary,
        _ => return None,
    })
}
