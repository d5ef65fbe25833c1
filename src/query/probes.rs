//! What tools ask of the catalogs and do not get: every such failure, for whoever mends it.
//!
//! Its one idea: a tool seldom shows what went wrong, so the server keeps it, with the tool's name. Bounded;
//! the shape of a query is kept, never its literals.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind};
use crate::name::RoleName;
use crate::security::SYSTEM_SCHEMAS;
use crate::syntax::Query;

use super::engine::Context;

/// Different failures kept; the oldest go first.
const KEPT_MAX: usize = 500;

/// A question of a tool that had no answer.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) last_at: DateTime<Utc>,
    pub(crate) application: String,
    pub(crate) role: RoleName,
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    /// Without its literals.
    pub(crate) shape: String,
    pub(crate) times: u64,
}

/// The last of them.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    kept: Mutex<VecDeque<Probe>>,
}

impl Probes {
    /// Keeps `error`, if `query` is one of the catalogs.
    pub(crate) fn note(&self, query: &Query, context: &Context, error: &Error) {
        let asks = query.references().iter().any(|reference| match &reference.schema {
            Some(schema) => {
                SYSTEM_SCHEMAS.contains(&schema.as_str()) && schema.as_str() != "lakeport"
            }
            None => reference.relation.starts_with("pg_"),
        });
        // Only what a client asked itself, not what the server asks of a view.
        let asked = context.session_id.is_some();
        if !asks || !asked || error.kind() == ErrorKind::QueryCanceled {
            return;
        }
        let application = context.settings.get("application_name").cloned().unwrap_or_default();
        let shape = super::history::shape(query.text());
        let message = error.message().to_owned();
        tracing::info!(%application, sqlstate = error.kind().sqlstate(), %message, %shape, "catalog probe unhandled");
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&mut Probe| {
            known.application == application && known.role == context.role && known.shape == shape
        };
        if let Some(known) = kept.iter_mut().find(same) {
            (known.last_at, known.kind, known.message) = (context.now, error.kind(), message);
            known.times += 1;
            return;
        }
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        let (role, kind) = (context.role.clone(), error.kind());
        kept.push_back(Probe {
            last_at: context.now,
            application,
            role,
            kind,
            message,
            shape,
            times: 1,
        });
    }

    /// All of them, the latest last.
    pub(crate) fn all(&self) -> Vec<Probe> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
