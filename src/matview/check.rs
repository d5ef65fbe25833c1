//! Whether a view's definition means something: its types, its key, its constraints.
//!
//! Pure planning: reads no rows. The same steps prepare every refresh, because types of sources move.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};

use crate::catalog::{MaterializedView, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;
use crate::query::{AuthorizedPlan, Context, Engine, Sealed, seal};
use crate::syntax::{Expectation, Query, RefreshPolicy, ViolationAction};

use super::columns;
use super::expectations::{self, CONSTRAINTS_COLUMN};
use super::incremental::Grouped;
use super::policy;
use super::primary_key::{PrimaryKey, column_index};

/// A view that can be computed.
#[derive(Clone)]
pub(super) struct CheckedView {
    /// Rows as they are stored, followed by one boolean column an expectation.
    pub(super) plan: AuthorizedPlan,
    /// The columns people see, comments in the fields' `comment` metadata.
    pub(super) visible: SchemaRef,
    /// The columns to store: the visible ones, then hidden ones.
    pub(super) schema: SchemaRef,
    /// How its groups follow changes, when it ends in groups that can; they are what is hidden.
    pub(super) grouped: Option<Sealed<Grouped>>,
}

/// Plans a view as its owner sees its sources in `context`, and returns the columns it would store.
///
/// # Errors
/// What planning the query says; `UndefinedColumn` for a key, partition or listed column that is no
/// result column; `DuplicateColumn`, `DuplicateObject` for constraints of one name; `DatatypeMismatch`
/// for a condition that is not boolean and a result type that cannot be stored.
pub async fn check_view(
    engine: &Engine,
    relation: &Relation,
    context: &Context,
) -> Result<SchemaRef> {
    let view = definition(relation)?;
    let plan = engine.plan(&Query::parse(&view.query)?, context, &[]).await?;
    let names = names(relation, &plan)?;
    for constraint in &view.constraints {
        check_condition(engine, relation, view, names.as_deref(), constraint, context).await?;
    }
    let checked = prepare(engine, relation, context).await?;
    policy::check(engine, relation, view, &checked, context)?;
    Ok(checked.visible)
}

/// Plans a view for one refresh. Conditions are planned too, but their types are only checked by
/// [`check_view`].
///
/// # Errors
/// As [`check_view`].
pub(super) async fn prepare(
    engine: &Engine,
    relation: &Relation,
    context: &Context,
) -> Result<CheckedView> {
    let view = definition(relation)?;
    // Conditions are written over the columns as the list names them, so the names come first.
    let names = match relation.columns.is_empty() && view.constraints.is_empty() {
        true => None,
        false => names(relation, &engine.plan(&Query::parse(&view.query)?, context, &[]).await?)?,
    };
    let plan = plan(engine, relation, view, names.as_deref(), context).await?;
    let output = output(&plan, view);
    let schema = columns::stored(&relation.columns, &output)?;
    check_clauses(&relation.name, view, &schema)?;
    let visible = schema;
    let Some(grouped) = grouped(engine, view, &plan, context)? else {
        return Ok(CheckedView { plan, schema: visible.clone(), visible, grouped: None });
    };
    let full = grouped.full().map_err(Engine::error)?;
    let plan = engine.derived(&plan, full, context)?;
    let hidden = grouped.hidden().into_iter().map(Arc::new);
    let fields: Vec<_> = visible.fields().iter().cloned().chain(hidden).collect();
    let schema = Arc::new(Schema::new(fields));
    Ok(CheckedView { plan, visible, schema, grouped: Some(grouped) })
}

/// How a view's groups follow changes. A row that an expectation keeps out of the table takes what is
/// kept of its group with it, so such views do not.
fn grouped(
    engine: &Engine,
    view: &MaterializedView,
    plan: &AuthorizedPlan,
    context: &Context,
) -> Result<Option<Sealed<Grouped>>> {
    let keeps_rows = |constraint: &Expectation| {
        matches!(constraint.action, ViolationAction::Keep | ViolationAction::Fail)
    };
    if view.policy == RefreshPolicy::Full || !view.constraints.iter().all(keeps_rows) {
        return Ok(None);
    }
    let normal = engine.normalized(plan, context)?;
    let grouped = Grouped::of(&normal, view.constraints.len()).map_err(Engine::error)?;
    let storable = |grouped: &Grouped| grouped.hidden().iter().all(columns::is_stored_as_it_is);
    Ok(grouped.filter(storable).map(seal))
}

/// What the result columns are called: by the list, else as the query alone would show them.
fn names(relation: &Relation, plain: &AuthorizedPlan) -> Result<Option<Vec<String>>> {
    let schema = plain.schema();
    if let Some(renamed) = columns::renamed(&relation.name, &relation.columns, &schema)? {
        return Ok(Some(renamed));
    }
    plain.check_distinct_columns()?;
    Ok(Some(schema.fields().iter().map(|field| field.name().clone()).collect()))
}

async fn plan(
    engine: &Engine,
    relation: &Relation,
    view: &MaterializedView,
    names: Option<&[String]>,
    context: &Context,
) -> Result<AuthorizedPlan> {
    if names.is_none() && view.constraints.is_empty() {
        return engine.plan(&Query::parse(&view.query)?, context, &[]).await;
    }
    let text = expectations::flagged_query(&relation.name, &view.query, names, &view.constraints);
    engine.plan(&Query::parse(&text)?, context, &[]).await
}

/// The plan's columns without the flags.
fn output(plan: &AuthorizedPlan, view: &MaterializedView) -> SchemaRef {
    let schema = plan.schema();
    let width = schema.fields().len().saturating_sub(view.constraints.len());
    Arc::new(Schema::new(schema.fields()[..width].to_vec()))
}

fn check_clauses(
    relation: &RelationName,
    view: &MaterializedView,
    schema: &SchemaRef,
) -> Result<()> {
    PrimaryKey::new(relation, &view.primary_key, schema)?;
    for name in &view.partition_by {
        let field = schema.field(column_index(schema, name)?);
        if field.data_type().is_nested() {
            return Err(Error::new(
                ErrorKind::DatatypeMismatch,
                format!("column \"{name}\" has a type that cannot partition a table"),
            ));
        }
    }
    if !view.partition_by.is_empty() && view.partition_by.len() == schema.fields().len() {
        return Err(Error::new(
            ErrorKind::InvalidObjectDefinition,
            format!("all columns of {relation} are partition columns"),
        )
        .hint("Leave at least one column out of PARTITIONED BY."));
    }
    let mut names = BTreeSet::new();
    for constraint in &view.constraints {
        if !names.insert(&constraint.name) {
            return Err(Error::new(
                ErrorKind::DuplicateObject,
                format!("constraint \"{}\" of {relation} is declared twice", constraint.name),
            ));
        }
    }
    let quarantines = has_quarantine(view);
    if quarantines && schema.fields().find(CONSTRAINTS_COLUMN).is_some() {
        return Err(Error::new(
            ErrorKind::DuplicateColumn,
            format!("column \"{CONSTRAINTS_COLUMN}\" is one the quarantine table adds"),
        )
        .hint("Give the result column another name with AS."));
    }
    Ok(())
}

async fn check_condition(
    engine: &Engine,
    relation: &Relation,
    view: &MaterializedView,
    names: Option<&[String]>,
    constraint: &Expectation,
    context: &Context,
) -> Result<()> {
    let text = expectations::condition_query(&relation.name, &view.query, names, constraint);
    let within = |error: Error| error.within(format!("constraint \"{}\"", constraint.name));
    let query = Query::parse(&text).map_err(within)?;
    let schema = engine.plan(&query, context, &[]).await.map_err(within)?.schema();
    match schema.field(0).data_type() {
        DataType::Boolean | DataType::Null => Ok(()),
        other => Err(Error::new(
            ErrorKind::DatatypeMismatch,
            format!(
                "argument of EXPECT must be type boolean, not {other}, in constraint \"{}\"",
                constraint.name
            ),
        )),
    }
}

/// What only a materialised view has.
pub(super) fn definition(relation: &Relation) -> Result<&MaterializedView> {
    match &relation.kind {
        RelationKind::MaterializedView(view) => Ok(view),
        _ => Err(Error::new(
            ErrorKind::WrongObjectType,
            format!("\"{}\" is not a materialized view", relation.name),
        )
        .detail(format!("It is a {}.", relation.kind.noun()))),
    }
}

/// Whether rows of the view can go to quarantine.
pub(super) fn has_quarantine(view: &MaterializedView) -> bool {
    view.constraints.iter().any(|c| c.action == ViolationAction::Quarantine)
}
