//! Functions of one value, in FROM.

use datafusion::sql::sqlparser::ast::{
    FunctionArg, Ident, ObjectName, TableAlias, TableAliasColumnDef, TableFactor,
};

use super::forms::{aliased, call};
use super::rewrite::fold;
use super::series::{arguments, last};

/// A function of one value in FROM: the query of that value.
pub(super) fn in_from(
    name: &ObjectName,
    args: &[FunctionArg],
    alias: Option<&TableAlias>,
) -> Option<TableFactor> {
    const SCALARS: [&str; 20] = [
        "version",
        "current_database",
        "current_schema",
        "current_schemas",
        "current_setting",
        "set_config",
        "now",
        "pg_backend_pid",
        "format_type",
        "pg_get_viewdef",
        "pg_table_size",
        "pg_typeof",
        "to_regclass",
        "pg_indexam_has_property",
        "pg_partition_ancestors",
        "pg_postmaster_start_time",
        "string_to_array",
        "upper",
        "lower",
        "abs",
    ];
    let name = last(name)?;
    if !SCALARS.contains(&name.as_str()) {
        return None;
    }
    let args = arguments(args).ok()?;
    let called = alias.map_or_else(|| name.clone(), |alias| fold(&alias.name));
    let column = alias.and_then(|alias| alias.columns.first()).map(|column| column.name.clone());
    let column = column.unwrap_or_else(|| Ident::with_quote('"', called.clone()));
    // `UNNEST(ARRAY[f(x)])`: the one row, which may ask of what stands before it.
    let array = call("make_array", vec![call(&name, args)]);
    let columns = vec![TableAliasColumnDef { name: column, data_type: None }];
    Some(TableFactor::UNNEST {
        alias: Some(aliased(&called, columns)),
        array_exprs: vec![array],
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    })
}
