//! `pg_proc`'s rows of the lake's own SQL functions, beside those of PostgreSQL.

use crate::catalog::Function;
use crate::query::engine::Context;
use crate::query::system::names::{oid, schema_oid};
use crate::query::system::postgres::{self, Column};
use crate::security;

/// The language `sql`.
const SQL: i64 = 14;

/// A row a function that the role may call, in the order of `columns`.
pub(super) fn pg_proc(context: &Context, columns: &[Column]) -> Vec<Vec<Option<String>>> {
    let grants = &context.snapshot.grants;
    let roles = security::effective_roles(grants, &context.role);
    let functions = context.snapshot.catalog.functions.values();
    functions
        .filter(|function| function.may_call(grants, &roles))
        .map(|function| columns.iter().map(|column| value(function, column.name)).collect())
        .collect()
}

fn value(function: &Function, column: &str) -> Option<String> {
    let names = || function.parameters.iter().map(|parameter| parameter.name.as_str());
    let types = || function.parameters.iter().map(|parameter| type_oid(&parameter.sql_type));
    let defaults = function.parameters.iter().filter(|p| p.default.is_some()).count();
    Some(match column {
        "oid" => oid("function", &function.name.to_string()).to_string(),
        "proname" => function.name.relation.clone(),
        "pronamespace" => schema_oid(&function.name.schema).to_string(),
        "proowner" => "10".to_owned(),
        "prolang" => SQL.to_string(),
        "procost" => "100".to_owned(),
        "prorows" | "provariadic" | "prosupport" => "0".to_owned(),
        "prokind" => "f".to_owned(),
        "prosecdef" | "proleakproof" | "proisstrict" | "proretset" => "f".to_owned(),
        "provolatile" => "v".to_owned(),
        "proparallel" => "u".to_owned(),
        "pronargs" => function.parameters.len().to_string(),
        "pronargdefaults" => defaults.to_string(),
        "prorettype" => type_oid(&function.returns),
        "proargtypes" => types().collect::<Vec<_>>().join(" "),
        "proargnames" if !function.parameters.is_empty() => {
            format!("{{{}}}", names().collect::<Vec<_>>().join(","))
        }
        "prosrc" => function.body.clone(),
        _ => return None,
    })
}

/// The number of the type that SQL calls so.
fn type_oid(written: &str) -> String {
    let plain = written.split('(').next().unwrap_or_default().trim();
    let (plain, array) = match written.trim().strip_suffix("[]") {
        Some(item) => (item, "_"),
        None => (plain, ""),
    };
    let name = match plain {
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "real" => "float4",
        "double precision" | "double" | "float" => "float8",
        "boolean" => "bool",
        "decimal" | "dec" => "numeric",
        "character varying" | "string" => "varchar",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        other => other,
    };
    let known = postgres::type_named(&format!("{array}{name}"));
    known.map_or_else(|| "25".to_owned(), |known| known.oid.to_string())
}
