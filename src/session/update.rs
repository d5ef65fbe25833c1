//! UPDATE: some rows of a table with other values.
//!
//! Its one idea: all rows are written anew from the version that was read, in one commit that fails if somebody
//! else came first; so a value may be computed from any other.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::catalog::{Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::CommitMode;
use crate::query::{AuthorizedPlan, Engine};
use crate::syntax::Update;

use super::assign::{Assignment, null_in};
use super::connection::Session;
use super::keys::Keys;
use super::pending::Change;
use super::prepared::Prepared;
use super::running::Running;
use super::write::read_by;

impl Session {
    /// UPDATE; answers `UPDATE n`.
    pub(super) async fn update(
        &mut self,
        update: &Update,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        if self.temporary(&update.name).is_some() {
            return Err(Error::unsupported("UPDATE of a temporary table"));
        }
        let relation = self.writable_table(&update.name).await?;
        let (plan, context) =
            self.newest_plan(&relation, &update.query, prepared, &parameters, running).await?;
        let table = read_by(&context, &self.services.lake.location(relation.place()))?;
        let changed = Changed::new(&relation, table.schema(), update, &plan, self)?;
        let mut keys = Keys::of(&relation, &table.schema())?;
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let mut stream = execution.map_err(|error| running.error(error))?.stream;
        let mut writer = self.services.lake.writer(table.location(), &table.spec())?;
        let mut count = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
            let (rows, of_them) = changed.apply(&batch)?;
            count += of_them;
            // Rows that the transaction adds later are compared with those that stay.
            if changed.in_key || self.is_in_block() {
                keys.add(&rows)?;
            }
            writer.write(rows).await?;
        }
        let files = writer.finish().await?;
        if table.rows().is_some_and(|had| had != files.rows()) {
            return Err(Error::internal("an UPDATE with other rows than the table has"));
        }
        if count > 0 {
            let mode = CommitMode::Overwrite;
            self.change_rows(Change { relation, table, mode, files, keys }).await?;
        }
        Ok(format!("UPDATE {count}"))
    }

    /// Gives parameters that a column is set to the column's type; what the client declared stays.
    ///
    /// # Errors
    /// As the UPDATE of that table.
    pub(super) async fn update_parameters(
        &mut self,
        update: &Update,
        declared: &[Option<FieldRef>],
    ) -> Result<Vec<Option<FieldRef>>> {
        let mut declared = declared.to_vec();
        if update.parameters.is_empty() || self.temporary(&update.name).is_some() {
            return Ok(declared);
        }
        let relation = self.writable_table(&update.name).await?;
        let schema = self.stored(&relation).await?.schema();
        for (column, parameter) in &update.parameters {
            let field = update.columns.get(*column).and_then(|name| {
                let at = schema.index_of(name).ok()?;
                schema.fields().get(at).cloned()
            });
            if declared.len() <= *parameter {
                declared.resize(parameter + 1, None);
            }
            if declared[*parameter].is_none() {
                declared[*parameter] = field;
            }
        }
        Ok(declared)
    }
}

/// How a batch of the query becomes rows of the table.
struct Changed {
    relation: String,
    schema: SchemaRef,
    /// The table's columns as they are.
    kept: Assignment,
    /// Those that are set, each with its place in the table.
    set: Assignment,
    places: Vec<usize>,
    /// Where a batch says whether a row changes; what it changes to stands behind.
    flag: usize,
    /// Whether a column of a key is set.
    in_key: bool,
}

impl Changed {
    fn new(
        relation: &Relation,
        schema: SchemaRef,
        update: &Update,
        plan: &AuthorizedPlan,
        session: &Session,
    ) -> Result<Self> {
        let name = &relation.name.relation;
        let place = |column: &String| {
            schema.index_of(column).map_err(|_| {
                let message = format!("column \"{column}\" of relation \"{name}\" does not exist");
                Error::new(ErrorKind::UndefinedColumn, message)
            })
        };
        let places = update.columns.iter().map(place).collect::<Result<Vec<_>>>()?;
        let given = plan.schema();
        let internal = || Error::internal("an UPDATE with other columns than its table");
        let first_set = given.fields().len().checked_sub(places.len()).ok_or_else(internal)?;
        let flag = first_set.checked_sub(1).ok_or_else(internal)?;
        let part = |from: usize, to: usize| {
            let fields = given.fields().get(from..to).ok_or_else(internal)?;
            Ok::<_, Error>(Schema::new(fields.to_vec()))
        };
        // Rows that do not change have nothing there.
        let target: Vec<_> =
            places.iter().map(|at| schema.field(*at).clone().with_nullable(true)).collect();
        let zone = session.time_zone();
        let width = schema.fields().len();
        let kept = Assignment::new(name, Arc::clone(&schema), &[], &part(0, width)?, zone)?;
        let set = part(first_set, given.fields().len())?;
        let set = Assignment::new(name, Arc::new(Schema::new(target)), &[], &set, zone)?;
        let RelationKind::Table { keys, .. } = &relation.kind else { return Err(internal()) };
        let in_key = keys.iter().any(|key| key.columns.iter().any(|c| update.columns.contains(c)));
        Ok(Self { relation: name.clone(), schema, kept, set, places, flag, in_key })
    }

    /// Rows of the table, and how many of them have changed.
    fn apply(&self, batch: &RecordBatch) -> Result<(RecordBatch, usize)> {
        let internal = |error| Error::internal("put changed rows together").caused_by(error);
        let columns = batch.num_columns();
        let width = self.schema.fields().len();
        let part = |from: usize, to: usize| {
            batch.project(&(from..to).collect::<Vec<_>>()).map_err(internal)
        };
        let mut rows: Vec<ArrayRef> = self.kept.apply(&part(0, width)?)?.columns().to_vec();
        let values = self.set.apply(&part(self.flag + 1, columns)?)?;
        let flags = batch.column(self.flag).as_boolean_opt();
        let flags = flags.ok_or_else(|| Error::internal("rows that change or not"))?;
        for (place, value) in self.places.iter().zip(values.columns()) {
            rows[*place] = zip(flags, value, &rows[*place]).map_err(internal)?;
            let field = self.schema.field(*place);
            if !field.is_nullable() && rows[*place].null_count() > 0 {
                return Err(null_in(field, &self.relation));
            }
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), rows).map_err(internal)?;
        Ok((rows, flags.true_count()))
    }
}
