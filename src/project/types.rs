//! Types of every view, worked out in a lake that exists in memory for as long as it takes.
//!
//! Each relation whose columns are known is made there, empty, sources first; planning the next one
//! over it says what its columns are, or what is wrong with it. What a wrong or unknown relation
//! feeds is left out: one mistake, one message.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::catalog::{self, CatalogState, Desired, FileError, Function, Relation, RelationKind};
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest;
use crate::lake::{Commit, CommitMode, CommitOutcome, DataFiles, Lake, LakeRoot, Run, RunKind};
use crate::lake::{Location, TableSpec};
use crate::matview;
use crate::name::RelationName;
use crate::query::{Engine, Snapshot};
use crate::session::Services;
use crate::syntax::Query;

use super::Failure;
use super::open::assemble;

/// Types what the files define. `services`, where there is a lake, knows columns that were inferred.
///
/// # Errors
/// Every mistake, with its place.
pub(super) async fn check_types(
    desired: &Desired,
    services: Option<&Services>,
) -> Result<(), Failure> {
    typed(desired, services).await.map(drop)
}

/// As [`check_types`]; the columns of every relation that is stored and whose columns are known.
pub(super) async fn typed(
    desired: &Desired,
    services: Option<&Services>,
) -> Result<BTreeMap<RelationName, SchemaRef>, Failure> {
    let scratch = Scratch::open(desired, services).await?;
    let mut schemas = BTreeMap::new();
    let mut mistakes = Vec::new();
    let mut unknown = BTreeSet::new();
    for function in scratch.state.functions.values() {
        if let Err(error) = scratch.called(function).await {
            let file = function.file.clone().unwrap_or_else(|| function.name.to_string());
            let error = Error::new(error.kind(), error.message().to_owned())
                .within(format!("function {}", function.name));
            mistakes.push(FileError { file: file.into(), line: 1, column: 1, error });
        }
    }
    for relation in scratch.in_order()? {
        let columns = match scratch.reads_unknown(&relation, &unknown) {
            true => Ok(None),
            false => scratch.columns(&relation).await,
        };
        match columns {
            Ok(Some(Columns::Stored(schema))) => {
                schemas.insert(relation.name.clone(), Arc::clone(&schema));
                scratch.make(&relation, schema).await?;
            }
            Ok(Some(Columns::Seen)) => {}
            Ok(None) => {
                unknown.insert(relation.name.clone());
            }
            Err(error) if error.kind() == ErrorKind::InternalError => return Err(error.into()),
            Err(error) => {
                unknown.insert(relation.name.clone());
                mistakes.push(place(desired, &relation, error));
            }
        }
    }
    // A process that ends while its lake is looked after complains of it.
    scratch.lake.settle().await;
    match mistakes.is_empty() {
        true => Ok(schemas),
        false => Err(Failure::Files(mistakes)),
    }
}

/// What is known of a relation's columns.
enum Columns {
    /// A table is to be made of them.
    Stored(SchemaRef),
    /// Whoever reads the relation sees them by itself.
    Seen,
}

/// The lake in memory.
struct Scratch<'a> {
    services: Option<&'a Services>,
    lake: Lake,
    engine: Arc<Engine>,
    state: Arc<CatalogState>,
    snapshot: Arc<Snapshot>,
    run: Run,
}

impl<'a> Scratch<'a> {
    async fn open(desired: &Desired, services: Option<&'a Services>) -> Result<Self, Failure> {
        let config = services.map_or_else(Arc::default, |services| Arc::clone(&services.config));
        let lake = Lake::open(LakeRoot::Memory, Arc::new(SystemClock)).await?;
        // All parts, because a view may read what any of them says in `lakeport`.
        let parts = assemble(lake.clone(), config, PathBuf::new()).await?;
        let engine = Arc::clone(&parts.engine);
        let base = lake.epoch();
        let plan = catalog::plan_apply(&*parts.catalog.at(&base).await?, desired)?;
        let state = Arc::new(plan.state);
        let snapshot = Arc::new(Snapshot {
            epoch: base,
            catalog: Arc::clone(&state),
            grants: Arc::clone(&state),
            pinned: Default::default(),
            as_of: false,
        });
        Ok(Self { services, lake, engine, state, snapshot, run: Run::start(RunKind::Apply) })
    }

    /// Plans a call of a function.
    async fn called(&self, function: &Function) -> Result<()> {
        let now = self.lake.clock().now();
        let owner = function.owner.clone();
        let context = self.engine.server_context(owner, Arc::clone(&self.snapshot), now);
        self.engine.plan(&function.probe(&self.state)?, &context, &[]).await.map(drop)
    }

    /// What the files define, sources before what reads them.
    fn in_order(&self) -> Result<Vec<Arc<Relation>>> {
        let mut order = self.state.refresh_order()?;
        let placed: BTreeSet<RelationName> = order.iter().map(|r| r.name.clone()).collect();
        let rest = self.state.relations.values().filter(|r| !placed.contains(&r.name));
        // What no view reads is typed all the same; external tables come first.
        let (views, mut tables): (Vec<_>, Vec<_>) =
            rest.cloned().partition(|relation| matches!(relation.kind, RelationKind::View { .. }));
        tables.append(&mut order);
        tables.extend(views);
        Ok(tables)
    }

    fn reads_unknown(&self, relation: &Relation, unknown: &BTreeSet<RelationName>) -> bool {
        sources(relation).iter().any(|source| unknown.contains(source))
    }

    /// The columns a relation has; `None` where only its files or its owner know.
    async fn columns(&self, relation: &Relation) -> Result<Option<Columns>> {
        let now = self.lake.clock().now();
        let owner = relation.owner.clone();
        let context = self.engine.server_context(owner, Arc::clone(&self.snapshot), now);
        Ok(match &relation.kind {
            RelationKind::Streaming(_) => {
                let stored = self.stored(relation).await?;
                let stored = stored.as_ref();
                ingest::declared_columns(&self.engine, relation, stored, context)
                    .await?
                    .map(Columns::Stored)
            }
            RelationKind::MaterializedView(_) => {
                Some(Columns::Stored(matview::check_view(&self.engine, relation, &context).await?))
            }
            RelationKind::View { query } => {
                let plan = self.engine.plan(&Query::parse(query)?, &context, &[]).await?;
                if relation.columns.is_empty() {
                    plan.check_distinct_columns()?;
                }
                Some(Columns::Seen)
            }
            RelationKind::External { location } => {
                let reachable = async {
                    let location = self.lake.external_location(location)?;
                    self.lake.newest(&location).await
                };
                // One that cannot be reached from here may be reachable from where it is served.
                reachable.await.ok().flatten().map(|_| Columns::Seen)
            }
            RelationKind::Files(_) => {
                let text = format!("SELECT * FROM {}", relation.name.quoted());
                let plan = self.engine.plan(&Query::parse(&text)?, &context, &[]).await;
                // As above.
                plan.ok().map(|_| Columns::Seen)
            }
            RelationKind::Table { .. } | RelationKind::Quarantine { .. } => None,
        })
    }

    /// The columns a relation has in the lake.
    async fn stored(&self, relation: &Relation) -> Result<Option<SchemaRef>> {
        let Some(services) = self.services else { return Ok(None) };
        let epoch = services.lake.epoch();
        let current = services.catalog.at(&epoch).await?;
        let published =
            current.relation(&relation.name).and_then(|current| epoch.relations.get(&current.id));
        let Some(published) = published else { return Ok(None) };
        let table = services.lake.at_version(&published.location, published.version).await?;
        Ok(Some(table.schema()))
    }

    /// Makes the relation, empty, for what reads it.
    async fn make(&self, relation: &Relation, schema: SchemaRef) -> Result<()> {
        let location: Location = self.lake.location(relation.place());
        let commit = Commit {
            location: location.clone(),
            base: None,
            spec: TableSpec {
                schema,
                partition_by: Vec::new(),
                comment: None,
                properties: Default::default(),
            },
            mode: CommitMode::Append,
            files: DataFiles::default(),
            progress: Vec::new(),
            run: Some(self.run.id),
            operation: "CHECK",
        };
        match self.lake.commit(commit).await? {
            CommitOutcome::Committed(table) => {
                let mut pinned =
                    self.snapshot.pinned.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                pinned.insert(location, table);
                Ok(())
            }
            CommitOutcome::Conflict(why) => Err(Error::internal(why)),
        }
    }
}

/// Relations a view names, plain views not seen through: they stand in the order themselves.
fn sources(relation: &Relation) -> Vec<RelationName> {
    match &relation.kind {
        RelationKind::MaterializedView(view) => view.sources.clone(),
        RelationKind::View { query } => {
            let query = Query::parse(query);
            let references = query.iter().flat_map(Query::references);
            references
                .map(|reference| {
                    let schema = reference.schema.clone().unwrap_or_else(|| "public".to_owned());
                    RelationName::new(schema, reference.relation.clone())
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Puts an error where the view's query has it.
fn place(desired: &Desired, relation: &Relation, error: Error) -> FileError {
    let into_query = error.position();
    let mut mistake = desired.mistake(&relation.name, error);
    let query = match &relation.kind {
        RelationKind::MaterializedView(view) => &view.query,
        RelationKind::View { query } => query,
        RelationKind::Streaming(table) => &table.query,
        _ => return mistake,
    };
    let (Some(position), Some(start)) = (into_query, relation.definition.find(query.as_str()))
    else {
        return mistake;
    };
    let within = query.char_indices().nth(position.saturating_sub(1)).map_or(0, |(at, _)| at);
    let before = relation.definition.get(..start + within).unwrap_or_default();
    match before.rsplit_once('\n') {
        Some((lines, line)) => {
            mistake.line += lines.matches('\n').count() + 1;
            mistake.column = line.chars().count() + 1;
        }
        None => mistake.column += before.chars().count(),
    }
    mistake
}
