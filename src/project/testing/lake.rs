//! The lake of one test: given rows in, refreshed views out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use futures::StreamExt as _;

use crate::catalog::{FileError, Relation, RelationKind};
use crate::clock::{Clock, ManualClock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest;
use crate::lake::{
    Commit, CommitMode, CommitOutcome, LakeRoot, Published, Run, RunKind, TableSpec,
};
use crate::matview::{RefreshRequest, ViewState};
use crate::name::{RelationName, RoleName};
use crate::query::{Context, Engine, cast_array};
use crate::session::Services;
use crate::syntax::Query;

use super::super::Failure;
use super::super::open::open_at;
use super::case::{Case, Rows};
use super::compare::{difference, rows};
use super::needed::Needed;
use super::{Deployment, TestFailure, TestOutcome};

/// Runs a test. That it fails is an outcome; that it makes no sense is an error.
pub(super) async fn run(deployment: &Deployment, case: &Case) -> Result<TestOutcome, Failure> {
    let needed = Needed::of(deployment, case).map_err(|mistake| Failure::Files(vec![mistake]))?;
    let clock: Arc<dyn Clock> = match case.now {
        Some(now) => ManualClock::new(now),
        None => Arc::new(SystemClock),
    };
    let config = deployment.config.clone();
    let services = open_at(LakeRoot::Memory, &deployment.paths, config, clock).await?;
    let lake = TestLake { deployment, case, needed, services };
    lake.fill().await.map_err(|mistake| Failure::Files(vec![mistake]))?;
    let broken = lake.refresh().await?;
    let mut failures = Vec::new();
    for expect in &case.expects {
        failures.extend(lake.amiss(expect, &broken).await);
    }
    lake.services.lake.settle().await;
    let Case { file, line, name, .. } = case.clone();
    Ok(TestOutcome { file, line, name, failures })
}

struct TestLake<'a> {
    deployment: &'a Deployment,
    case: &'a Case,
    needed: Needed,
    services: Arc<Services>,
}

impl TestLake<'_> {
    /// Publishes the catalog and the tables, as one epoch.
    async fn fill(&self) -> Result<(), FileError> {
        let run = Run::start(RunKind::Apply);
        let lake = &self.services.lake;
        let whole = |error: Error| self.case.expects[0].mistake(error);
        let base = lake.epoch();
        let catalog = self.services.catalog.write(&run, &base, &self.needed.state).await;
        let mut published = vec![catalog.map_err(whole)?];
        lake.publish(&run, published.clone()).await.map_err(whole)?;
        published.clear();
        for relation in &self.needed.tables {
            let given = self.case.givens.iter().find(|given| given.relation == relation.name);
            let made = match given {
                Some(given) => self.given(relation, given).await.map_err(|e| given.mistake(e))?,
                None => self.schema(relation).map(|schema| (schema, Vec::new())),
            };
            // Without rows and a column list nobody knows its columns; who reads it says so.
            let Some((schema, batches)) = made else { continue };
            let row = self.make(&run, relation, schema, batches).await.map_err(whole)?;
            if relation.kind.is_maintained() {
                published.push(row);
            }
        }
        lake.publish(&run, published).await.map_err(whole)?;
        Ok(())
    }

    /// The columns a relation has, all of which may be NULL in a test.
    fn schema(&self, relation: &Relation) -> Option<SchemaRef> {
        let schema = self.deployment.schemas.get(&relation.name)?;
        let fields = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
        Some(Arc::new(Schema::new(fields.collect::<Vec<Field>>())))
    }

    async fn given(
        &self,
        relation: &Relation,
        given: &Rows,
    ) -> Result<Option<(SchemaRef, Vec<RecordBatch>)>> {
        let Some(values) = &given.values else {
            return Ok(self.schema(relation).map(|schema| (schema, Vec::new())));
        };
        let context = self.context().await?;
        let (types, batches) = self.read(values, &context).await?;
        check_width(given, types.fields().len())?;
        let known = self.schema(relation);
        let named = |at: usize| types.field(at).clone().with_name(&given.columns[at]);
        let schema = match known {
            Some(schema) if columns_are_open(relation) => {
                let mut fields: Vec<Field> =
                    schema.fields().iter().map(|field| field.as_ref().clone()).collect();
                let new = (0..given.columns.len())
                    .filter(|at| schema.index_of(&given.columns[*at]).is_err());
                fields.extend(new.map(|at| named(at).with_nullable(true)));
                Arc::new(Schema::new(fields))
            }
            Some(schema) => schema,
            None => {
                let all = (0..given.columns.len()).map(|at| named(at).with_nullable(true));
                Arc::new(Schema::new(all.collect::<Vec<Field>>()))
            }
        };
        let places = places(given, &schema)?;
        let rows =
            batches.iter().map(|batch| fit(batch, &schema, &places)).collect::<Result<_>>()?;
        Ok(Some((schema, rows)))
    }

    async fn make(
        &self,
        run: &Run,
        relation: &Relation,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Result<Published> {
        let lake = &self.services.lake;
        let location = lake.location(&relation.name);
        let spec = TableSpec::of(schema);
        let mut writer = lake.writer(&location, &spec)?;
        for batch in batches {
            writer.write(batch).await?;
        }
        let commit = Commit {
            location: location.clone(),
            base: None,
            spec,
            mode: CommitMode::Append,
            files: writer.finish().await?,
            progress: Vec::new(),
            run: Some(run.id),
            operation: "TEST",
        };
        match lake.commit(commit).await? {
            CommitOutcome::Committed(table) => Ok(Published {
                relation_id: relation.id,
                location,
                version: table.version(),
                read_only: false,
            }),
            CommitOutcome::Conflict(why) => Err(Error::internal(why)),
        }
    }

    /// Refreshes the views that are not given; those that failed, with their errors.
    async fn refresh(&self) -> Result<BTreeMap<RelationName, Error>> {
        if self.needed.views.is_empty() {
            return Ok(BTreeMap::new());
        }
        let views = Some(self.needed.views.clone());
        let request = RefreshRequest { views, full: false, attempt: 1, steps: Default::default() };
        let report = self.services.refresher.refresh(&request).await?;
        let mut broken = BTreeMap::new();
        for view in report.views {
            let error = match view.state {
                ViewState::Failed(error) => error,
                ViewState::Skipped(source) => match broken.get(&source) {
                    Some(error) => Error::clone(error).within(source.to_string()),
                    None => Error::internal(format!("{source} failed")),
                },
                _ => continue,
            };
            broken.insert(view.view, error);
        }
        Ok(broken)
    }

    /// What an EXPECT finds amiss.
    async fn amiss(
        &self,
        expect: &Rows,
        broken: &BTreeMap<RelationName, Error>,
    ) -> Option<TestFailure> {
        let failed = broken
            .iter()
            .find(|(view, _)| **view == expect.relation || view.quarantine() == expect.relation);
        let compared = match failed {
            Some((_, error)) => Err(error.clone()),
            None => self.compared(expect).await,
        };
        let failure = |error| TestFailure {
            line: expect.place.line,
            relation: expect.relation.to_string(),
            error,
            columns: expect.columns.clone(),
            missing: Vec::new(),
            surplus: Vec::new(),
        };
        match compared {
            Err(error) => Some(failure(Some(error))),
            Ok((missing, surplus)) if missing.is_empty() && surplus.is_empty() => None,
            Ok((missing, surplus)) => Some(TestFailure { missing, surplus, ..failure(None) }),
        }
    }

    async fn compared(&self, expect: &Rows) -> Result<(Vec<Vec<String>>, Vec<Vec<String>>)> {
        let context = self.context().await?;
        let columns = match expect.columns.is_empty() {
            true => "*".to_owned(),
            false => expect.columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(", "),
        };
        let RelationName { schema, relation } = &expect.relation;
        let text = format!("SELECT {columns} FROM {}.{}", quoted(schema), quoted(relation));
        let (shape, actual) = self.read(&Query::parse(&text)?, &context).await?;
        let expected = match &expect.values {
            None => Vec::new(),
            Some(values) => {
                let (given, batches) = self.read(values, &context).await?;
                check_width(expect, given.fields().len())?;
                let places: Vec<Option<usize>> = (0..shape.fields().len()).map(Some).collect();
                let fit = |batch| fit(batch, &shape, &places);
                rows(&batches.iter().map(fit).collect::<Result<Vec<_>>>()?)?
            }
        };
        Ok(difference(expected, rows(&actual)?))
    }

    async fn context(&self) -> Result<Context> {
        let engine = &self.services.engine;
        let snapshot = engine.snapshot().await?;
        let now = self.services.lake.clock().now();
        Ok(engine.server_context(RoleName::lakeport(), snapshot, now))
    }

    async fn read(
        &self,
        query: &Query,
        context: &Context,
    ) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let engine = &self.services.engine;
        let plan = engine.plan(query, context, &[]).await?;
        let schema = plan.schema();
        let mut execution = engine.execute(&plan, context, Vec::new()).await?;
        let mut batches = Vec::new();
        while let Some(batch) = execution.stream.next().await {
            batches.push(batch.map_err(Engine::error)?);
        }
        Ok((schema, batches))
    }
}

/// Files may bring columns that no column list names.
fn columns_are_open(relation: &Relation) -> bool {
    matches!(relation.kind, RelationKind::Streaming(_))
}

fn check_width(rows: &Rows, width: usize) -> Result<()> {
    match rows.columns.len() {
        0 => Ok(()),
        columns if columns == width => Ok(()),
        columns => Err(Error::new(
            ErrorKind::SyntaxError,
            format!("{columns} columns are named but the rows have {width} values"),
        )),
    }
}

/// For each column of the relation, the value's place in a row.
fn places(rows: &Rows, schema: &Schema) -> Result<Vec<Option<usize>>> {
    let mut places = vec![None; schema.fields().len()];
    for (place, column) in rows.columns.iter().enumerate() {
        let at = schema.index_of(column).map_err(|_| {
            let message =
                format!("column \"{column}\" of relation \"{}\" does not exist", rows.relation);
            Error::new(ErrorKind::UndefinedColumn, message)
        })?;
        if places[at].replace(place).is_some() {
            let message = format!("column \"{column}\" specified more than once");
            return Err(Error::new(ErrorKind::DuplicateColumn, message));
        }
    }
    Ok(places)
}

/// Rows as written, in a relation's columns.
fn fit(batch: &RecordBatch, schema: &SchemaRef, places: &[Option<usize>]) -> Result<RecordBatch> {
    let columns = places
        .iter()
        .zip(schema.fields())
        .map(|(place, field)| -> Result<ArrayRef> {
            let kind = field.data_type();
            match place {
                None => Ok(new_null_array(kind, batch.num_rows())),
                Some(place) if kind.is_nested() => {
                    ingest::nested_values(batch.column(*place), kind)
                }
                Some(place) => cast_array(batch.column(*place), kind),
            }
            .map_err(|error| error.within(format!("column \"{}\"", field.name())))
        })
        .collect::<Result<Vec<_>>>()?;
    let fields = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
    RecordBatch::try_new(schema, columns)
        .map_err(|error| Error::internal("rows of a test do not make a batch").caused_by(error))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
