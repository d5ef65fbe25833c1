//! One view computed in full and committed.
//!
//! Rows stream from the query through the expectations into data files; nothing holds the result.
//! Refused rows are committed first, then the view: a table that carries a run's progress is complete.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt;

use crate::catalog::{MaterializedView, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    Commit, CommitMode, CommitOutcome, DELETION_VECTORS, DataFiles, Lake, Layout, Run, Table,
    TableSpec, TableWriter,
};
use crate::name::RelationName;
use crate::query::{Context, Engine};

use super::check::{has_quarantine, prepare};
use super::columns;
use super::expectations::{ExpectationCount, Splitter, constraints_field};
use super::incremental::Weighed;
use super::operators::OperatorRow;
use super::pins::Pin;
use super::primary_key::PrimaryKey;
use super::progress::{self, Costs};
use super::reads::Reads;
use super::weigh::Rejected;

/// Files a big view is spread over, about.
const FILES_WANTED: u64 = 64;
const FILE_BYTES_MIN: u64 = 8 << 20;
const FILE_BYTES_MAX: u64 = 128 << 20;

/// Everything one computation of one view depends on.
pub(super) struct Job<'a> {
    pub(super) lake: &'a Lake,
    pub(super) engine: &'a Engine,
    pub(super) run: &'a Run,
    pub(super) relation: &'a Relation,
    pub(super) view: &'a MaterializedView,
    pub(super) sources: &'a [Pin],
    pub(super) context: Context,
    /// The view's table as it is; `None` when it was never built.
    pub(super) head: Option<Table>,
    /// Its quarantine's table, likewise.
    pub(super) quarantine_head: Option<Table>,
    /// What all statements of the process may hold.
    pub(super) memory_bytes: u64,
    /// Sources from this size on are read once for both versions.
    pub(super) hold_from_bytes: u64,
    /// When its computation began.
    pub(super) started: Instant,
}

/// What one refresh of one view moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) rows_read: u64,
    pub(super) rows_written: u64,
    pub(super) rows_quarantined: u64,
    pub(super) bytes_read: u64,
    pub(super) bytes_written: u64,
    pub(super) files_added: u64,
    pub(super) files_removed: u64,
    /// What either strategy was held to cost, where that was asked.
    pub(super) weighed: Option<Weighed>,
}

/// Why a view is computed in full.
#[derive(Debug, Clone, Default)]
pub(super) struct WhyFull {
    /// Why not by its changes.
    pub(super) rejected: Option<Rejected>,
    /// Why not as its rules promise.
    pub(super) deviation: Option<String>,
}

/// A view's tables after a refresh.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) table: Table,
    pub(super) quarantine: Option<Table>,
    pub(super) figures: Figures,
    pub(super) counts: Vec<ExpectationCount>,
    /// What its operators did, where changes were followed.
    pub(super) operators: Vec<OperatorRow>,
}

/// Rows written, not yet committed.
struct Written {
    schema: SchemaRef,
    visible: SchemaRef,
    kept: DataFiles,
    refused: Option<DataFiles>,
    counts: Vec<ExpectationCount>,
    reads: Reads,
}

impl Job<'_> {
    /// Computes and commits; `None` when another commit came first.
    pub(super) async fn full(&self, why: &WhyFull) -> Result<Option<Built>> {
        let started = self.lake.clock().instant();
        if let Some(reason) = self.head.as_ref().and_then(Table::read_only_reason) {
            return Err(Error::new(
                ErrorKind::FeatureNotSupported,
                format!("the table of {} cannot be written: {reason}", self.relation.name),
            ));
        }
        let written = self.write().await?;
        let mut figures = self.figures(&written);
        figures.weighed = why.rejected.as_ref().and_then(|rejected| rejected.weighed);
        let mut quarantine = None;
        if let Some(refused) = written.refused {
            figures.rows_quarantined = refused.rows();
            let spec = self.quarantine_spec(&written.visible);
            let base = self.quarantine_head.clone();
            let mode = overwriting(base.as_ref());
            let name = self.relation.name.quarantine();
            match self.commit(&name, base, spec, refused, mode, Vec::new()).await? {
                Some(table) => quarantine = Some(table),
                None => return Ok(None),
            }
        }
        let spec = self.spec(&written.schema);
        let mode = overwriting(self.head.as_ref());
        let mut more = progress::failing(self.relation.id, &written.counts);
        let full_us = self.micros_since(started);
        let costs = why.rejected.as_ref().map(|rejected| rejected.costs(full_us));
        let costs = costs.unwrap_or(Costs { full_us: Some(full_us), ..Costs::default() });
        more.extend(costs.record(self.relation.id));
        more.push(progress::deviation(self.relation.id, why.deviation.as_deref()));
        let (name, base) = (&self.relation.name, self.head.clone());
        let table = self.commit(name, base, spec, written.kept, mode, more).await?;
        Ok(table.map(|table| Built {
            table,
            quarantine,
            figures,
            counts: written.counts,
            operators: written.reads.full(self.sources),
        }))
    }

    async fn write(&self) -> Result<Written> {
        let checked = prepare(self.engine, self.relation, &self.context).await?;
        let (schema, visible) = (checked.schema, checked.visible);
        let name = &self.relation.name;
        let mut key = PrimaryKey::new(name, &self.view.primary_key, &schema)?;
        let mut splitter = Splitter::new(name, &self.view.constraints, &self.view.primary_key);
        let kept = self.lake.writer(&self.lake.location(name), &self.spec(&schema))?;
        let mut kept = kept.laid_out(&self.layout(&schema))?;
        let mut refused = self.quarantine_writer(&visible)?;
        let execution = self.engine.execute(&checked.plan, &self.context, Vec::new()).await?;
        let mut stream = execution.stream;
        while let Some(batch) = stream.next().await {
            let split = splitter.split(&batch.map_err(Engine::error)?)?;
            let rows = columns::conform(&split.kept, &schema)?;
            if let Some(key) = &mut key {
                key.add(&rows)?;
            }
            if rows.num_rows() > 0 {
                kept.write(rows).await?;
            }
            if let (Some(refused), 1..) = (&mut refused, split.quarantined.num_rows()) {
                let rows = columns::conform(&split.quarantined, &visible)?;
                let mut arrays = rows.columns().to_vec();
                arrays.push(splitter.names(&split.failed));
                let rows = RecordBatch::try_new(quarantine_schema(&visible), arrays)
                    .map_err(|e| Error::internal("put refused rows together").caused_by(e))?;
                refused.write(rows).await?;
            }
        }
        drop(stream);
        let mut reads = Reads::default();
        reads.add_full(&execution.ran);
        let refused = match refused {
            Some(writer) => Some(writer.finish().await?),
            None => None,
        };
        Ok(Written {
            schema,
            visible,
            kept: kept.finish().await?,
            refused,
            counts: splitter.counts(),
            reads,
        })
    }

    /// A quarantine is written where rows can go there, and where rows of an older definition are.
    fn quarantine_writer(&self, schema: &SchemaRef) -> Result<Option<TableWriter>> {
        if !has_quarantine(self.view) && self.quarantine_head.is_none() {
            return Ok(None);
        }
        let location = self.lake.location(&self.relation.name.quarantine());
        self.lake.writer(&location, &self.quarantine_spec(schema)).map(Some)
    }

    /// Commits rows, the versions they were computed from, and `more` to remember; `None` when another
    /// commit came first.
    pub(super) async fn commit(
        &self,
        name: &RelationName,
        base: Option<Table>,
        spec: TableSpec,
        files: DataFiles,
        mode: CommitMode,
        more: Vec<(String, i64)>,
    ) -> Result<Option<Table>> {
        let mut progress = progress::progress(self.relation.id, self.sources);
        progress.extend(more);
        let incremental = base.is_some() && mode != CommitMode::Overwrite;
        progress.extend(progress::marks(self.relation.id, self.context.now, incremental));
        let outcome = self
            .lake
            .commit(Commit {
                location: self.lake.location(name),
                mode,
                base,
                spec,
                files,
                progress,
                run: Some(self.run.id),
                operation: "REFRESH",
            })
            .await?;
        match outcome {
            CommitOutcome::Committed(table) => Ok(Some(table)),
            CommitOutcome::Conflict(why) => {
                tracing::info!(relation = %name, why, "another refresh of this view came first");
                Ok(None)
            }
        }
    }

    /// Rows lie by their key, else by their first date or time; files are small enough that a change
    /// costs little, and few enough to be listed.
    pub(super) fn layout(&self, schema: &SchemaRef) -> Layout {
        let is_time = |field: &&Arc<Field>| {
            matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(..))
        };
        let time = || schema.fields().iter().find(is_time).map(|field| field.name().clone());
        let bytes = self.head.as_ref().map_or(0, |head| head.files().1);
        Layout {
            by: self.view.primary_key.first().cloned().or_else(time),
            file_bytes: Some((bytes / FILES_WANTED).clamp(FILE_BYTES_MIN, FILE_BYTES_MAX)),
        }
    }

    /// Microseconds since the computation began.
    pub(super) fn elapsed_us(&self) -> u64 {
        self.micros_since(self.started)
    }

    fn micros_since(&self, then: Instant) -> u64 {
        let elapsed = self.lake.clock().instant().saturating_duration_since(then);
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn spec(&self, schema: &SchemaRef) -> TableSpec {
        TableSpec {
            schema: Arc::clone(schema),
            partition_by: self.view.partition_by.clone(),
            comment: self.relation.comment.clone(),
            properties: self.properties(),
        }
    }

    fn properties(&self) -> BTreeMap<String, String> {
        let mut properties = progress::properties(&self.relation.definition_hash);
        if self.view.deletion_vectors {
            properties.insert(DELETION_VECTORS.to_owned(), "true".to_owned());
        }
        properties
    }

    pub(super) fn quarantine_spec(&self, schema: &SchemaRef) -> TableSpec {
        let comment =
            format!("Rows that {} refused, with the expectations they failed.", self.relation.name);
        TableSpec {
            schema: quarantine_schema(schema),
            partition_by: Vec::new(),
            comment: Some(comment),
            properties: self.properties(),
        }
    }

    fn figures(&self, written: &Written) -> Figures {
        let (files_added, bytes_written) = written.kept.files();
        let (rows_read, bytes_read) = written.reads.total();
        Figures {
            rows_read,
            rows_written: written.kept.rows(),
            rows_quarantined: 0,
            bytes_read,
            bytes_written,
            files_added,
            files_removed: self.head.as_ref().map_or(0, |head| head.files().0),
            weighed: None,
        }
    }
}

fn overwriting(base: Option<&Table>) -> CommitMode {
    if base.is_some() { CommitMode::Overwrite } else { CommitMode::Append }
}

/// A view's quarantine has the view's columns and the names of the expectations each row failed.
pub(super) fn quarantine_schema(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(constraints_field()));
    Arc::new(Schema::new(fields))
}
