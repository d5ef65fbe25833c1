//! What functions say of relations that only their tables know: bytes, and comments on columns.
//!
//! Its one idea: functions cannot wait for the lake, so a statement that calls one has these read before.

use std::collections::HashMap;

use datafusion::execution::session_state::SessionState;

use crate::error::Result;
use crate::query::engine::{Context, Engine};
use crate::query::runtime::{Sealed, put_facts};

use super::names::Names;
use super::visible::seen;

/// Facts by the relation's number.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    relations: HashMap<i64, Fact>,
}

#[derive(Debug, Default)]
struct Fact {
    bytes: u64,
    /// The relation's own first, then its columns'.
    comments: Vec<Option<String>>,
}

impl Facts {
    /// Whether a statement of this text may ask for any.
    fn asked_by(text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        text.contains("_size") || text.contains("_description")
    }

    /// Reads them into a statement's state, if its text may ask for any.
    pub(crate) async fn put(
        engine: &Engine,
        context: &Context,
        state: &Sealed<SessionState>,
        text: &str,
    ) -> Result<()> {
        if Self::asked_by(text) {
            put_facts(state, Self::of(engine, context).await?);
        }
        Ok(())
    }

    /// What the role of `context` may know.
    async fn of(engine: &Engine, context: &Context) -> Result<Self> {
        let names = Names::of(context, engine.registry());
        let mut relations = HashMap::new();
        for seen in seen(engine, context, &names).await? {
            let columns = seen.schema.iter().flat_map(|schema| schema.fields().iter());
            let columns = columns.map(|field| field.metadata().get("comment").cloned());
            let comments = std::iter::once(seen.comment).chain(columns).collect();
            relations.insert(seen.class.oid, Fact { bytes: seen.bytes, comments });
        }
        Ok(Self { relations })
    }

    /// The comment on a relation, or on its column of this position, from 1.
    pub(crate) fn comment(&self, relation: i64, column: usize) -> Option<String> {
        self.relations.get(&relation)?.comments.get(column)?.clone()
    }

    /// Bytes of a relation's data files.
    pub(crate) fn bytes(&self, relation: i64) -> i64 {
        let bytes = self.relations.get(&relation).map_or(0, |fact| fact.bytes);
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }

    /// Bytes of all data files.
    pub(crate) fn bytes_in_all(&self) -> i64 {
        let bytes = self.relations.values().map(|fact| fact.bytes).sum::<u64>();
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}
