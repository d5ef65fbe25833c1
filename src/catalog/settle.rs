//! A table before somebody writes it: without rows of a transaction whose end nobody knows.
//!
//! Its one idea: who takes the catalog's next version decides. A transaction that is still on its way publishes
//! while its catalog is waited for; one that is dead never can, once a later catalog is published.

use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Run, RunKind, Table};
use crate::name::RelationId;

use super::object::Relation;
use super::store::Catalog;

/// How often somebody else may come first.
const ATTEMPTS_MAX: usize = 100;

impl Catalog {
    /// A table that people write at the version to build upon; `None` where no table is. What a dead transaction
    /// left in it is taken back before.
    ///
    /// # Errors
    /// `SerializationFailure` where others come first again and again; `IoError`, `StatementCompletionUnknown`.
    pub async fn writable(&self, relation: &Relation) -> Result<Option<Table>> {
        let lake = self.lake();
        let location = lake.location(relation.place());
        for _ in 0..ATTEMPTS_MAX {
            let Some(newest) = lake.newest(&location).await? else { return Ok(None) };
            let base = lake.epoch();
            if lake.doubt(&base, relation.id, &newest).await?.is_none() {
                return Ok(Some(newest));
            }
            lake.poll_epoch().await?;
            let base = lake.epoch();
            let Some(doubt) = lake.doubt(&base, relation.id, &newest).await? else { continue };
            let published = base.relations.get(&RelationId::CATALOG).map(|known| known.version);
            if published > Some(doubt.catalog) {
                lake.take_back(relation.id, &location, doubt).await?;
                continue;
            }
            // Waits for the transaction; then takes its catalog's place with what was there before.
            let run = Run::start(RunKind::Ddl);
            let state = self.at(&base).await?;
            let decided = match self.write(&run, &base, &state).await {
                Ok(entry) => lake.publish(&run, vec![entry]).await.map(drop),
                Err(error) => Err(error),
            };
            match decided {
                Err(error) if error.kind() == ErrorKind::SerializationFailure => {}
                decided => decided?,
            }
        }
        let message = format!("table \"{}\" is changed again and again", relation.name.relation);
        Err(Error::new(ErrorKind::SerializationFailure, message).hint("Try again."))
    }
}
