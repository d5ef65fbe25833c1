//! OPTIMIZE, VACUUM and DESCRIBE HISTORY: who may, and what is answered.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::catalog::{Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::CommitRecord;
use crate::name::{Epoch, Version};
use crate::security::{self, Access};
use crate::syntax::{ObjectName, Privilege, Statement, Vacuum};

use super::connection::Session;
use super::outcome::{Outcome, command, rows};
use super::running::Running;

/// Versions that DESCRIBE HISTORY shows when no LIMIT says otherwise, and at most.
const VERSIONS_MAX: usize = 10_000;

/// The columns of a statement of this file; `None` for those that answer no rows.
pub(super) fn maintenance_schema(statement: &Statement) -> Option<SchemaRef> {
    match statement {
        Statement::Vacuum(vacuum) if vacuum.dry_run => Some(paths_schema()),
        Statement::DescribeHistory { .. } => Some(history_schema()),
        _ => None,
    }
}

impl Session {
    /// Runs a statement of this file.
    pub(super) async fn maintain(
        &mut self,
        statement: &Statement,
        running: &Running,
    ) -> Result<Outcome> {
        match statement {
            Statement::Optimize { name } => self.optimize(name, running).await,
            Statement::Vacuum(vacuum) => self.vacuum(vacuum, running).await,
            Statement::DescribeHistory { name, limit } => {
                Ok(rows("DESCRIBE", self.history(name, *limit).await?))
            }
            _ => Err(Error::internal("a statement that maintains nothing was to be run")),
        }
    }

    async fn optimize(&self, name: &ObjectName, running: &Running) -> Result<Outcome> {
        let relation = self.own_table(name).await?;
        tokio::select! {
            done = self.services.maintenance.optimize(&relation) => done?,
            () = running.cancel.cancelled() => return Err(running.cancelled()),
        }
        command("OPTIMIZE")
    }

    /// VACUUM; with DRY RUN, what it would delete.
    async fn vacuum(&self, vacuum: &Vacuum, running: &Running) -> Result<Outcome> {
        let relation = self.own_table(&vacuum.name).await?;
        let maintenance = &self.services.maintenance;
        let done = tokio::select! {
            done = maintenance.vacuum(&relation, vacuum.retain_hours, vacuum.dry_run) => done?,
            () = running.cancel.cancelled() => return Err(running.cancelled()),
        };
        if !vacuum.dry_run {
            return command("VACUUM");
        }
        let paths: ArrayRef = Arc::new(StringArray::from(done.paths));
        Ok(rows("VACUUM", batch(paths_schema(), vec![paths])?))
    }

    /// The table of a statement that only its owner may run.
    async fn own_table(&self, name: &ObjectName) -> Result<Relation> {
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
        let relation = names.relation(name)?;
        names.must_own(&relation)?;
        match &relation.kind {
            RelationKind::View { .. } => Err(not_a_table(&relation)),
            RelationKind::External { .. } | RelationKind::Files(_) => Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("\"{}\" is an external table", relation.name.relation),
            )
            .hint("Whoever writes it looks after its files.")),
            _ => Ok(relation.as_ref().clone()),
        }
    }

    /// DESCRIBE HISTORY: the versions that the session may read, newest first.
    async fn history(&mut self, name: &ObjectName, limit: Option<u64>) -> Result<RecordBatch> {
        let lake = self.services.lake.clone();
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
        let relation = names.relation(name)?;
        let select = Privilege::Select;
        match security::relation_access(&state, &self.role, &relation.name, select) {
            Access::Granted => {}
            Access::Denied | Access::Hidden => return Err(security::denied_relation(&relation)),
        }
        let location = match &relation.kind {
            RelationKind::View { .. } | RelationKind::Files(_) => {
                return Err(not_a_table(&relation));
            }
            RelationKind::External { location } => lake.external_location(location)?,
            _ => lake.location(relation.place()),
        };
        let snapshot = self.snapshot().await?;
        let until = match snapshot.epoch.relations.get(&relation.id) {
            Some(published) if relation.kind.is_maintained() => Some(published.version),
            None if relation.kind.is_maintained() => None,
            _ => lake.newest(&location).await?.map(|table| table.version()),
        };
        let limit = limit.map_or(VERSIONS_MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let records = match until {
            Some(until) => lake.timeline(&location, until, limit.min(VERSIONS_MAX)).await?,
            None => Vec::new(),
        };
        let epochs = lake.epochs_of(relation.id).await?;
        history_rows(&records, |version| epochs.get(&version).copied())
    }
}

fn not_a_table(relation: &Relation) -> Error {
    Error::new(
        ErrorKind::WrongObjectType,
        format!("\"{}\" is a view, not a table", relation.name.relation),
    )
}

fn paths_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("path", DataType::Utf8, false)]))
}

/// Databricks' columns where we have them, then our own.
fn history_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("version", DataType::Int64, false),
        Field::new("timestamp", time, true),
        Field::new("operation", DataType::Utf8, true),
        Field::new("operationParameters", DataType::Utf8, true),
        Field::new("readVersion", DataType::Int64, true),
        Field::new("isBlindAppend", DataType::Boolean, true),
        Field::new("operationMetrics", DataType::Utf8, true),
        Field::new("engineInfo", DataType::Utf8, true),
        Field::new("run_id", DataType::Utf8, true),
        Field::new("epoch", DataType::Int64, true),
    ]))
}

fn history_rows(
    records: &[CommitRecord],
    epoch: impl Fn(Version) -> Option<Epoch>,
) -> Result<RecordBatch> {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let texts = |text: fn(&CommitRecord) -> &Option<String>| -> ArrayRef {
        Arc::new(records.iter().map(|record| text(record).as_deref()).collect::<StringArray>())
    };
    let versions: Int64Array = records.iter().map(|record| Some(whole(record.version))).collect();
    let times: TimestampMicrosecondArray =
        records.iter().map(|record| record.timestamp.map(|at| at.timestamp_micros())).collect();
    let read: Int64Array = records.iter().map(|record| record.read_version).collect();
    let blind: BooleanArray = records.iter().map(|record| record.is_blind_append).collect();
    let epochs: Int64Array =
        records.iter().map(|record| epoch(record.version).map(whole)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(versions),
        Arc::new(times.with_timezone("UTC")),
        texts(|record| &record.operation),
        texts(|record| &record.operation_parameters),
        Arc::new(read),
        Arc::new(blind),
        texts(|record| &record.operation_metrics),
        texts(|record| &record.engine_info),
        texts(|record| &record.run_id),
        Arc::new(epochs),
    ];
    batch(history_schema(), columns)
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns)
        .map_err(|error| Error::internal("rows of the session itself").caused_by(error))
}
