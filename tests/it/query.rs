//! SQL through the engine, over a lake in memory: answers, types, errors, time travel, limits.

mod answers;
mod errors;
mod reading;
mod running;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{TimeZone, Utc};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;
use lakeport::catalog::{
    Catalog, CatalogState, GrantEntry, MaterializedView, Relation, RelationKind, Role, SchemaObject,
};
use lakeport::clock::ManualClock;
use lakeport::config::Config;
use lakeport::error::{Error, ErrorKind};
use lakeport::lake::{
    Commit, CommitMode, CommitOutcome, Lake, LakeRoot, Published, Run, RunKind, Table, TableSpec,
};
use lakeport::name::{RelationId, RelationName, RoleName};
use lakeport::query::{Context, Engine, Snapshot};
use lakeport::syntax::{Privilege, Query, RefreshPolicy, RoleOptions};

/// A lake with an engine over it, and the catalog as the test wants it.
pub(crate) struct Lab {
    pub(crate) lake: Lake,
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) state: CatalogState,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let start = Utc.with_ymd_and_hms(2026, 10, 31, 12, 0, 0).unwrap();
        let clock = ManualClock::new(start);
        let lake = Lake::open(LakeRoot::Memory, Arc::clone(&clock) as _).await.unwrap();
        let catalog = Catalog::open(lake.clone()).await.unwrap();
        let engine = Engine::new(lake.clone(), catalog, Arc::new(config)).unwrap();
        let mut lab = Self { lake, engine, clock, state: CatalogState::default() };
        lab.role("lakeport", true, &[]);
        for schema in ["silver", "gold_finance", "sandbox", "public", "quarantine"] {
            let object = SchemaObject { name: schema.to_owned(), file: None };
            lab.state.schemas.insert(schema.to_owned(), object);
        }
        lab
    }

    pub(crate) fn role(&mut self, name: &str, superuser: bool, member_of: &[&str]) {
        let role = Role {
            name: RoleName(name.to_owned()),
            options: RoleOptions { login: true, superuser },
            file: None,
            member_of: member_of.iter().map(|role| RoleName((*role).to_owned())).collect(),
        };
        self.state.roles.insert(role.name.clone(), role);
    }

    pub(crate) fn grant(&mut self, role: &str, schema: &str, relation: Option<&str>) {
        self.grant_privilege(role, Privilege::Select, schema, relation);
    }

    pub(crate) fn grant_privilege(
        &mut self,
        role: &str,
        privilege: Privilege,
        schema: &str,
        relation: Option<&str>,
    ) {
        self.state.grants.insert(GrantEntry {
            role: RoleName(role.to_owned()),
            privilege,
            schema: schema.to_owned(),
            relation: relation.map(str::to_owned),
        });
    }

    pub(crate) fn relation(&mut self, name: &str, kind: RelationKind) -> Arc<Relation> {
        let name: RelationName = name.parse().unwrap();
        let relation = Arc::new(Relation {
            id: RelationId::random(),
            name: name.clone(),
            owner: RoleName::lakeport(),
            comment: None,
            columns: Vec::new(),
            definition: String::new(),
            definition_hash: String::new(),
            file: None,
            kind,
        });
        self.state.relations.insert(name, Arc::clone(&relation));
        relation
    }

    pub(crate) fn matview(&mut self, name: &str) -> Arc<Relation> {
        let view = MaterializedView {
            query: "SELECT 1".to_owned(),
            constraints: Vec::new(),
            primary_key: Vec::new(),
            partition_by: Vec::new(),
            schedule: None,
            trigger: None,
            policy: RefreshPolicy::Auto,
            deletion_vectors: false,
            sources: Vec::new(),
            pending: None,
        };
        self.relation(name, RelationKind::MaterializedView(view))
    }

    pub(crate) fn view(&mut self, name: &str, query: &str) -> Arc<Relation> {
        self.relation(name, RelationKind::View { query: query.to_owned() })
    }

    /// A new version of the relation's table holding `n` from 1 to `rows`.
    pub(crate) async fn write(&self, relation: &Relation, rows: i64) -> Table {
        let location = self.lake.location(&relation.name);
        let base = self.lake.newest(&location).await.unwrap();
        let batch = numbers(rows);
        let spec = TableSpec::of(batch.schema());
        let mut writer = self.lake.writer(&location, &spec).unwrap();
        writer.write(batch).await.unwrap();
        let commit = Commit {
            location,
            base,
            spec,
            mode: CommitMode::Overwrite,
            files: writer.finish().await.unwrap(),
            progress: Vec::new(),
            run: None,
            operation: "WRITE",
        };
        match self.lake.commit(commit).await.unwrap() {
            CommitOutcome::Committed(table) => table,
            CommitOutcome::Conflict(why) => panic!("conflict: {why}"),
        }
    }

    pub(crate) async fn publish(&self, relation: &Relation, table: &Table) {
        let row = Published {
            relation_id: relation.id,
            location: table.location().clone(),
            version: table.version(),
            read_only: false,
        };
        self.lake.publish(&Run::start(RunKind::Refresh), vec![row]).await.unwrap();
    }

    pub(crate) fn context(&self, role: &str) -> Context {
        let state = Arc::new(self.state.clone());
        let snapshot = Snapshot {
            epoch: self.lake.epoch(),
            catalog: Arc::clone(&state),
            grants: state,
            pinned: Default::default(),
            as_of: false,
        };
        let now = Utc.with_ymd_and_hms(2026, 10, 31, 12, 0, 0).unwrap();
        self.engine.server_context(RoleName(role.to_owned()), Arc::new(snapshot), now)
    }

    pub(crate) async fn ask(&self, sql: &str) -> Result<Vec<String>, Error> {
        self.ask_as("lakeport", sql).await
    }

    pub(crate) async fn ask_as(&self, role: &str, sql: &str) -> Result<Vec<String>, Error> {
        self.ask_in(&self.context(role), sql, Vec::new()).await
    }

    pub(crate) async fn ask_in(
        &self,
        context: &Context,
        sql: &str,
        parameters: Vec<ScalarValue>,
    ) -> Result<Vec<String>, Error> {
        let query = Query::parse(sql)?;
        let plan = self.engine.plan(&query, context, &[]).await?;
        let mut stream = self.engine.execute(&plan, context, parameters).await?.stream;
        let mut rows = Vec::new();
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(Engine::error)?;
            assert_eq!(batch.schema(), plan.schema(), "{sql}: batches have the promised columns");
            rows.extend(lines(&batch));
        }
        Ok(rows)
    }
}

pub(crate) fn numbers(rows: i64) -> RecordBatch {
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=rows));
    let words = (1..=rows).map(|n| format!("row {n}"));
    let name: ArrayRef = Arc::new(StringArray::from_iter_values(words));
    RecordBatch::try_from_iter([("n", n), ("name", name)]).unwrap()
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            let values: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            values.join("|")
        })
        .collect()
}

/// Checks each statement's rows, and reports all that differ at once.
async fn check_answers(lab: &Lab, cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        match lab.ask(sql).await {
            Ok(rows) if rows == *expected => {}
            Ok(rows) => wrong.push(format!("{sql}\n  is       {rows:?}\n  not      {expected:?}")),
            Err(error) => wrong.push(format!(
                "{sql}\n  fails    {} {error:?}\n  expected {expected:?}",
                error.kind().sqlstate()
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks each statement's SQLSTATE and message, and reports all that differ at once.
async fn check_errors(lab: &Lab, cases: &[(&str, ErrorKind, &str)]) {
    let mut wrong = Vec::new();
    for (sql, kind, message) in cases {
        match lab.ask(sql).await {
            Err(error) if error.kind() == *kind && error.message() == *message => {}
            Err(error) => wrong.push(format!(
                "{sql}\n  fails    {:?} {}\n  not      {kind:?} {message}\n  source   {error:?}",
                error.kind(),
                error.message()
            )),
            Ok(rows) => wrong.push(format!("{sql}\n  answers  {rows:?}\n  not      {message}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
