//! One batch: the files of one list, read, refused lines first, then the table, each in one commit.
//!
//! Both commits carry `txn(ingest/<table>, n)`, so whoever runs list n again sees which of them are
//! there already, and of two servers running it one conflicts.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt as _;

use crate::catalog::{Relation, StreamingTable};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Commit, CommitMode, CommitOutcome, DataFiles, Lake, Run, Table, TableSpec};
use crate::matview::expectations::{ExpectationCount, Splitter, flagged_query};
use crate::name::{RelationId, RelationName};
use crate::query::{AuthorizedPlan, Context, Engine, Snapshot};
use crate::syntax::{Query, STREAM_RELATION};
use crate::telemetry::Steps;

use super::blocking::in_runs;
use super::history::{FileRow, FileState};
use super::layout::{Layout, METADATA};
use super::ledger::{FileList, ListedFile};
use super::listing::{self, FoundFile, Reach, Roots};
use super::load::FileOutcome;
use super::options::ReadOptions;
use super::output::Output;
use super::quarantine::{self, QuarantineWriter};
use super::stream::FileStream;

/// Commits tried again on other people's commits before a batch gives up.
const CONFLICTS_MAX: u32 = 20;

/// Where a batch runs.
pub(crate) struct BatchRun<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) engine: &'a Arc<Engine>,
    pub(crate) roots: &'a Roots,
    pub(crate) line_bytes_max: usize,
    pub(crate) run: &'a Run,
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) relation: &'a Relation,
    pub(crate) quarantine: &'a Relation,
    pub(crate) steps: &'a Steps,
}

/// What a batch did.
#[derive(Debug, Default)]
pub(crate) struct BatchReport {
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) quarantined: u64,
    pub(crate) history: Vec<FileRow>,
    pub(crate) expectations: Vec<ExpectationCount>,
}

/// The application id that a table and its quarantine record their last batch under.
pub(crate) fn progress_id(table_id: RelationId) -> String {
    format!("ingest/{table_id}")
}

/// What was written, before any of it is committed.
struct Written {
    rows: DataFiles,
    refused: DataFiles,
    spec: TableSpec,
    outcomes: HashMap<String, FileOutcome>,
    expectations: Vec<ExpectationCount>,
}

impl BatchRun<'_> {
    /// Runs a list. `None` when another server committed it first. `verify` reads every file's
    /// content before use, which a list needs that was not written a moment ago.
    pub(crate) async fn run(&self, list: &FileList, verify: bool) -> Result<Option<BatchReport>> {
        let (present, absent) = self.present(list, verify).await?;
        let location = self.lake.location(&self.relation.name);
        let base = self.lake.newest(&location).await?;
        let written = self.write(list, base.as_ref(), present.clone()).await?;
        self.check_unchanged(&present).await?;
        let refused_rows = written.refused.rows();
        self.commit_quarantine(list, written.refused).await?;
        let rows = written.rows.rows();
        if !self.commit_rows(list, written.spec, written.rows).await? {
            return Ok(None);
        }
        let mut report = BatchReport {
            files: present.len() as u64,
            rows,
            quarantined: refused_rows,
            history: Vec::new(),
            expectations: written.expectations,
        };
        for file in &list.files {
            let outcome = written.outcomes.get(&file.path);
            let state = match (absent.get(&file.path), outcome) {
                (Some(state), _) => *state,
                (None, Some(outcome)) if outcome.error.is_some() => FileState::Failed,
                _ => FileState::Ingested,
            };
            report.history.push(self.row(list, file, state, outcome));
        }
        Ok(Some(report))
    }

    fn row(
        &self,
        list: &FileList,
        file: &ListedFile,
        state: FileState,
        outcome: Option<&FileOutcome>,
    ) -> FileRow {
        if state != FileState::Ingested {
            let error = outcome.and_then(|outcome| outcome.error.as_deref()).unwrap_or_default();
            tracing::warn!(relation = %list.table, path = %file.path, ?state, error, "landing file");
        }
        FileRow {
            table: list.table.clone(),
            table_id: list.table_id,
            file: file.clone(),
            batch: list.batch,
            state,
            rows: Some(outcome.map_or(0, |outcome| outcome.rows)),
            quarantined: Some(outcome.map_or(0, |outcome| outcome.refused)),
            error: outcome.and_then(|outcome| outcome.error.clone()),
            ingested_at: list.listed_at,
            run_id: self.run.id,
        }
    }

    /// The listed files that are as they were listed, and what became of the others.
    async fn present(
        &self,
        list: &FileList,
        verify: bool,
    ) -> Result<(Vec<Arc<FoundFile>>, HashMap<String, FileState>)> {
        let reach = self.roots.reach();
        let looked = in_runs(list.files.clone(), move |files| {
            let look = |file: ListedFile| {
                let found = look(&reach, &file, verify)?;
                Ok((file.path, found))
            };
            files.into_iter().map(look).collect::<Result<Vec<_>>>()
        })
        .await?;
        let (mut present, mut absent) = (Vec::new(), HashMap::new());
        for (path, found) in looked.into_iter().flatten() {
            match found {
                Ok(found) => present.push(Arc::new(found)),
                Err(state) => {
                    absent.insert(path, state);
                }
            }
        }
        Ok((present, absent))
    }

    /// A file that changed while it was read may have been read half and half.
    async fn check_unchanged(&self, files: &[Arc<FoundFile>]) -> Result<()> {
        let reach = self.roots.reach();
        in_runs(files.to_vec(), move |files| {
            for file in files {
                let now = reach.locate(&file.path)?;
                if now.is_none_or(|now| now.size != file.size || now.modified != file.modified) {
                    return Err(Error::new(
                        ErrorKind::IoError,
                        format!("file \"{}\" changed while it was read", file.path),
                    )
                    .hint(
                        "Write files under a name that ends in .tmp and rename them when done.",
                    ));
                }
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    async fn write(
        &self,
        list: &FileList,
        base: Option<&Table>,
        files: Vec<Arc<FoundFile>>,
    ) -> Result<Written> {
        let definition = &list.definition;
        let layout = Layout {
            options: ReadOptions::of(definition, &list.declared)?,
            columns: list.columns.clone(),
            metadata: METADATA
                .into_iter()
                .filter(|name| mentions(&definition.query, name))
                .collect(),
            ingested_at: list.listed_at,
            line_bytes_max: self.line_bytes_max,
        };
        let place = self.lake.location(&self.quarantine.name);
        let quarantine = QuarantineWriter::start(self.lake, &place, list.batch)?;
        let table = self.relation.name.to_string();
        let (steps, of) = (self.steps.clone(), files.len() as u64);
        let told = Steps::new(move |_, done, _| steps.tell(&table, done, of));
        told.tell("", 0, of);
        let stream = FileStream::new(layout, quarantine.sender(), told);
        let mut context = self.engine.server_context(
            self.relation.owner.clone(),
            Arc::clone(self.snapshot),
            list.listed_at,
        );
        context.extra.insert(STREAM_RELATION.to_owned(), stream.provider(files)?);
        let plan = self.plan(definition, &context).await?;
        let output = Output::new(&plan.schema(), definition, list, base)?;
        let spec = self.spec(&output, definition, base);
        let mut splitter = Splitter::new(&self.relation.name, &definition.constraints, &[]);
        let rows = self.copy(&plan, &context, &output, &spec, &mut splitter, &quarantine).await?;
        drop((plan, context));
        Ok(Written {
            rows,
            refused: quarantine.finish().await?,
            spec,
            outcomes: stream.outcomes(),
            expectations: splitter.counts(),
        })
    }

    async fn plan(&self, definition: &StreamingTable, context: &Context) -> Result<AuthorizedPlan> {
        let text = if definition.constraints.is_empty() {
            definition.query.clone()
        } else {
            flagged_query(&self.relation.name, &definition.query, None, &definition.constraints)
        };
        self.engine.plan(&Query::parse(&text)?, context, &[]).await
    }

    fn spec(
        &self,
        output: &Output,
        definition: &StreamingTable,
        base: Option<&Table>,
    ) -> TableSpec {
        let mut spec = TableSpec::of(Arc::clone(&output.schema));
        spec.partition_by = match base {
            Some(base) => base.spec().partition_by,
            None => definition.partition_by.clone(),
        };
        spec.comment = self.relation.comment.clone();
        if let Some(base) = base {
            spec.properties = base.spec().properties;
        }
        spec
    }

    /// Runs the query into the table's files.
    async fn copy(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
        output: &Output,
        spec: &TableSpec,
        splitter: &mut Splitter,
        quarantine: &QuarantineWriter,
    ) -> Result<DataFiles> {
        let location = self.lake.location(&self.relation.name);
        let mut writer = self.lake.writer(&location, spec)?;
        let refused = quarantine.sender();
        let mut execution = self.engine.execute(plan, context, Vec::new()).await?;
        while let Some(batch) = execution.stream.next().await {
            let batch = batch.map_err(Engine::error)?;
            let split = splitter.split(&batch)?;
            for row in 0..split.quarantined.num_rows() {
                let refused_row =
                    output.refused(&split.quarantined, row, splitter, &split.failed)?;
                if refused.send(Some(refused_row)).await.is_err() {
                    // Its task has failed; finishing it says why.
                    return Err(Error::new(ErrorKind::IoError, "quarantine cannot be written"));
                }
            }
            writer.write(output.rows(&split.kept)?).await?;
        }
        writer.finish().await
    }

    /// Commits refused lines, unless this batch's are there already.
    async fn commit_quarantine(&self, list: &FileList, files: DataFiles) -> Result<()> {
        let location = self.lake.location(&self.quarantine.name);
        // With the first batch the table is made, also empty, so that it can be queried.
        if files.rows() == 0 && self.lake.newest(&location).await?.is_some() {
            return Ok(());
        }
        let spec = quarantine::spec(&self.relation.name.to_string());
        let committed = self.commit(&self.quarantine.name, list, spec, files).await?;
        if !committed {
            tracing::debug!(relation = %list.table, batch = list.batch, "quarantine was there");
        }
        Ok(())
    }

    async fn commit_rows(
        &self,
        list: &FileList,
        spec: TableSpec,
        files: DataFiles,
    ) -> Result<bool> {
        self.commit(&self.relation.name, list, spec, files).await
    }

    /// Commits with the batch's progress; false when that is recorded already.
    async fn commit(
        &self,
        name: &RelationName,
        list: &FileList,
        spec: TableSpec,
        files: DataFiles,
    ) -> Result<bool> {
        let location = self.lake.location(name);
        let id = progress_id(self.relation.id);
        let mut lost = String::new();
        for _ in 0..CONFLICTS_MAX {
            let base = self.lake.newest(&location).await?;
            if let Some(base) = &base
                && base.progress(&id).await?.is_some_and(|done| done >= list.batch)
            {
                return Ok(false);
            }
            let commit = Commit {
                location: location.clone(),
                base,
                spec: spec.clone(),
                mode: CommitMode::Append,
                files: files.clone(),
                progress: vec![(id.clone(), list.batch)],
                run: Some(self.run.id),
                operation: "INGEST",
            };
            match self.lake.commit(commit).await? {
                CommitOutcome::Committed(_) => return Ok(true),
                CommitOutcome::Conflict(why) => lost = why,
            }
        }
        Err(Error::new(
            ErrorKind::SerializationFailure,
            format!("{name} could not be written: other commits came first"),
        )
        .detail(format!("{lost}.")))
    }
}

/// Whether a listed file is still what was listed; the inner error says what it is instead.
fn look(
    reach: &Reach,
    file: &ListedFile,
    verify: bool,
) -> Result<std::result::Result<FoundFile, FileState>> {
    let Some(found) = reach.locate(&file.path)? else {
        return Ok(Err(FileState::Missing));
    };
    if found.size != file.size {
        return Ok(Err(FileState::Changed));
    }
    if verify || found.modified != file.modified {
        let (hash, _) = match listing::hash(&found.absolute) {
            Ok(hashed) => hashed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Err(FileState::Missing));
            }
            Err(error) => {
                let what = format!("could not read \"{}\"", file.path);
                return Err(listing::io_error(&what, error));
            }
        };
        if hash != file.hash {
            return Ok(Err(FileState::Changed));
        }
    }
    Ok(Ok(found))
}

/// Whether the query may read a column of `_metadata`: it says `_metadata.x`, and the planner
/// `_metadata_x`. One too many costs a column that is left out again.
fn mentions(query: &str, column: &str) -> bool {
    let field = column.trim_start_matches("_metadata_");
    query.to_lowercase().contains(field)
}
