//! REFRESH of streaming tables and materialised views, VERIFY and EXPLAIN of the latter.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::catalog::{self, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::IngestRequest;
use crate::lake::SystemColumns;
use crate::matview::{
    ExplainedOperator, RefreshRequest, Verified, VerifyRequest, VerifyState, ViewState,
    explain_view,
};
use crate::security::{self, Access};
use crate::syntax::{CreateMaterializedView, ObjectName, Privilege, Statement};

use super::connection::Session;
use super::names::Names;
use super::outcome::{Outcome, rows};
use super::running::Running;

/// The columns of VERIFY MATERIALIZED VIEW.
pub(super) fn verify_schema() -> SchemaRef {
    schema(&[
        ("view_name", DataType::Utf8),
        ("state", DataType::Utf8),
        ("rows_checked", DataType::Int64),
        ("rows_missing", DataType::Int64),
        ("rows_surplus", DataType::Int64),
        ("example", DataType::Utf8),
    ])
}

/// The columns of EXPLAIN [CREATE] MATERIALIZED VIEW.
pub(super) fn explain_view_schema() -> SchemaRef {
    schema(&[
        ("operator", DataType::Utf8),
        ("rule", DataType::Utf8),
        ("reason", DataType::Utf8),
        ("hint", DataType::Utf8),
        ("estimated_rows", DataType::Utf8),
        ("estimated_bytes", DataType::Utf8),
        ("last_estimated_rows", DataType::Utf8),
        ("last_rows", DataType::Utf8),
        ("last_bytes", DataType::Utf8),
    ])
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

impl Session {
    /// Statements about a view that answer with rows.
    pub(super) async fn of_views(
        &mut self,
        statement: &Statement,
        text: &str,
        running: &Running,
    ) -> Result<Outcome> {
        let (tag, batch) = match statement {
            Statement::ExplainView { name } => ("EXPLAIN", self.explain_view(name, running).await),
            Statement::ExplainCreateView(create) => {
                ("EXPLAIN", self.explain_create_view(create, text, running).await)
            }
            Statement::Verify { name, sample_percent } => {
                ("VERIFY", self.verify(name, *sample_percent, running).await)
            }
            _ => ("", Err(Error::internal("a statement that is not about a view was to be run"))),
        };
        Ok(rows(tag, batch?))
    }

    /// REFRESH MATERIALIZED VIEW.
    pub(super) async fn refresh(
        &mut self,
        name: &ObjectName,
        full: bool,
        running: &Running,
    ) -> Result<String> {
        let view = self.view_with(name, &[Privilege::Refresh]).await?.name.clone();
        let request = RefreshRequest {
            views: Some(vec![view.clone()]),
            full,
            attempt: 1,
            ..Default::default()
        };
        let report = tokio::select! {
            report = self.services.refresher.refresh_with_retries(&request) => report?,
            () = running.cancel.cancelled() => return Err(running.cancelled()),
        };
        for outcome in report.views.into_iter().filter(|outcome| outcome.view == view) {
            match outcome.state {
                ViewState::Failed(error) => return Err(error),
                ViewState::Skipped(source) => {
                    return Err(Error::new(
                        ErrorKind::ObjectNotInPrerequisiteState,
                        format!("{source}, which \"{view}\" reads, could not be refreshed"),
                    ));
                }
                ViewState::Refreshed | ViewState::Unchanged => {}
            }
        }
        Ok("REFRESH MATERIALIZED VIEW".to_owned())
    }

    /// REFRESH STREAMING TABLE: takes in what has landed, whatever the table's schedule.
    pub(super) async fn ingest(&mut self, name: &ObjectName, running: &Running) -> Result<String> {
        let is_streaming = |kind: &RelationKind| matches!(kind, RelationKind::Streaming(_));
        let table =
            self.relation_with(name, &[Privilege::Refresh], "streaming table", is_streaming);
        let table = table.await?.name.clone();
        let request = IngestRequest { tables: Some(vec![table]), attempt: 1, ..Default::default() };
        let report = tokio::select! {
            report = self.services.ingester.ingest(&request) => report?,
            () = running.cancel.cancelled() => return Err(running.cancelled()),
        };
        match report.tables.into_iter().find_map(|outcome| outcome.error) {
            Some(error) => Err(error),
            None => Ok("REFRESH STREAMING TABLE".to_owned()),
        }
    }

    /// VERIFY MATERIALIZED VIEW: a row for the view, and one for its quarantine. It shows rows and may
    /// refresh, so it asks for both privileges.
    async fn verify(
        &mut self,
        name: &ObjectName,
        sample_percent: f64,
        running: &Running,
    ) -> Result<RecordBatch> {
        let view = self.view_with(name, &[Privilege::Refresh, Privilege::Select]).await?;
        let request = VerifyRequest { views: Some(vec![view.name.clone()]), sample_percent };
        let report = tokio::select! {
            report = self.services.refresher.verify(&request) => report?,
            () = running.cancel.cancelled() => return Err(running.cancelled()),
        };
        let failure = report.relations.iter().find_map(|found| match &found.state {
            VerifyState::Failed(error) => Some(error.clone()),
            _ => None,
        });
        match failure {
            Some(error) => Err(error),
            None => verify_rows(&report.relations),
        }
    }

    /// EXPLAIN MATERIALIZED VIEW, as its owner sees its sources now.
    async fn explain_view(&mut self, name: &ObjectName, running: &Running) -> Result<RecordBatch> {
        let view = self.view_with(name, &[Privilege::Select]).await?;
        let context = self.context(running.cancel.clone()).await?;
        let engine = &self.services.engine;
        let mut owner = engine.server_context(view.owner.clone(), context.snapshot, context.now);
        owner.cancel = context.cancel;
        explain_rows(&explain_view(engine, &view, &owner).await?)
    }

    /// EXPLAIN CREATE MATERIALIZED VIEW, as the one who asks sees the sources now.
    async fn explain_create_view(
        &mut self,
        create: &CreateMaterializedView,
        text: &str,
        running: &Running,
    ) -> Result<RecordBatch> {
        let context = self.context(running.cancel.clone()).await?;
        let names = Names {
            state: &context.snapshot.catalog,
            role: &self.role,
            search_path: &context.search_path,
            database: &self.services.config.name,
        };
        let name = names.place_of_new(&create.name)?;
        let mut create = create.clone();
        create.name.schema = Some(name.schema.clone());
        let mut view = catalog::materialized_view(&create, text)?;
        view.owner = self.role.clone();
        explain_rows(&explain_view(&self.services.engine, &view, &context).await?)
    }

    /// The view of this name, where the role has all these privileges on it.
    async fn view_with(&self, name: &ObjectName, needed: &[Privilege]) -> Result<Arc<Relation>> {
        let is_view = |kind: &RelationKind| matches!(kind, RelationKind::MaterializedView(_));
        self.relation_with(name, needed, "materialized view", is_view).await
    }

    async fn relation_with(
        &self,
        name: &ObjectName,
        needed: &[Privilege],
        kind: &str,
        is_kind: impl Fn(&RelationKind) -> bool,
    ) -> Result<Arc<Relation>> {
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
        let relation = names.relation(name)?;
        if !is_kind(&relation.kind) {
            return Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("\"{}\" is not a {kind}", relation.name.relation),
            ));
        }
        let has = |privilege: &Privilege| {
            security::relation_access(&state, &self.role, &relation.name, *privilege)
                == Access::Granted
        };
        match needed.iter().all(has) {
            true => Ok(relation),
            false => Err(security::denied_relation(&relation)),
        }
    }
}

fn verify_rows(found: &[Verified]) -> Result<RecordBatch> {
    SystemColumns::of(found)
        .text(|v| Some(v.relation.to_string()))
        .text(|v| Some(v.state.word()))
        .count(|v| Some(v.rows_checked))
        .count(|v| Some(v.rows_missing))
        .count(|v| Some(v.rows_surplus))
        .text(Verified::example)
        .batch(&verify_schema())
}

fn explain_rows(operators: &[ExplainedOperator]) -> Result<RecordBatch> {
    let figure = |figure: Option<u64>| figure.map(|figure| figure.to_string());
    SystemColumns::of(operators)
        .text(|row| Some(row.operator.as_str()))
        .text(|row| row.rule.as_deref())
        .text(|row| row.reason.as_deref())
        .text(|row| row.hint.as_deref())
        .text(|row| figure(row.estimated_rows))
        .text(|row| figure(row.estimated_bytes))
        .text(|row| figure(row.last.estimated_rows))
        .text(|row| figure(row.last.rows))
        .text(|row| figure(row.last.bytes))
        .batch(&explain_view_schema())
}
