//! Views that run because a source has changed.
//!
//! Asked anew each turn, from versions alone: what a view has not consumed is a reason to run, however
//! many changes it is. A view below one that runs now runs with it, so a cascade is one epoch.

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::lake::EpochState;
use crate::matview::{Staleness, follows_the_clock, reads_any, staleness};
use crate::name::RelationName;
use crate::syntax::Trigger;

use super::rules::{is_late, may_run};
use super::run::Scheduler;

impl Scheduler {
    /// Adds to `due` the views whose trigger says so, sources first.
    pub(super) async fn add_triggered(&mut self, due: &mut Vec<RelationName>) {
        let epoch = self.lake.epoch();
        let order = match self.catalog.at(&epoch).await {
            Ok(state) => state.refresh_order().map(|order| (state, order)),
            Err(error) => Err(error),
        };
        let (state, order) = match order {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "the scheduler could not read the catalog");
                return;
            }
        };
        let now = self.lake.clock().now();
        for view in order {
            let Some(trigger) = trigger_of(&view) else { continue };
            let last = self.last_run(&epoch, &view);
            if due.contains(&view.name) || !may_run(now, &last, trigger) {
                continue;
            }
            let late = follows_the_clock(&view) && is_late(now, &last);
            if late || reads_any(&state, &view, due) || self.is_stale(&state, &epoch, &view).await {
                due.push(view.name.clone());
            }
        }
    }

    async fn is_stale(
        &mut self,
        state: &CatalogState,
        epoch: &EpochState,
        view: &Relation,
    ) -> bool {
        if self.current_in.get(&view.name) == Some(&epoch.epoch) {
            return false;
        }
        match staleness(&self.lake, state, epoch, view).await {
            Ok(Staleness::Stale) => true,
            Ok(Staleness::Current) => false,
            Ok(Staleness::CurrentInEpoch) => {
                self.current_in.insert(view.name.clone(), epoch.epoch);
                false
            }
            // A run says what is wrong where a person sees it.
            Err(error) => {
                tracing::warn!(view = %view.name, %error, "what a view holds could not be read");
                true
            }
        }
    }
}

fn trigger_of(relation: &Relation) -> Option<Trigger> {
    match &relation.kind {
        RelationKind::MaterializedView(view) => view.trigger,
        _ => None,
    }
}
