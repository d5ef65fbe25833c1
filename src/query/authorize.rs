//! The one way from a logical plan to one that may run.
//!
//! Its one idea: [`AuthorizedPlan`] cannot be made outside this file. What resolving judged is
//! judged again here, on the plan that will actually run, and whatever is not a pure query over
//! gated tables is refused.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, TableScan};

use crate::catalog::CatalogState;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::Table;
use crate::name::RelationName;
use crate::security::{self, Access};
use crate::syntax::Privilege;

use super::error;
use super::once;
use crate::syntax::WrittenType;

use super::figures::shows_parameters;
use super::gate::{Gate, Origin};
use super::modifiers::described;
use super::multisets::counts_copies;
use super::origins::ColumnOrigin;
use super::planner::external;
use super::runtime::Sealed;

/// A plan that has passed `authorize`; there is no other way to make one.
#[derive(Clone)]
pub struct AuthorizedPlan(Arc<Parts>);

impl fmt::Debug for AuthorizedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthorizedPlan").field(&self.0.schema).finish()
    }
}

/// What an authorized plan is made of.
pub(crate) struct Parts {
    /// The plan, analysed: every expression typed.
    pub(crate) plan: Sealed<LogicalPlan>,
    /// Result columns as clients see them.
    pub(crate) schema: SchemaRef,
    /// The types of `$1`, `$2`, ...
    pub(crate) parameters: Vec<FieldRef>,
    /// Stored relations and their versions.
    pub(crate) sources: Vec<(RelationName, Table)>,
    /// The statement's text.
    pub(crate) text: String,
    /// What casts say of the result columns' types.
    pub(crate) written: Vec<Option<WrittenType>>,
    /// Which result columns are columns of a table.
    pub(crate) origins: Arc<[Option<ColumnOrigin>]>,
}

impl AuthorizedPlan {
    /// Whether the result can be a table: every column has a name of its own.
    ///
    /// # Errors
    /// `DuplicateColumn`.
    pub fn check_distinct_columns(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        let schema = &self.0.schema;
        let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) else {
            return Ok(());
        };
        let message = format!("column \"{}\" specified more than once", twice.name());
        Err(Error::new(ErrorKind::DuplicateColumn, message)
            .hint("Give each result column a name of its own with AS."))
    }

    /// Result columns: plain types (views and dictionaries unpacked).
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.schema)
    }

    /// Result columns as [`AuthorizedPlan::schema`] has them, with the lengths and precisions that were
    /// declared, and numerics without one marked as such: what clients are told.
    pub fn described(&self) -> SchemaRef {
        described(&self.0.plan, &self.0.schema, &self.0.written)
    }

    /// Whether how many digits a numeric parameter has can be seen in the answer.
    pub fn shows_numeric_parameters(&self) -> bool {
        shows_parameters(&self.0.plan)
    }

    /// Which result columns are columns of a table; none where nobody asks.
    pub fn origins(&self) -> Arc<[Option<ColumnOrigin>]> {
        Arc::clone(&self.0.origins)
    }

    /// The types of `$1`, `$2`, ...; text where nothing tells.
    pub fn parameters(&self) -> &[FieldRef] {
        &self.0.parameters
    }

    /// The relations it reads, with the versions pinned.
    pub fn sources(&self) -> &[(RelationName, Table)] {
        &self.0.sources
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }
}

/// Lets a plan run, or says why not. `grants` is the newest catalog.
///
/// # Errors
/// `InsufficientPrivilege` when the plan scans what it may not; `FeatureNotSupported` for anything
/// but a query, and for the set operations DataFusion answers wrongly.
pub(crate) fn authorize(parts: Parts, grants: &CatalogState) -> Result<AuthorizedPlan> {
    parts
        .plan
        .apply_with_subqueries(|node| {
            check_node(node, grants).map_err(external)?;
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(error::convert)?;
    Ok(AuthorizedPlan(Arc::new(parts)))
}

/// Lets a plan run that was made from one that may: its operators are the server's own, its tables
/// are judged like any other's.
///
/// # Errors
/// `InsufficientPrivilege` when the plan scans what its reader may not.
pub(crate) fn authorize_derived(parts: Parts, grants: &CatalogState) -> Result<AuthorizedPlan> {
    parts
        .plan
        .apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                check_scan(scan, grants).map_err(external)?;
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(error::convert)?;
    Ok(AuthorizedPlan(Arc::new(parts)))
}

fn check_scan(scan: &TableScan, grants: &CatalogState) -> Result<()> {
    let provider = source_as_provider(&scan.source).map_err(error::convert)?;
    let Some(gate) = provider.downcast_ref::<Gate>() else {
        return Err(Error::internal(format!(
            "the plan scans \"{}\", which was never resolved",
            scan.table_name
        )));
    };
    check_gate(gate, grants)
}

fn check_node(node: &LogicalPlan, grants: &CatalogState) -> Result<()> {
    match node {
        LogicalPlan::Extension(extension) if once::is_once(extension.node.as_ref()) => Ok(()),
        LogicalPlan::Ddl(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Extension(_) => Err(Error::unsupported("this statement as a query")),
        // EXCEPT ALL and INTERSECT ALL as the engine plans them do not count how often a row occurs.
        LogicalPlan::Join(join) if counts_copies(join) => {
            Err(Error::internal("a set operation whose rows are not counted"))
        }
        LogicalPlan::TableScan(scan) => check_scan(scan, grants),
        _ => Ok(()),
    }
}

fn check_gate(gate: &Gate, grants: &CatalogState) -> Result<()> {
    let Origin::Relation { name, role, .. } = &gate.origin else { return Ok(()) };
    match security::relation_access(grants, role, name, Privilege::Select) {
        Access::Granted => Ok(()),
        Access::Denied => Err(Error::new(
            ErrorKind::InsufficientPrivilege,
            format!("permission denied for table {}", name.relation),
        )),
        Access::Hidden => Err(security::undefined_relation(&name.to_string())),
    }
}
