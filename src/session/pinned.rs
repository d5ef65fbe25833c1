//! Work beside a session's own statements: forks, transactions of their own, pinned queries.
//!
//! Its one idea: a fork is the same client with the same role, settings and place among the connected,
//! and a transaction of its own. A pinned query is a fork's transaction written down: restored from
//! a few numbers, in this process or another, it reads what it would have read then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::datatypes::FieldRef;
use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Share, Table};
use crate::name::{Epoch, RoleName, Version};
use crate::query::Snapshot;
use crate::syntax::{Isolation, SetValue, Statement, TransactionModes};

use super::connection::{Session, check_login};
use super::cursors::Cursors;
use super::prepared::{CHANGED_PLAN, Prepared, same_types};
use super::services::Services;
use super::statements::Statements;
use super::temporary::TemporaryTables;
use super::transaction::{OpenTransaction, Transaction};

/// A query with all that its rows depend on, but for its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct PinnedQuery {
    /// Its text.
    pub text: String,
    /// Settings that are not at their defaults.
    pub settings: BTreeMap<String, String>,
    /// `now()`.
    pub now: DateTime<Utc>,
    /// What it sees.
    pub epoch: Epoch,
    /// Whether other tables are read as that epoch had them.
    pub as_of: bool,
    /// The versions of other tables, by location.
    pub versions: Vec<(String, Version)>,
}

/// A query that was planned and pinned, ready to run.
#[derive(Debug)]
pub struct Pinned {
    /// The query.
    pub query: PinnedQuery,
    /// Its plan.
    pub prepared: Arc<Prepared>,
    /// The table whose rows can be handed out in shares.
    pub divisible: Option<Table>,
    /// Runs it as it was pinned.
    pub reader: Session,
}

impl Session {
    /// The same client once more, outside of any transaction.
    pub fn fork(&self) -> Self {
        Self {
            services: Arc::clone(&self.services),
            login: self.login.clone(),
            role: self.role.clone(),
            id: self.id,
            settings: self.settings.clone(),
            transaction: Transaction::None,
            canceller: self.canceller.fork(),
            rows_failed: Arc::new(AtomicBool::new(false)),
            statements: Statements::new(self.services.config.limits.prepared_statements_max),
            cursors: Cursors::default(),
            listener: self.services.notifications.listener(),
            asked: Arc::default(),
            settings_seen: self.settings.generation(),
            notices: Vec::new(),
            connected: Arc::clone(&self.connected),
            packed: self.packed,
            temporary: TemporaryTables::new(),
            share: None,
        }
    }

    /// A fork in a transaction that reads one state of the lake, that of its first query. An error does
    /// not fail it, since it has nothing to undo.
    ///
    /// # Errors
    /// As BEGIN.
    pub fn fork_transaction(&self) -> Result<Self> {
        let mut fork = self.fork();
        fork.begin(TransactionModes {
            isolation: Some(Isolation::RepeatableRead),
            read_only: Some(true),
            ..TransactionModes::default()
        })?;
        let now = self.services.lake.clock().now();
        fork.transaction = Transaction::Block(Box::new(OpenTransaction::apart(now, None)));
        Ok(fork)
    }

    /// Ends a fork's transaction; what it has set stays set, unless it is rolled back.
    pub fn end_transaction(&mut self, mut fork: Self, commit: bool) {
        fork.end(commit, false);
        if commit {
            self.settings.take_over(fork.settings);
            self.settings_changed();
        }
    }

    /// Pins a query as it would run now; `None` for any other statement.
    ///
    /// # Errors
    /// As [`Session::prepare`]; `FeatureNotSupported` when the columns of a statement prepared
    /// earlier have changed.
    pub async fn pin(&mut self, prepared: &Arc<Prepared>) -> Result<Option<Pinned>> {
        let Some(Statement::Query(_)) = &prepared.statement else { return Ok(None) };
        let mut prepared = Arc::clone(prepared);
        if !self.is_planned_now(&prepared) {
            let declared: Vec<Option<FieldRef>> =
                prepared.parameters.iter().cloned().map(Some).collect();
            let again = self.prepare(&prepared.text, &declared).await?;
            let same = match (&again.schema, &prepared.schema) {
                (Some(again), Some(before)) => same_types(again, before),
                (again, before) => again == before,
            };
            if !same {
                return Err(Error::new(ErrorKind::FeatureNotSupported, CHANGED_PLAN));
            }
            prepared = again;
        }
        let Some(planned) = prepared.planned() else { return Ok(None) };
        let snapshot = Arc::clone(&planned.snapshot);
        let now = match self.transaction.open() {
            Some(open) => open.began_at,
            None => self.services.lake.clock().now(),
        };
        let query = PinnedQuery {
            text: prepared.text.clone(),
            settings: self.settings.changed_values(),
            now,
            epoch: snapshot.epoch.epoch,
            as_of: snapshot.as_of,
            versions: planned.plan.pins(&snapshot, &self.services.lake),
        };
        let divisible = planned.plan.divisible();
        let mut reader = self.fork();
        reader.transaction = reading(now, snapshot);
        Ok(Some(Pinned { query, prepared, divisible, reader }))
    }

    /// Whether what a pinned query may read is still judged by the newest grants.
    pub async fn is_judged_now(&self) -> Result<bool> {
        let newest = self.catalog_state().await?;
        let kept = self.transaction.open().and_then(|open| open.snapshot.as_ref());
        Ok(kept.is_some_and(|kept| Arc::ptr_eq(&kept.grants, &newest)))
    }

    /// A fork that reads what `query` was to read, or a share of it, with today's privileges.
    ///
    /// # Errors
    /// `SnapshotTooOld` when it is no longer kept.
    pub async fn fork_at(&self, query: &PinnedQuery, share: Option<Share>) -> Result<Self> {
        let engine = &self.services.engine;
        let snapshot = engine.snapshot_again(query.epoch, query.as_of, &query.versions).await?;
        let mut fork = self.fork();
        fork.settings.put_back(&query.settings)?;
        fork.settings_seen = fork.settings.generation();
        fork.role = fork.settings_role();
        // A role that was set is one that the client may still set.
        for name in ["session_authorization", "role"] {
            if let Some(role) = query.settings.get(name) {
                let role = SetValue::Values(vec![role.clone()]);
                fork.check_setting(name, &role).await?;
            }
        }
        fork.transaction = reading(query.now, snapshot);
        fork.share = share;
        Ok(fork)
    }

    /// Whether a schema of this name is there for the role.
    pub async fn has_schema(&self, schema: &str) -> Result<bool> {
        use crate::security::{Access, SYSTEM_SCHEMAS, schema_access};
        let state = self.catalog_state().await?;
        let usage = crate::syntax::Privilege::Usage;
        let known = state.schemas.contains_key(schema)
            && schema_access(&state, &self.role, schema, usage) != Access::Hidden;
        Ok(known || SYSTEM_SCHEMAS.contains(&schema))
    }

    /// The schema that unqualified names are looked for first.
    pub async fn current_schema(&self) -> Result<Option<String>> {
        for schema in self.search_path() {
            if self.has_schema(&schema).await? {
                return Ok(Some(schema));
            }
        }
        Ok(None)
    }

    /// All settings by lower-case name, as SHOW prints them.
    pub fn all_settings(&self) -> BTreeMap<String, String> {
        self.settings.all().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// SET, and RESET without values.
    ///
    /// # Errors
    /// `UndefinedObject` for a setting there is not; `InvalidParameterValue` and others for values it
    /// does not take.
    pub async fn set_value(&mut self, name: &str, values: Option<&[String]>) -> Result<()> {
        let value = match values {
            Some(values) => SetValue::Values(values.to_vec()),
            None => SetValue::Default,
        };
        self.set(name, &value, false).await.map(drop)
    }

    /// The primary keys that are declared for what the role may see: relation, columns.
    pub async fn primary_keys(&mut self) -> Result<Vec<(crate::name::RelationName, Vec<String>)>> {
        use crate::catalog::RelationKind;
        use crate::security::{Access, relation_access};
        let snapshot = self.snapshot().await?;
        let select = crate::syntax::Privilege::Select;
        let mut keys = Vec::new();
        for relation in snapshot.catalog.relations.values() {
            let RelationKind::MaterializedView(view) = &relation.kind else { continue };
            let access = relation_access(&snapshot.grants, &self.role, &relation.name, select);
            if !view.primary_key.is_empty() && access != Access::Hidden {
                keys.push((relation.name.clone(), view.primary_key.clone()));
            }
        }
        keys.sort();
        Ok(keys)
    }
}

/// Whether `role` may log in today; a token outlives the role it was given to.
///
/// # Errors
/// `InvalidAuthorizationSpecification`.
pub async fn check_role(services: &Services, role: &str) -> Result<()> {
    let state = services.catalog.at(&services.lake.epoch()).await?;
    check_login(&state, &RoleName(role.to_owned()), None, &services.config.name)
}

fn reading(now: DateTime<Utc>, snapshot: Arc<Snapshot>) -> Transaction {
    Transaction::Block(Box::new(OpenTransaction::apart(now, Some(snapshot))))
}
