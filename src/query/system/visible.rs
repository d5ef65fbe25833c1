//! The relations a role may see, with their columns.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::catalog::{Relation, RelationKind};
use crate::error::{ErrorKind, Result};
use crate::lake::Table;
use crate::name::RelationName;
use crate::query::engine::{Context, Engine};
use crate::query::plan::unpacked;
use crate::query::travel;
use crate::security::{self, Access};
use crate::syntax::{Privilege, Query, RelationReference};

use super::names::{Class, Names, primary_key};

/// A relation as a role sees it.
#[derive(Debug, Clone)]
pub struct VisibleRelation {
    /// Its name.
    pub name: RelationName,
    /// `BASE TABLE` or `VIEW` or `SYSTEM TABLE`.
    pub table_type: &'static str,
    /// Its columns; `None` for one that was never built.
    pub schema: Option<SchemaRef>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// What the role of `context` may see, system tables included, sorted by name.
pub(crate) async fn visible(engine: &Engine, context: &Context) -> Result<Vec<VisibleRelation>> {
    let mut found = Vec::new();
    for relation in relations(context) {
        let schema = columns(engine, context, &relation).await?;
        let table_type =
            if matches!(relation.kind, RelationKind::View { .. }) { "VIEW" } else { "BASE TABLE" };
        found.push(VisibleRelation {
            name: relation.name.clone(),
            table_type,
            schema,
            comment: relation.comment.clone(),
        });
    }
    for source in engine.registry().all() {
        found.push(VisibleRelation {
            name: RelationName::new(source.schema_name(), source.name()),
            table_type: "SYSTEM TABLE",
            schema: Some(source.schema()),
            comment: Some(source.comment().to_owned()),
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Catalog relations on which the role has some privilege.
pub(crate) fn relations(context: &Context) -> Vec<Arc<Relation>> {
    let snapshot = &context.snapshot;
    let seen = |relation: &&Arc<Relation>| {
        let select = Privilege::Select;
        security::relation_access(&snapshot.grants, &context.role, &relation.name, select)
            != Access::Hidden
    };
    snapshot.catalog.relations.values().filter(seen).cloned().collect()
}

/// A relation as the catalogs show it.
pub(crate) struct Seen {
    pub(crate) class: Class,
    /// Its columns; `None` for one that was never built.
    pub(crate) schema: Option<SchemaRef>,
    pub(crate) comment: Option<String>,
    /// Rows, where every file's statistics say.
    pub(crate) rows: Option<u64>,
    /// Bytes of data files.
    pub(crate) bytes: u64,
}

impl Seen {
    /// Whether the column has no NULL: of a declared key, or of a table that was made so.
    pub(crate) fn is_not_null(&self, field: &Field) -> bool {
        let Some(relation) = self.class.relation.as_deref() else { return false };
        let written = matches!(relation.kind, RelationKind::Table { .. });
        primary_key(relation).contains(field.name()) || written && !field.is_nullable()
    }
}

/// Every class the role may see but indexes, with its columns.
pub(crate) async fn seen(engine: &Engine, context: &Context, names: &Names) -> Result<Vec<Seen>> {
    let mut found = Vec::new();
    for class in names.classes().filter(|class| class.kind != 'i') {
        let mut seen =
            Seen { class: class.clone(), schema: None, comment: None, rows: None, bytes: 0 };
        match &class.relation {
            Some(relation) => {
                seen.comment.clone_from(&relation.comment);
                if matches!(relation.kind, RelationKind::View { .. } | RelationKind::Files(_)) {
                    seen.schema = columns(engine, context, relation).await?;
                } else if let Some(table) = stored(engine, context, relation).await? {
                    seen.schema = Some(plain(&table.schema()));
                    seen.rows = table.rows();
                    seen.bytes = table.files().1;
                }
            }
            None => {
                let source = engine.registry().find(&class.schema, &class.name);
                seen.schema = source.as_ref().map(|source| source.schema());
                seen.comment = source
                    .map(|source| source.comment().to_owned())
                    .filter(|comment| !comment.is_empty());
            }
        }
        if let Some(relation) = &class.relation {
            seen.schema = seen.schema.map(|schema| commented(&schema, relation));
        }
        found.push(seen);
    }
    Ok(found)
}

/// The columns with what COMMENT ON has said of them.
fn commented(schema: &SchemaRef, relation: &Relation) -> SchemaRef {
    if relation.file.is_some() {
        return Arc::clone(schema);
    }
    let field = |field: &Arc<Field>| {
        let Some(known) = relation.columns.iter().find(|known| known.name == *field.name()) else {
            return Arc::clone(field);
        };
        let mut field = field.as_ref().clone();
        match &known.comment {
            Some(comment) => field.metadata_mut().insert("comment".to_owned(), comment.clone()),
            None => field.metadata_mut().remove("comment"),
        };
        Arc::new(field)
    };
    let fields: Vec<_> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// A relation's columns as a query would show them; `None` where nothing can be read yet.
pub(crate) async fn columns(
    engine: &Engine,
    context: &Context,
    relation: &Relation,
) -> Result<Option<SchemaRef>> {
    if let RelationKind::View { .. } | RelationKind::Files(_) = relation.kind {
        let text = format!("SELECT * FROM {}", relation.name.quoted());
        let mut owner = context.clone();
        // Its columns do not depend on who asks, and whether it may be seen is already decided.
        owner.role = relation.owner.clone();
        owner.extra.clear();
        let plan = async { engine.plan(&Query::parse(&text)?, &owner, &[]).await };
        return Ok(plan.await.ok().map(|plan| plan.schema()));
    }
    Ok(stored(engine, context, relation).await?.map(|table| plain(&table.schema())))
}

/// The table a query would read; `None` where there is none yet, or none any more.
pub(crate) async fn stored(
    engine: &Engine,
    context: &Context,
    relation: &Relation,
) -> Result<Option<Table>> {
    let reference = RelationReference {
        database: None,
        schema: Some(relation.name.schema.clone()),
        relation: relation.name.relation.clone(),
        travel: None,
        planned_as: relation.name.relation.clone(),
        position: None,
    };
    match travel::table(engine.lake(), context, relation, &reference).await {
        Ok(table) => Ok(Some(table)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ObjectNotInPrerequisiteState
                    | ErrorKind::UndefinedFile
                    | ErrorKind::UndefinedTable
                    | ErrorKind::SnapshotTooOld
                    | ErrorKind::InvalidParameterValue
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn plain(schema: &Schema) -> SchemaRef {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(unpacked(field.data_type())))
        .collect();
    Arc::new(Schema::new(fields))
}
