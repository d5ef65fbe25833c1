//! `has_*_privilege` and `pg_has_role`.

use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RoleName;
use crate::query::runtime::StatementInfo;
use crate::query::system::{self, Kind};
use crate::security;

use super::catalog::class_of;
use super::row_wise::{Function, boolean, int_at, null, stable, text_at};

const ON_TABLE: &[&str] =
    &["text text", "oid text", "text text text", "text oid text", "oid text text", "oid oid text"];
const ON_COLUMN: &[&str] = &[
    "text text text",
    "oid text text",
    "oid int2 text",
    "text int2 text",
    "text text text text",
    "text oid text text",
    "text oid int2 text",
    "oid oid int2 text",
];

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    stable("has_table_privilege", ON_TABLE, "bool", table),
    stable("has_any_column_privilege", ON_TABLE, "bool", table),
    stable("has_sequence_privilege", ON_TABLE, "bool", table),
    stable("has_column_privilege", ON_COLUMN, "bool", column),
    stable("has_schema_privilege", ON_TABLE, "bool", schema),
    stable("has_database_privilege", ON_TABLE, "bool", database),
    stable("has_function_privilege", ON_TABLE, "bool", use_of_all),
    stable("has_type_privilege", ON_TABLE, "bool", use_of_all),
    stable("has_language_privilege", ON_TABLE, "bool", use_of_all),
    stable("has_tablespace_privilege", ON_TABLE, "bool", of_superusers),
    stable("has_server_privilege", ON_TABLE, "bool", of_superusers),
    stable("has_foreign_data_wrapper_privilege", ON_TABLE, "bool", of_superusers),
    stable("has_parameter_privilege", ON_TABLE, "bool", of_superusers),
    stable("pg_has_role", ON_TABLE, "bool", role),
];

/// The role a privilege is asked of, and where the other arguments begin.
fn asked(info: &StatementInfo, values: &[ScalarValue], own: usize) -> Result<(RoleName, usize)> {
    if values.len() <= own {
        return Ok((RoleName(info.role.clone()), 0));
    }
    Ok((role_at(info, values, 0)?, 1))
}

fn role_at(info: &StatementInfo, values: &[ScalarValue], at: usize) -> Result<RoleName> {
    if let Some(oid) = int_at(values, at) {
        let name = info.names().role(oid).map(str::to_owned);
        return Ok(RoleName(name.unwrap_or_default()));
    }
    let name = text_at(values, at).unwrap_or_default();
    let known =
        info.grants().is_some_and(|state| state.roles.contains_key(&RoleName(name.to_owned())));
    if known || name == security::PUBLIC {
        return Ok(RoleName(name.to_owned()));
    }
    Err(Error::new(ErrorKind::UndefinedObject, format!("role \"{name}\" does not exist")))
}

fn any_of(
    info: &StatementInfo,
    role: &RoleName,
    kind: Kind,
    (schema, relation): (&str, &str),
    privileges: &str,
) -> Result<ScalarValue> {
    let Some(state) = info.grants() else { return null() };
    let mut any = false;
    for privilege in privileges.split(',') {
        match system::allowed(&state, role, kind, schema, relation, privilege) {
            Some(allowed) => any |= allowed,
            None => {
                let message = format!("unrecognized privilege type: \"{}\"", privilege.trim());
                return Err(Error::new(ErrorKind::InvalidParameterValue, message));
            }
        }
    }
    boolean(any)
}

fn table(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (role, at) = asked(info, values, 2)?;
    let Some(class) = class_of(info, values, at)? else { return null() };
    let privileges = text_at(values, at + 1).unwrap_or_default();
    any_of(info, &role, Kind::Relation, (&class.schema, &class.name), privileges)
}

fn column(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (role, at) = asked(info, values, 3)?;
    let Some(class) = class_of(info, values, at)? else { return null() };
    let privileges = text_at(values, at + 2).unwrap_or_default();
    any_of(info, &role, Kind::Relation, (&class.schema, &class.name), privileges)
}

fn schema(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (role, at) = asked(info, values, 2)?;
    let names = info.names();
    let name = match int_at(values, at) {
        Some(oid) => match names.schema(oid) {
            Some(name) => name.to_owned(),
            None => return null(),
        },
        None => {
            let name = text_at(values, at).unwrap_or_default();
            if names.schema(system::schema_oid(name)).is_none() {
                let message = format!("schema \"{name}\" does not exist");
                return Err(Error::new(ErrorKind::InvalidSchemaName, message));
            }
            name.to_owned()
        }
    };
    let privileges = text_at(values, at + 1).unwrap_or_default();
    any_of(info, &role, Kind::Schema, (&name, ""), privileges)
}

fn database(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (role, at) = asked(info, values, 2)?;
    if let Some(name) = text_at(values, at)
        && name != info.database
    {
        let message = format!("database \"{name}\" does not exist");
        return Err(Error::new(ErrorKind::InvalidCatalogName, message));
    }
    let privileges = text_at(values, at + 1).unwrap_or_default();
    any_of(info, &role, Kind::Database, ("", ""), privileges)
}

/// Functions, types and languages are everybody's to use.
fn use_of_all(_: &StatementInfo, _: &[ScalarValue]) -> Result<ScalarValue> {
    boolean(true)
}

fn of_superusers(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (role, _) = asked(info, values, 2)?;
    boolean(info.grants().is_some_and(|state| security::is_superuser(&state, &role)))
}

fn role(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (member, at) = asked(info, values, 2)?;
    let Some(state) = info.grants() else { return null() };
    // Roles that Postgres always has and this server has not: nobody but a superuser is in them.
    let built_in = text_at(values, at).is_some_and(|name| name.starts_with("pg_"));
    if security::is_superuser(&state, &member) || built_in {
        return boolean(!built_in || security::is_superuser(&state, &member));
    }
    let group = role_at(info, values, at)?;
    boolean(security::effective_roles(&state, &member).contains(&group))
}
