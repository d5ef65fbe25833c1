//! ALTER TABLE ... ADD, DROP, RENAME and ALTER COLUMN.
//!
//! Its one idea: a table with other columns is computed from its own rows, in one commit that fails if somebody
//! else came first; columns that are only added cost no row.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use futures::StreamExt;

use crate::catalog::{Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{DataFiles, TEXT_LENGTH, Table, TableSpec};
use crate::name::quote_identifier;
use crate::query::{AuthorizedPlan, Engine};
use crate::syntax::{AlterAction, ColumnDefinition, Key, Query, TextLength};

use super::alter::{full, undefined_column};
use super::assign::Assignment;
use super::connection::Session;
use super::keys::Keys;
use super::new_table::{NewTable, storable};
use super::running::Running;

impl Session {
    /// Gives a table other columns.
    pub(super) async fn alter_columns(
        &mut self,
        relation: &Arc<Relation>,
        actions: &[AlterAction],
        running: &Running,
    ) -> Result<()> {
        let relation = self.writable_table(&full(&relation.name)).await?;
        if self.is_in_block() {
            return Err(Error::unsupported("other columns of a table inside a transaction block")
                .hint("Use autocommit: it is one commit that others see."));
        }
        let table = self.stored(&relation).await?;
        let mut columns = Columns::of(&relation, &table)?;
        for action in actions {
            columns.apply(action, &relation)?;
        }
        if columns.taken || columns.retyped {
            refuse_readers(self.catalog_state().await?.dependents(&relation.name), &relation)?;
        }
        let query = Query::parse(&columns.text(&relation))?;
        let planned = self.plan(&query, &[], running).await;
        let planned = planned.map_err(|error| running.error(error))?;
        let schema = columns.schema(storable(&planned.plan.described())?.as_ref())?;
        let spec = TableSpec { schema: Arc::new(schema), ..table.spec() };
        let keeps_rows = !columns.taken && !columns.retyped;
        let files = if keeps_rows {
            DataFiles::default()
        } else {
            self.rewritten(&relation, &table, &spec, (&planned.plan, &columns.keys), running)
                .await?
        };
        let new = NewTable {
            written: &full(&relation.name),
            name: relation.name.clone(),
            place: relation.place().clone(),
            spec,
            keys: columns.keys,
            replaces: true,
            base: Some(table),
            keeps_rows,
        };
        self.publish_table(&new, files).await
    }

    /// The rows that `plan` gives, in files of a table of this shape.
    async fn rewritten(
        &mut self,
        relation: &Relation,
        table: &Table,
        spec: &TableSpec,
        (plan, keys): (&AuthorizedPlan, &[Key]),
        running: &Running,
    ) -> Result<DataFiles> {
        let context = self.context(running.cancel.clone()).await?;
        let (target, given) = (Arc::clone(&spec.schema), plan.schema());
        let name = &relation.name.relation;
        let assignment = Assignment::new(name, target, &[], &given, self.time_zone())?;
        let mut keys = Keys::watching(keys, &spec.schema)?;
        let execution = self.services.engine.execute(plan, &context, Vec::new()).await;
        let mut stream = execution.map_err(|error| running.error(error))?.stream;
        let mut writer = self.services.lake.writer(table.location(), spec)?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
            let rows = assignment.apply(&batch)?;
            keys.add(&rows)?;
            writer.write(rows).await?;
        }
        writer.finish().await
    }
}

/// A table's columns while they are altered.
struct Columns {
    each: Vec<Column>,
    keys: Vec<Key>,
    partition_by: Vec<String>,
    /// One has gone, or is called otherwise.
    taken: bool,
    /// One has another type.
    retyped: bool,
}

struct Column {
    /// What it is computed as.
    expr: String,
    name: String,
    /// As it is; none where its type is the query's to say.
    field: Option<Field>,
    /// The type that was asked for, and a comment.
    definition: Option<ColumnDefinition>,
}

impl Columns {
    fn of(relation: &Relation, table: &Table) -> Result<Self> {
        let RelationKind::Table { keys, partition_by, .. } = &relation.kind else {
            return Err(Error::internal("the columns of what is no table"));
        };
        let column = |field: &Arc<Field>| Column {
            expr: quote_identifier(field.name()),
            name: field.name().clone(),
            field: Some(field.as_ref().clone()),
            definition: None,
        };
        Ok(Self {
            each: table.schema().fields().iter().map(column).collect(),
            keys: keys.clone(),
            partition_by: partition_by.clone(),
            taken: false,
            retyped: false,
        })
    }

    fn find(&self, name: &str, relation: &Relation) -> Result<usize> {
        let found = self.each.iter().position(|column| column.name == name);
        found.ok_or_else(|| undefined_column(name, relation))
    }

    /// Refuses a change of what the folders are named after, or of what a key is made of.
    fn check_free(&self, name: &str) -> Result<()> {
        if self.partition_by.iter().any(|column| column == name) {
            return Err(Error::unsupported(format!("changing \"{name}\", a partition column,")));
        }
        if self.keys.iter().any(|key| key.columns.iter().any(|column| column == name)) {
            return Err(Error::unsupported(format!("changing \"{name}\", a column of a key,")));
        }
        Ok(())
    }

    fn apply(&mut self, action: &AlterAction, relation: &Relation) -> Result<()> {
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                if self.find(&column.name, relation).is_ok() {
                    return if *if_not_exists {
                        Ok(())
                    } else {
                        Err(twice(&column.name, relation))
                    };
                }
                self.each.push(Column {
                    expr: format!("CAST(NULL AS {})", column.sql_type),
                    name: column.name.clone(),
                    field: None,
                    definition: Some(column.clone()),
                });
            }
            AlterAction::DropColumn { name, if_exists } => {
                let at = match self.find(name, relation) {
                    Err(_) if *if_exists => return Ok(()),
                    found => found?,
                };
                self.check_free(name)?;
                if self.each.len() == 1 {
                    return Err(Error::unsupported("a table without columns"));
                }
                self.each.remove(at);
                self.taken = true;
            }
            AlterAction::RenameColumn { from, to } => {
                let at = self.find(from, relation)?;
                if self.find(to, relation).is_ok() {
                    return Err(twice(to, relation));
                }
                self.check_free(from)?;
                self.each[at].name.clone_from(to);
                self.taken = true;
            }
            AlterAction::SetType { column, sql_type } => {
                let at = self.find(column, relation)?;
                self.check_free(column)?;
                let found = &mut self.each[at];
                found.expr = format!("CAST({} AS {sql_type})", found.expr);
                found.definition = Some(ColumnDefinition {
                    name: column.clone(),
                    sql_type: sql_type.clone(),
                    not_null: found.field.as_ref().is_some_and(|field| !field.is_nullable()),
                    comment: found
                        .field
                        .as_ref()
                        .and_then(|field| field.metadata().get("comment").cloned()),
                });
                found.field = None;
                self.retyped = true;
            }
            _ => {
                return Err(Error::unsupported("columns and names altered in one statement"));
            }
        }
        Ok(())
    }

    fn text(&self, relation: &Relation) -> String {
        let items: Vec<String> = self
            .each
            .iter()
            .map(|column| format!("{} AS {}", column.expr, quote_identifier(&column.name)))
            .collect();
        format!("SELECT {} FROM {}", items.join(", "), relation.name.quoted())
    }

    /// The columns' new shape; `planned` says what their types are.
    fn schema(&self, planned: &Schema) -> Result<Schema> {
        let field = |(column, planned): (&Column, &Arc<Field>)| {
            if let Some(field) = &column.field {
                return Ok(field.clone().with_name(&column.name));
            }
            let mut field = planned.as_ref().clone();
            let Some(definition) = &column.definition else { return Ok(field) };
            field.set_nullable(!definition.not_null);
            if let Some(comment) = &definition.comment {
                field.metadata_mut().insert("comment".to_owned(), comment.clone());
            }
            if let Some(length) = TextLength::of(&definition.sql_type)? {
                field.metadata_mut().insert(TEXT_LENGTH.to_owned(), length.to_string());
            }
            Ok(field)
        };
        let fields = self.each.iter().zip(planned.fields()).map(field);
        Ok(Schema::new(fields.collect::<Result<Vec<_>>>()?))
    }
}

fn refuse_readers(readers: Vec<Arc<Relation>>, relation: &Relation) -> Result<()> {
    if readers.is_empty() {
        return Ok(());
    }
    let depends =
        |reader: &Arc<Relation>| format!("{} {} depends on it.", reader.kind.noun(), reader.name);
    let readers: Vec<String> = readers.iter().map(depends).collect();
    let message =
        format!("cannot change columns of table {} that others may read", relation.name.relation);
    Err(Error::new(ErrorKind::DependentObjectsStillExist, message)
        .detail(readers.join("\n"))
        .hint("Drop those first, and make them again."))
}

fn twice(name: &str, relation: &Relation) -> Error {
    let relation = &relation.name.relation;
    let message = format!("column \"{name}\" of relation \"{relation}\" already exists");
    Error::new(ErrorKind::DuplicateColumn, message)
}
