//! Type names as Postgres means them.
//!
//! The planner knows most spellings; these it lacks or takes for something else. Times are kept in
//! microseconds, as Postgres and Delta keep them.

use super::digits::{OWN_DIGITS, is_unconstrained};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType as Written, ExactNumberInfo, TimezoneInfo,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Plans the type names of one statement.
#[derive(Debug)]
pub struct TypeNames {
    /// What `timestamptz` text without an offset means.
    pub time_zone: String,
}

/// What marks a field as of a type of Postgres' that Arrow does not have: the key, and how the value begins.
pub const MARK: (&str, &str) = crate::lake::TYPE_MARK;

impl TypePlanner for TypeNames {
    fn plan_type_field(&self, written: &Written) -> Result<Option<FieldRef>> {
        let (planned, mark) = match mark(written) {
            Some((data_type, mark)) => (Some(data_type), Some(mark)),
            // One without a precision is told from the one that has the same.
            None if is_unconstrained(written) => {
                (Some(DataType::Decimal128(38, 10)), Some(Cow::Borrowed("numeric")))
            }
            None => match own_digits(written) {
                Some(data_type) => (Some(data_type), Some(Cow::Borrowed("numeric"))),
                None => (self.plan(written), None),
            },
        };
        Ok(planned.map(|data_type| {
            let field = Field::new("", data_type, true);
            Arc::new(match mark {
                Some(mark) => {
                    let value = format!("{}{mark}", MARK.1);
                    field.with_metadata(HashMap::from([(MARK.0.to_owned(), value)]))
                }
                None => field,
            })
        }))
    }
}

fn own_digits(written: &Written) -> Option<DataType> {
    let Written::Custom(name, arguments) = written else { return None };
    let [precision, scale] = arguments.as_slice() else { return None };
    let own = name.to_string() == OWN_DIGITS;
    own.then(|| Some(DataType::Decimal128(precision.parse().ok()?, scale.parse().ok()?)))?
}

/// Types that are text, numbers or lists with a name.
fn mark(written: &Written) -> Option<(DataType, Cow<'static, str>)> {
    if let Written::Array(
        ArrayElemTypeDef::SquareBracket(element, _)
        | ArrayElemTypeDef::AngleBracket(element)
        | ArrayElemTypeDef::Parenthesis(element),
    ) = written
    {
        let (element, mark) = mark(element)?;
        let list = DataType::List(Arc::new(Field::new_list_field(element, true)));
        return Some((list, Cow::Owned(format!("_{}", mark.trim_start_matches('_')))));
    }
    scalar_mark(written).map(|(data_type, mark)| (data_type, Cow::Borrowed(mark)))
}

/// Types that are numbers with a name.
const NUMBERS: [&str; 12] = [
    "oid",
    "xid",
    "cid",
    "regclass",
    "regtype",
    "regproc",
    "regprocedure",
    "regoper",
    "regoperator",
    "regnamespace",
    "regrole",
    "regcollation",
];
/// Types that are text with a name.
const TEXTS: [&str; 7] = ["name", "json", "jsonb", "uuid", "varchar", "bpchar", "void"];

/// Types without one of Arrow's, kept as text: as `pg_type.typname` has them.
pub const TEXTUAL: [&str; 18] = [
    "inet",
    "cidr",
    "macaddr",
    "timetz",
    "pg_lsn",
    "tid",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
];

fn scalar_mark(written: &Written) -> Option<(DataType, &'static str)> {
    let name = match written {
        Written::JSON => return Some((DataType::Utf8, "json")),
        Written::JSONB => return Some((DataType::Utf8, "jsonb")),
        Written::Uuid => return Some((DataType::Utf8, "uuid")),
        Written::Time(None | Some(6), TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
            return Some((DataType::Utf8, "timetz"));
        }
        Written::Regclass => return Some((DataType::Int64, "regclass")),
        Written::Custom(name, arguments) if arguments.is_empty() => name.to_string(),
        _ => return None,
    };
    let name = name.to_ascii_lowercase().replace("\"pg_catalog\".", "pg_catalog.");
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let plain = name.trim_matches('"');
    if let Some(known) = NUMBERS.iter().find(|known| **known == plain) {
        return Some((DataType::Int64, known));
    }
    if let Some(known) = TEXTS.iter().chain(&TEXTUAL).find(|known| **known == plain) {
        return Some((DataType::Utf8, known));
    }
    let list = |element: DataType| DataType::List(Arc::new(Field::new_list_field(element, true)));
    match plain {
        "char" => Some((DataType::Utf8, "char")),
        "int2vector" => Some((list(DataType::Int16), "int2vector")),
        "oidvector" => Some((list(DataType::Int64), "oidvector")),
        "sql_identifier" | "information_schema.sql_identifier" => Some((DataType::Utf8, "name")),
        _ => None,
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
            Written::CharacterVarying(_) | Written::CharVarying(_) | Written::Character(_) => {
                DataType::Utf8
            }
            Written::Interval { .. } => DataType::Interval(IntervalUnit::MonthDayNano),
            Written::Dec(ExactNumberInfo::None) => DataType::Decimal128(38, 10),
            Written::Custom(name, arguments) if arguments.is_empty() => {
                named(&name.to_string().to_ascii_lowercase().replace('"', ""), &self.time_zone)?
            }
            _ => return None,
        })
    }
}

fn named(name: &str, time_zone: &str) -> Option<DataType> {
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    if let Some(element) = name.strip_prefix('_') {
        let element = Field::new_list_field(named(element, time_zone)?, true);
        return Some(DataType::List(Arc::new(element)));
    }
    Some(match name {
        "text" | "information_schema.character_data" | "information_schema.yes_or_no" => {
            DataType::Utf8
        }
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" | "information_schema.cardinal_number" => DataType::Int32,
        "int8" => DataType::Int64,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "numeric" => DataType::Decimal128(38, 10),
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some(time_zone.into())),
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "bytea" => DataType::Binary,
        _ => return None,
    })
}
