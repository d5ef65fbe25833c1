//! SQL functions: expressions with names, put in place of their calls before anything else reads a query.
//!
//! A definition is stored with its functions already in it, so a changed function is a changed definition
//! of every view that calls it, and nobody who plans, follows or verifies a view has to know of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationName, RoleName};
use crate::syntax::{
    CreateFunction, CreateMaterializedView, CreateStreamingTable, CreateView, Expectation,
    FunctionText, ObjectName, Parameter, Privilege, Query, expand_functions,
};

use super::ddl::{check_open_schema, defined_in, still_needed};
use super::object::GrantEntry;
use super::state::CatalogState;
use super::{define, grants};

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// `schema.function`.
    pub name: RelationName,
    /// Who made it.
    pub owner: RoleName,
    /// COMMENT.
    pub comment: Option<String>,
    /// In order.
    pub parameters: Vec<Parameter>,
    /// The type of its result, as written.
    pub returns: String,
    /// The expression over the parameters.
    pub body: String,
    /// The defining statement's text.
    pub definition: String,
    /// The file that defines it; `None` for those that live in the lake only.
    pub file: Option<String>,
}

impl Function {
    /// What CREATE FUNCTION defines; `text` is the whole statement's.
    pub fn new(name: RelationName, owner: RoleName, create: &CreateFunction, text: &str) -> Self {
        Self {
            name,
            owner,
            comment: create.comment.clone(),
            parameters: create.parameters.clone(),
            returns: create.returns.clone(),
            body: create.body.clone(),
            definition: text.trim().to_owned(),
            file: None,
        }
    }

    /// As a call of it is replaced.
    pub fn text(&self) -> FunctionText<'_> {
        FunctionText { parameters: &self.parameters, returns: &self.returns, body: &self.body }
    }

    /// A query that has the function's type if its body makes sense: called with NULLs.
    ///
    /// # Errors
    /// Why the body cannot be read; `StatementTooComplex` for functions that call each other in a circle.
    pub fn probe(&self, state: &CatalogState) -> Result<Query> {
        let nulls = vec!["NULL"; self.parameters.len()].join(", ");
        let RelationName { schema, relation } = &self.name;
        let call = format!("SELECT \"{schema}\".\"{relation}\"({nulls}) AS value");
        let expanded = expand_functions(&call, &|schema, name| find(state, schema, name))?;
        Query::parse(&expanded.unwrap_or(call))
    }

    /// Whether it calls a function that is in `before` and no longer in `after`.
    pub(super) fn calls_any(&self, before: &CatalogState, after: &CatalogState) -> bool {
        let gone = |schema: &str, name: &str| {
            let name = RelationName::new(schema, name);
            let known =
                before.functions.get(&name).filter(|_| !after.functions.contains_key(&name));
            known.map(|function| function.text())
        };
        !matches!(expand_functions(&self.body, &gone), Ok(None))
    }

    /// Whether a role may call it: its owner, superusers, those it was granted to, and those who may do
    /// anything in its schema.
    pub fn may_call(&self, state: &CatalogState, roles: &BTreeSet<RoleName>) -> bool {
        let granted = |grant: &GrantEntry| {
            grant.schema == self.name.schema
                && roles.contains(&grant.role)
                && match &grant.relation {
                    Some(name) => {
                        grant.privilege == Privilege::Execute && *name == self.name.relation
                    }
                    None => true,
                }
        };
        let superuser =
            |role: &RoleName| state.roles.get(role).is_some_and(|role| role.options.superuser);
        roles.contains(&self.owner)
            || roles.iter().any(superuser)
            || state.grants.iter().any(granted)
    }
}

fn find<'a>(state: &'a CatalogState, schema: &str, name: &str) -> Option<FunctionText<'a>> {
    state.functions.get(&RelationName::new(schema, name)).map(|function| function.text())
}

/// `text` with the functions of `state` in place of their calls.
fn expanded(state: &CatalogState, text: &str) -> Result<Option<String>> {
    if state.functions.is_empty() {
        return Ok(None);
    }
    expand_functions(text, &|schema, name| find(state, schema, name))
}

fn query(state: &CatalogState, query: &mut Box<Query>) -> Result<()> {
    if let Some(text) = expanded(state, query.text())? {
        **query = Query::parse(&text)?;
    }
    Ok(())
}

fn conditions(state: &CatalogState, constraints: &mut [Expectation]) -> Result<()> {
    for constraint in constraints {
        if let Some(text) = expanded(state, &constraint.condition)? {
            constraint.condition = text;
        }
    }
    Ok(())
}

/// A view with its functions put in place.
///
/// # Errors
/// `UndefinedFunction` for arguments that do not fit.
pub(super) fn in_materialized_view(
    state: &CatalogState,
    create: &CreateMaterializedView,
) -> Result<CreateMaterializedView> {
    let mut create = create.clone();
    query(state, &mut create.query)?;
    conditions(state, &mut create.constraints)?;
    Ok(create)
}

/// As [`in_materialized_view`].
pub(super) fn in_view(state: &CatalogState, create: &CreateView) -> Result<CreateView> {
    let mut create = create.clone();
    query(state, &mut create.query)?;
    Ok(create)
}

/// As [`in_materialized_view`].
pub(super) fn in_streaming_table(
    state: &CatalogState,
    create: &CreateStreamingTable,
) -> Result<CreateStreamingTable> {
    let mut create = create.clone();
    query(state, &mut create.query)?;
    conditions(state, &mut create.constraints)?;
    Ok(create)
}

/// Adds a function to a schema that is open to clients, or puts it in place of the one of its name.
///
/// # Errors
/// `DuplicateFunction` (not with `or_replace`), `InvalidName`, `StatementTooComplex` for functions that
/// call each other in a circle, and those of [`check_open_schema`].
pub fn create_function(
    state: &CatalogState,
    function: Function,
    or_replace: bool,
) -> Result<CatalogState> {
    function.name.validate()?;
    let known = state.functions.get(&function.name);
    if let Some(file) = known.and_then(|known| known.file.as_ref()) {
        return Err(defined_in(format!("function {}", function.name), file));
    }
    check_open_schema(state, &function.name.schema)?;
    if known.is_some() && !or_replace {
        return Err(duplicate(&function.name));
    }
    let mut state = state.clone();
    let (name, function) = (function.name.clone(), Arc::new(function));
    state.functions.insert(name, Arc::clone(&function));
    function.probe(&state)?;
    Ok(state)
}

/// Removes functions, with their grants. What was made with them keeps what they were.
///
/// # Errors
/// `UndefinedFunction` (not with `if_exists`), `ObjectInUse` naming the file,
/// `DependentObjectsStillExist` naming functions that call them.
pub fn drop_functions(
    state: &CatalogState,
    names: &[ObjectName],
    if_exists: bool,
) -> Result<CatalogState> {
    let mut after = state.clone();
    for written in names {
        let name = define::resolve(written);
        let Some(function) = after.functions.remove(&name) else {
            if if_exists {
                continue;
            }
            return Err(grants::undefined_function(written));
        };
        if let Some(file) = &function.file {
            return Err(defined_in(format!("function {name}"), file));
        }
        after.grants.retain(|entry| {
            entry.privilege != Privilege::Execute
                || entry.schema != name.schema
                || entry.relation.as_ref() != Some(&name.relation)
        });
    }
    let broken: Vec<String> = after
        .functions
        .values()
        .filter(|function| function.calls_any(state, &after))
        .map(|function| format!("function {} depends on it.", function.name))
        .collect();
    match broken.is_empty() {
        true => Ok(after),
        false => Err(still_needed("function", &broken)),
    }
}

/// Refuses a function beside another of its name.
pub(super) fn duplicate(name: &RelationName) -> Error {
    Error::new(
        ErrorKind::DuplicateFunction,
        format!("function \"{}\" already exists with same argument types", name.relation),
    )
    .hint("A name has one function here, whatever its parameters.")
}
