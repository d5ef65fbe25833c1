//! SQL functions over the wire: making them, and putting them in place of their calls.

use crate::catalog::{Function, create_function};
use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;
use crate::security;
use crate::syntax::{CreateFunction, ObjectName, expand_functions};

use super::connection::Session;
use super::names::Names;
use super::running::Running;

impl Session {
    /// A statement's text with the functions that the role may call in place of their calls. Others are
    /// left, and do not exist for whoever plans it.
    pub(super) async fn with_functions(&self, sql: &str) -> Result<String> {
        let state = match self.catalog_state().await {
            Ok(state) => state,
            // Of two transactions that change the same one cannot go on; it can still be rolled back.
            Err(_) => self.services.catalog.at(&self.services.lake.epoch()).await?,
        };
        if state.functions.is_empty() {
            return Ok(sql.to_owned());
        }
        let roles = security::effective_roles(&state, &self.role);
        let expanded = expand_functions(sql, &|schema, name| {
            let function = state.functions.get(&RelationName::new(schema, name))?;
            function.may_call(&state, &roles).then(|| function.text())
        })?;
        Ok(expanded.unwrap_or_else(|| sql.to_owned()))
    }

    /// CREATE [OR REPLACE] FUNCTION, once its body has been planned.
    pub(super) async fn create_function(
        &mut self,
        create: &CreateFunction,
        text: &str,
        running: &Running,
    ) -> Result<()> {
        let made = |state: &_, names: &Names<'_>| {
            let name = names.new_relation(&create.name)?;
            if create.or_replace {
                must_own_function(names, &create.name)?;
            }
            let function = Function::new(name, names.role.clone(), create, text);
            create_function(state, function, create.or_replace)
        };
        let search_path = self.search_path();
        let state = self.catalog_state().await?;
        let names = self.names(&state, &search_path);
        let name = names.new_relation(&create.name)?;
        let after = made(&state, &names)?;
        let probe =
            after.functions.get(&name).map(|function| function.probe(&after)).transpose()?;
        if let Some(probe) = probe {
            let planned = self.plan(&probe, &[], running).await;
            // Its positions are those of a call that nobody wrote.
            planned.map_err(|error| {
                Error::new(error.kind(), error.message().to_owned())
                    .within(format!("function {name}"))
            })?;
        }
        self.change(made).await
    }
}

/// # Errors
/// `InsufficientPrivilege` for a function that is somebody else's; one that is not there is nobody's.
pub(super) fn must_own_function(names: &Names<'_>, name: &ObjectName) -> Result<()> {
    names.check_database(name)?;
    let schema = name.schema.as_deref().unwrap_or("public");
    let full = RelationName::new(schema, name.name.as_str());
    let Some(function) = names.state.functions.get(&full) else { return Ok(()) };
    let own = security::effective_roles(names.state, names.role).contains(&function.owner);
    if own || security::is_superuser(names.state, names.role) {
        return Ok(());
    }
    let message = format!("must be owner of function {}", name.name);
    Err(Error::new(ErrorKind::InsufficientPrivilege, message))
}
