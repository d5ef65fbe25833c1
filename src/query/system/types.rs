//! Which Postgres type a column has, and the Arrow field of a Postgres type.
//!
//! Its one idea: types Arrow does not have are text, numbers or lists marked by an extension name
//! `pg.<typname>`; the mark goes with the field, and a cast takes it away.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use crate::lake::TEXT_LENGTH;
use crate::syntax::MARK;

use super::postgres::{self, Type};
use crate::query::textual::textual;

/// Where a field's extension type stands, and how the names of Postgres' types begin there.
const EXTENSION: &str = MARK.0;
const PREFIX: &str = MARK.1;

/// The name of the Postgres type a field is marked with, as in `pg_type.typname`.
pub fn marked_type(field: &Field) -> Option<&str> {
    match field.metadata().get(EXTENSION)?.as_str() {
        "arrow.json" => Some("json"),
        "arrow.uuid" => Some("uuid"),
        name => name.strip_prefix(PREFIX),
    }
}

/// `field` marked as of a Postgres type.
pub(crate) fn marked(field: Field, type_name: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(EXTENSION.to_owned(), format!("{PREFIX}{type_name}"));
    field.with_metadata(metadata)
}

/// Where a declared length or precision stands.
const MODIFIER: &str = "lakeport.modifier";

/// `field` with a declared length or precision, as `pg_attribute.atttypmod` has it.
pub(crate) fn with_modifier(field: Field, modifier: i32) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(MODIFIER.to_owned(), modifier.to_string());
    field.with_metadata(metadata)
}

/// The declared length or precision of a field, if it has one of its own.
pub fn own_modifier(field: &Field) -> Option<i32> {
    if let Some(own) = field.metadata().get(MODIFIER) {
        return own.parse().ok();
    }
    let length = field.metadata().get(TEXT_LENGTH)?;
    if !matches!(marked_type(field), Some("varchar" | "bpchar")) {
        return None;
    }
    let (_, characters) = length.strip_suffix(')')?.split_once('(')?;
    characters.parse::<i32>().ok()?.checked_add(LENGTH_OFFSET)
}

/// What stands before a length in a modifier.
const LENGTH_OFFSET: i32 = 4;

/// `kept`, a table's column for values of `of`, with the type that `of` is marked with. Numbers of objects
/// are not kept as such: what they name may go.
pub fn kept_type(kept: Field, of: &Field) -> Field {
    let Some(name) = marked_type(of) else { return kept };
    let element = name.trim_start_matches('_');
    let texts = ["json", "jsonb", "uuid", "varchar", "bpchar", "name", "char"];
    if !texts.contains(&element) && textual(element).is_none() && element != "oid" {
        return kept;
    }
    let mut kept = marked(kept, name);
    if let (Some(length), "varchar" | "bpchar") = (own_modifier(of), name) {
        let length = length.saturating_sub(LENGTH_OFFSET);
        if length > 0 {
            let written = if name == "bpchar" { "char" } else { name };
            kept.metadata_mut().insert(TEXT_LENGTH.to_owned(), format!("{written}({length})"));
        }
    }
    kept
}

/// The object id, length in bytes, and array type's object id of a Postgres type by its name.
pub fn postgres_type(name: &str) -> Option<(u32, i16, u32)> {
    let known = postgres::type_named(name)?;
    Some((u32::try_from(known.oid).ok()?, known.length, u32::try_from(known.array).ok()?))
}

/// The name of the Postgres type of this number.
pub fn type_name_of(oid: u32) -> Option<&'static str> {
    postgres::type_numbered(i64::from(oid)).map(|known| known.name)
}

/// A column of a Postgres type; `None` for one whose values are not known here.
pub fn type_field(name: &str, type_name: &str) -> Option<Field> {
    let element = type_name.strip_prefix('_').unwrap_or(type_name);
    let texts = ["text", "name", "char", "varchar", "bpchar", "json", "jsonb", "uuid"];
    let known = storage(element) != DataType::Utf8
        || texts.contains(&element)
        || textual(element).is_some();
    known.then(|| field(name, type_name))
}

/// The plain Arrow type that holds values of a Postgres type.
pub(crate) fn storage(type_name: &str) -> DataType {
    match type_name {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" | "oid" | "xid" | "xid8" | "cid" | "regproc" | "regprocedure" | "regoper"
        | "regoperator" | "regclass" | "regtype" | "regrole" | "regnamespace" | "regconfig"
        | "regdictionary" | "regcollation" => DataType::Int64,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "numeric" => DataType::Decimal128(38, 10),
        // What intervals are compared by.
        "__span" => DataType::Decimal128(38, 0),
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "bytea" => DataType::Binary,
        "int2vector" => list(DataType::Int16),
        "oidvector" => list(DataType::Int64),
        name => match name.strip_prefix('_') {
            Some(inner) => list(storage(inner)),
            None => DataType::Utf8,
        },
    }
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// The element of a list, marked as the list says. The mark is the list's alone: the engine compares the
/// types of lists with the fields inside, and loses what is written there.
pub fn element_of(field: &Field) -> Option<FieldRef> {
    let DataType::List(element) = field.data_type() else { return None };
    let name = match marked_type(field)? {
        "int2vector" => return Some(Arc::clone(element)),
        "oidvector" => "oid",
        name => name.strip_prefix('_')?,
    };
    if is_plain(name) {
        return Some(Arc::clone(element));
    }
    if matches!(element.data_type(), DataType::List(_)) {
        return Some(Arc::new(marked(element.as_ref().clone(), &format!("_{name}"))));
    }
    Some(Arc::new(marked(element.as_ref().clone(), name)))
}

/// Whether a plain Arrow type says it all.
fn is_plain(type_name: &str) -> bool {
    name_of(&storage(type_name)) == type_name
}

/// A column of a Postgres type.
pub(crate) fn field(name: &str, type_name: &str) -> Field {
    let field = Field::new(name, storage(type_name), true);
    if is_plain(type_name.trim_start_matches('_')) {
        return field;
    }
    // Arrays of arrays are arrays.
    let name = type_name.trim_start_matches('_');
    let array = type_name.starts_with('_').then(|| format!("_{name}"));
    marked(field, array.as_deref().unwrap_or(name))
}

/// The Postgres type of a column as clients see it.
pub(crate) fn of(field: &Field) -> &'static Type {
    postgres::type_named(&type_name(field)).unwrap_or_else(postgres::text_type)
}

fn type_name(field: &Field) -> Cow<'_, str> {
    if let Some(name) = marked_type(field) {
        return Cow::Borrowed(name);
    }
    match field.data_type() {
        DataType::List(inner) => match type_name(inner) {
            // Arrays of arrays are arrays.
            name if name.starts_with('_') => Cow::Owned(name.into_owned()),
            name => Cow::Owned(format!("_{name}")),
        },
        other => Cow::Borrowed(name_of(other)),
    }
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
        DataType::Struct(fields) if is_row(fields) => "record",
        DataType::Struct(_) | DataType::Map(..) => "json",
        _ => "text",
    }
}

/// How the fields of a row are called, which tells a row from a struct of the lake: after this their mark, a
/// colon, and their own name. The engine keeps names wherever it hands structs on, and loses what else fields say.
const ROW_FIELD: &str = "__lakeport_row:";

/// `field` as one of a row.
pub(crate) fn row_field(name: &str, field: &Field) -> Field {
    let mark = marked_type(field).unwrap_or_default();
    Field::new(format!("{ROW_FIELD}{mark}:{name}"), field.data_type().clone(), true)
}

/// The fields of a row by their own names, marked; `None` for any other struct.
pub fn row_fields(fields: &Fields) -> Option<Vec<FieldRef>> {
    let own = |field: &FieldRef| {
        let (mark, name) = field.name().strip_prefix(ROW_FIELD)?.split_once(':')?;
        let own = Field::new(name, field.data_type().clone(), true);
        Some(Arc::new(if mark.is_empty() { own } else { marked(own, mark) }))
    };
    if fields.is_empty() {
        return None;
    }
    fields.iter().map(own).collect()
}

/// Whether a struct is a row: what `ROW(...)` makes, or a table's.
pub fn is_row(fields: &Fields) -> bool {
    !fields.is_empty() && fields.iter().all(|field| field.name().starts_with(ROW_FIELD))
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
fn modifier(data_type: &DataType) -> i32 {
    numeric(data_type).map_or(-1, |(precision, scale)| ((precision << 16) | scale) + 4)
}

/// `atttypmod` of a column.
pub(crate) fn declared_modifier(field: &Field) -> i32 {
    own_modifier(field).unwrap_or_else(|| modifier(field.data_type()))
}

/// A type as `format_type` spells it.
pub(crate) fn spelled(oid: i64, modifier: Option<i32>) -> String {
    let Some(known) = postgres::type_numbered(oid) else {
        return if oid == 0 { "-".to_owned() } else { "???".to_owned() };
    };
    let is_vector = matches!(known.name, "int2vector" | "oidvector");
    if known.element != 0 && !is_vector && known.name.starts_with('_') {
        return format!("{}[]", spelled(known.element, modifier));
    }
    let modified = modifier.filter(|modifier| *modifier >= 0);
    let length = modified.map(|modifier| modifier - 4);
    let digits = modified.map(|modifier| format!("({modifier})")).unwrap_or_default();
    let characters = length.map(|length| format!("({length})")).unwrap_or_default();
    match known.name {
        "bool" => "boolean".to_owned(),
        "int2" => "smallint".to_owned(),
        "int4" => "integer".to_owned(),
        "int8" => "bigint".to_owned(),
        "float4" => "real".to_owned(),
        "float8" => "double precision".to_owned(),
        "char" => "\"char\"".to_owned(),
        "bpchar" if modifier.is_some() && length.is_none() => "bpchar".to_owned(),
        "bpchar" => format!("character{characters}"),
        "varchar" => format!("character varying{characters}"),
        "bit" => format!("bit{digits}"),
        "varbit" => format!("bit varying{digits}"),
        "numeric" => match length {
            Some(packed) => format!("numeric({},{})", packed >> 16 & 0xffff, packed & 0x7ff),
            None => "numeric".to_owned(),
        },
        "time" => format!("time{digits} without time zone"),
        "timetz" => format!("time{digits} with time zone"),
        "timestamp" => format!("timestamp{digits} without time zone"),
        "timestamptz" => format!("timestamp{digits} with time zone"),
        "interval" => match modified {
            Some(packed) if packed & 0xffff != 0xffff => format!("interval({})", packed & 0xffff),
            _ => "interval".to_owned(),
        },
        name => name.to_owned(),
    }
}

/// The object id of a type as `format_type` spells it.
pub fn type_spelled(text: &str) -> Option<u32> {
    let number = postgres::TYPES_BY_OID.keys().find(|oid| spelled(**oid, None) == text)?;
    u32::try_from(*number).ok()
}

/// A column's type as people write it: `numeric(18,2)`.
pub(crate) fn written(field: &Field) -> String {
    spelled(of(field).oid, Some(declared_modifier(field)))
}

/// The object id of a column's type.
pub fn type_number(field: &Field) -> u32 {
    u32::try_from(of(field).oid).unwrap_or_default()
}

/// A column's type as messages name it.
pub fn type_shown(field: &Field) -> String {
    spelled(of(field).oid, None)
}
