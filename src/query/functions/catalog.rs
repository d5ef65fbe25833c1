//! What tools ask about objects by their numbers and names.
//!
//! Its one idea: they answer from [`crate::query::system::Names`], which holds what the role may see: a number
//! or name of anything else is one that does not exist.

use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::runtime::StatementInfo;
use crate::query::system::{self, Class, Names};

use super::row_wise::{Function, boolean, int, int_at, null, stable, text, text_at};

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    stable("format_type", &["oid int4"], "text", format_type).with_nulls(),
    stable("pg_get_userbyid", &["oid"], "name", |info, v| {
        let role = int_at(v, 0).unwrap_or(0);
        let name = info.names().role(role).map(str::to_owned);
        text(Some(name.unwrap_or_else(|| format!("unknown (OID={role})"))))
    }),
    stable("pg_table_is_visible", &["oid"], "bool", |info, v| {
        let names = info.names();
        let class = int_at(v, 0).and_then(|oid| names.class(oid));
        boolean(class.map(|class| names.is_visible(class)))
    }),
    stable("pg_type_is_visible", &["oid"], "bool", |_, v| {
        boolean(int_at(v, 0).and_then(system::type_numbered).map(|_| true))
    }),
    stable("pg_function_is_visible", &["oid"], "bool", |_, v| {
        boolean(int_at(v, 0).and_then(system::function_name).map(|_| true))
    }),
    stable("pg_operator_is_visible", &["oid"], "bool", always),
    stable("pg_opclass_is_visible", &["oid"], "bool", always),
    stable("pg_opfamily_is_visible", &["oid"], "bool", always),
    stable("pg_collation_is_visible", &["oid"], "bool", always),
    stable("pg_conversion_is_visible", &["oid"], "bool", always),
    stable("pg_statistics_obj_is_visible", &["oid"], "bool", always),
    stable("pg_ts_config_is_visible", &["oid"], "bool", always),
    stable("pg_ts_dict_is_visible", &["oid"], "bool", always),
    stable("pg_ts_parser_is_visible", &["oid"], "bool", always),
    stable("pg_ts_template_is_visible", &["oid"], "bool", always),
    stable("pg_get_expr", &["text oid", "text oid bool"], "text", |_, v| text(text_at(v, 0))),
    stable(
        "pg_get_viewdef",
        &["oid", "oid bool", "oid int4", "text", "text bool"],
        "text",
        viewdef,
    ),
    stable("pg_get_indexdef", &["oid", "oid int4 bool"], "text", indexdef),
    stable("pg_get_constraintdef", &["oid", "oid bool"], "text", constraintdef),
    stable("pg_get_ruledef", &["oid", "oid bool"], "text", nothing),
    stable("pg_get_triggerdef", &["oid", "oid bool"], "text", nothing),
    stable("pg_get_functiondef", &["oid"], "text", nothing),
    stable("pg_get_function_sqlbody", &["oid"], "text", nothing),
    stable("pg_get_function_arg_default", &["oid int4"], "text", nothing),
    stable("pg_get_partkeydef", &["oid"], "text", nothing),
    stable("pg_get_partition_constraintdef", &["oid"], "text", nothing),
    stable("pg_get_statisticsobjdef", &["oid"], "text", nothing),
    stable("pg_get_statisticsobjdef_columns", &["oid"], "text", nothing),
    stable("pg_get_serial_sequence", &["text text"], "text", nothing),
    stable("pg_get_replica_identity_index", &["oid"], "regclass", nothing),
    stable("pg_relation_filenode", &["oid"], "oid", nothing),
    stable("pg_tablespace_location", &["oid"], "text", |_, _| text(Some(""))),
    stable("pg_tablespace_databases", &["oid"], "_oid", nothing),
    stable("pg_relation_is_publishable", &["oid"], "bool", never),
    stable("pg_relation_is_updatable", &["oid bool"], "int4", |_, _| {
        Ok(ScalarValue::Int32(Some(0)))
    }),
    stable("pg_column_is_updatable", &["oid int2 bool"], "bool", never),
    stable("pg_is_other_temp_schema", &["oid"], "bool", never),
    stable("pg_my_temp_schema", &[""], "oid", |_, _| int(0)),
    stable("obj_description", &["oid", "oid name"], "text", |info, v| {
        let described = info.facts().comment(int_at(v, 0).unwrap_or(0), 0);
        let of_class = text_at(v, 1).is_none_or(|catalog| catalog == "pg_class");
        text(described.filter(|_| of_class))
    }),
    stable("col_description", &["oid int4"], "text", |info, v| {
        let column = int_at(v, 1).and_then(|column| usize::try_from(column).ok()).unwrap_or(0);
        let described = info.facts().comment(int_at(v, 0).unwrap_or(0), column);
        text(described.filter(|_| column > 0))
    }),
    stable("shobj_description", &["oid name"], "text", nothing),
    stable("pg_describe_object", &["oid oid int4"], "text", |info, v| {
        let class = int_at(v, 1).unwrap_or(0);
        let names = info.names();
        text(names.class(class).map(|_| format!("table {}", names.class_text(class))))
    }),
    stable("to_regclass", &["text"], "regclass", |info, v| {
        let names = info.names();
        int(class_by_text(&names, text_at(v, 0).unwrap_or_default())?.map(|class| class.oid))
    }),
    stable("to_regtype", &["text"], "regtype", |_, v| {
        int(type_by_text(text_at(v, 0).unwrap_or_default()).map(|known| known.0))
    }),
    stable("to_regnamespace", &["text"], "regnamespace", |info, v| {
        reg_found(info, "regnamespace", text_at(v, 0).unwrap_or_default())
    }),
    stable("to_regrole", &["text"], "regrole", |info, v| {
        reg_found(info, "regrole", text_at(v, 0).unwrap_or_default())
    }),
    stable("to_regproc", &["text"], "regproc", |info, v| {
        reg_found(info, "regproc", text_at(v, 0).unwrap_or_default())
    }),
    stable("pg_relation_size", &["oid", "text", "oid text", "text text"], "int8", relation_size),
    stable("pg_table_size", &["oid", "text"], "int8", relation_size),
    stable("pg_total_relation_size", &["oid", "text"], "int8", relation_size),
    stable("pg_indexes_size", &["oid", "text"], "int8", |info, v| {
        int(class_of(info, v, 0)?.map(|_| 0))
    }),
    stable("pg_database_size", &["oid", "text"], "int8", |info, _| {
        int(info.facts().bytes_in_all())
    }),
    stable("pg_tablespace_size", &["oid", "text"], "int8", |info, _| {
        int(info.facts().bytes_in_all())
    }),
    stable("pg_size_pretty", &["int8", "numeric"], "text", |_, v| {
        let bytes = match &v[0] {
            ScalarValue::Decimal128(Some(value), _, scale) => {
                let unit = 10_i128.checked_pow(u32::try_from(*scale).unwrap_or(0)).unwrap_or(1);
                i64::try_from(value / unit).unwrap_or(i64::MAX)
            }
            _ => int_at(v, 0).unwrap_or(0),
        };
        text(Some(pretty(bytes)))
    }),
    stable("pg_get_function_result", &["oid"], "text", |_, v| {
        text(procedure(int_at(v, 0).unwrap_or(0)).map(|(_, returns)| returns))
    }),
    stable("pg_get_function_arguments", &["oid"], "text", |_, v| {
        text(procedure(int_at(v, 0).unwrap_or(0)).map(|(arguments, _)| arguments))
    }),
    stable("pg_get_function_identity_arguments", &["oid"], "text", |_, v| {
        text(procedure(int_at(v, 0).unwrap_or(0)).map(|(arguments, _)| arguments))
    }),
    stable("oidvectortypes", &["oidvector"], "text", |_, v| {
        let types = super::row_wise::list_at(v, 0);
        let types = types.as_deref().and_then(|list| {
            use arrow::array::AsArray;
            list.as_primitive_opt::<arrow::datatypes::Int64Type>()
        });
        let names = types.into_iter().flat_map(|types| types.values().iter());
        let names: Vec<String> = names.map(|oid| system::spelled(*oid, None)).collect();
        text(Some(names.join(", ")))
    }),
    stable("pg_indexam_has_property", &["oid text"], "bool", |_, v| {
        let yes = ["can_order", "can_unique", "can_multi_col", "can_include"];
        boolean(Some(text_at(v, 1).is_some_and(|property| yes.contains(&property))))
    }),
    stable("pg_index_column_has_property", &["oid int4 text"], "bool", |_, v| {
        let yes = ["asc", "nulls_last", "orderable", "returnable", "search_array", "search_nulls"];
        boolean(Some(text_at(v, 2).is_some_and(|property| yes.contains(&property))))
    }),
];

fn always(_: &StatementInfo, _: &[ScalarValue]) -> Result<ScalarValue> {
    boolean(true)
}

fn never(_: &StatementInfo, _: &[ScalarValue]) -> Result<ScalarValue> {
    boolean(false)
}

/// What this server has none of.
fn nothing(_: &StatementInfo, _: &[ScalarValue]) -> Result<ScalarValue> {
    null()
}

fn format_type(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let Some(oid) = int_at(values, 0) else { return null() };
    let modifier = int_at(values, 1).and_then(|modifier| i32::try_from(modifier).ok());
    text(Some(system::spelled(oid, modifier)))
}

/// The class that a number or a name means; `None` for a number of nothing.
pub(super) fn class_of(
    info: &StatementInfo,
    values: &[ScalarValue],
    at: usize,
) -> Result<Option<Class>> {
    let names = info.names();
    if let Some(oid) = int_at(values, at) {
        return Ok(names.class(oid).cloned());
    }
    let name = text_at(values, at).unwrap_or_default();
    match class_by_text(&names, name)? {
        Some(class) => Ok(Some(class.clone())),
        None => Err(undefined(name)),
    }
}

fn undefined(name: &str) -> Error {
    Error::new(ErrorKind::UndefinedTable, format!("relation \"{name}\" does not exist"))
}

/// The class a name means; `None` where there is none.
fn class_by_text<'a>(names: &'a Names, name: &str) -> Result<Option<&'a Class>> {
    let invalid = || Error::new(ErrorKind::InvalidName, "invalid name syntax");
    let parts = system::parts(name).ok_or_else(invalid)?;
    Ok(match parts.as_slice() {
        [name] => names.class_named(None, name),
        [schema, name] | [_, schema, name] => names.class_named(Some(schema), name),
        _ => None,
    })
}

/// The number and name of the type that is spelled `text`.
pub(crate) fn type_by_text(text: &str) -> Option<(i64, &'static str)> {
    let text = text.trim();
    if let Some(element) = text.strip_suffix("[]") {
        let (oid, _) = type_by_text(element)?;
        let array = system::type_numbered(system::type_numbered(oid)?.array)?;
        return Some((array.oid, array.name));
    }
    let quoted = text.starts_with('"');
    let plain = match system::parts(text)?.as_slice() {
        [schema, name] if schema == "pg_catalog" => name.clone(),
        [name] => name.clone(),
        _ => return None,
    };
    let plain = plain.split('(').next().unwrap_or_default().trim();
    let name = match plain {
        "char" | "character" if !quoted => "bpchar",
        "boolean" => "bool",
        "smallint" => "int2",
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "real" => "float4",
        "float" | "double precision" => "float8",
        "decimal" | "dec" => "numeric",
        "character varying" => "varchar",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        name => name,
    };
    system::type_named(name).map(|known| (known.oid, known.name))
}

/// The number that text means as a `reg...` type; NULL for one of nothing.
fn reg_found(info: &StatementInfo, kind: &str, name: &str) -> Result<ScalarValue> {
    match reg_number(info, kind, name) {
        Ok(number) => int(number),
        Err(error) if error.kind() == ErrorKind::FeatureNotSupported => Err(error),
        Err(_) => null(),
    }
}

/// The number that text means as a `reg...` type.
///
/// # Errors
/// Postgres' own for each kind of object that does not exist.
pub(crate) fn reg_number(info: &StatementInfo, kind: &str, name: &str) -> Result<i64> {
    let trimmed = name.trim();
    if trimmed == "-" {
        return Ok(0);
    }
    if !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_digit()) {
        return trimmed.parse().map_err(|_| {
            let message = format!("value \"{trimmed}\" is out of range for type oid");
            Error::new(ErrorKind::NumericValueOutOfRange, message)
        });
    }
    let missing =
        |what: &str, error| Error::new(error, format!("{what} \"{trimmed}\" does not exist"));
    let last = || system::parts(trimmed).and_then(|mut parts| parts.pop());
    match kind {
        "regclass" => {
            let names = info.names();
            let found = class_by_text(&names, trimmed)?.map(|class| class.oid);
            found.ok_or_else(|| undefined(trimmed))
        }
        "regtype" => type_by_text(trimmed)
            .map(|(oid, _)| oid)
            .ok_or_else(|| missing("type", ErrorKind::UndefinedObject)),
        "regnamespace" => {
            let names = info.names();
            let oid = last().map(|name| system::schema_oid(&name));
            oid.filter(|oid| names.schema(*oid).is_some())
                .ok_or_else(|| missing("schema", ErrorKind::InvalidSchemaName))
        }
        "regrole" => {
            let names = info.names();
            let oid = last().map(|name| system::role_oid(&name));
            oid.filter(|oid| names.role(*oid).is_some())
                .ok_or_else(|| missing("role", ErrorKind::UndefinedObject))
        }
        "regproc" | "regprocedure" => {
            let bare = trimmed.split('(').next().unwrap_or_default();
            let name = system::parts(bare).and_then(|mut parts| parts.pop());
            match system::function_oids(name.as_deref().unwrap_or_default()) {
                [] => Err(missing("function", ErrorKind::UndefinedFunction)),
                [one] => Ok(*one),
                _ if kind == "regprocedure" => Err(Error::unsupported("this regprocedure")),
                _ => Err(Error::new(
                    ErrorKind::AmbiguousFunction,
                    format!("more than one function named \"{trimmed}\""),
                )),
            }
        }
        _ => Err(Error::unsupported(format!("reading the type {kind}"))),
    }
}

/// How a number of a `reg...` type prints.
pub(crate) fn reg_text(names: &Names, kind: &str, number: i64) -> String {
    if number == 0 {
        return "-".to_owned();
    }
    let found = match kind {
        "regclass" => return names.class_text(number),
        "regtype" => system::type_numbered(number).map(|_| system::spelled(number, None)),
        "regnamespace" => names.schema(number).map(crate::name::quote_identifier),
        "regrole" => names.role(number).map(crate::name::quote_identifier),
        "regproc" => system::function_name(number).map(|name| {
            // A name of several functions is told apart by nothing but its schema.
            match system::function_oids(name).len() {
                1 => name.to_owned(),
                _ => format!("pg_catalog.{name}"),
            }
        }),
        _ => None,
    };
    found.unwrap_or_else(|| number.to_string())
}

fn viewdef(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let class = class_of(info, values, 0)?;
    let relation = class.and_then(|class| class.relation);
    let query = relation.as_deref().and_then(system::definition);
    text(query.map(|query| format!("{query};")))
}

fn indexdef(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let names = info.names();
    let index = int_at(values, 0).and_then(|oid| names.class(oid));
    let Some((index, relation)) = index.and_then(|i| Some((i, i.relation.as_ref()?))) else {
        return null();
    };
    let Some(table) = index.index_of.and_then(|oid| names.class(oid)) else { return null() };
    let columns = system::primary_key(relation);
    match int_at(values, 1).unwrap_or(0) {
        0 => text(Some(system::index_definition(table, index, columns))),
        column => {
            let at = usize::try_from(column - 1).unwrap_or(usize::MAX);
            let column = columns.get(at).map(|column| crate::name::quote_identifier(column));
            text(Some(column.unwrap_or_default()))
        }
    }
}

fn constraintdef(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let names = info.names();
    let wanted = int_at(values, 0).unwrap_or(0);
    let table = names.classes().find(|class| {
        let keyed = class.relation.as_ref().is_some_and(|r| !system::primary_key(r).is_empty());
        class.kind != 'i' && keyed && system::constraint_oid(class) == wanted
    });
    let columns = table.and_then(|table| table.relation.as_ref()).map(|relation| {
        let columns = system::primary_key(relation).iter();
        columns.map(|column| crate::name::quote_identifier(column)).collect::<Vec<_>>().join(", ")
    });
    text(columns.map(|columns| format!("PRIMARY KEY ({columns})")))
}

fn relation_size(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let class = class_of(info, values, 0)?;
    int(class.map(|class| info.facts().bytes(class.oid)))
}

/// Bytes in the unit of which there are fewer than twenty thousand, rounded.
fn pretty(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let mut size = i128::from(bytes);
    if size.abs() < 10 * 1024 {
        return format!("{size} bytes");
    }
    // Twice the value, so that the last step can round half away from zero.
    size /= 512;
    for (at, unit) in UNITS.iter().enumerate().skip(1) {
        if size.abs() < 2 * 10 * 1024 - 1 || at == UNITS.len() - 1 {
            let rounded = if size >= 0 { (size + 1) / 2 } else { (size - 1) / 2 };
            return format!("{rounded} {unit}");
        }
        size /= 1024;
    }
    format!("{bytes} bytes")
}

/// The arguments and the result of a function of Postgres', as it spells them.
fn procedure(oid: i64) -> Option<(String, String)> {
    system::function_types(oid).map(|(arguments, returns)| {
        let arguments = arguments.iter().map(|oid| system::spelled(*oid, None));
        (arguments.collect::<Vec<_>>().join(", "), system::spelled(returns, None))
    })
}
