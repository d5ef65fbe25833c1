//! Which views of a run may be computed now.
//!
//! Its one idea: a view waits for those it reads and for nothing else, so views that do not read one another are
//! computed beside one another. Pure; computes nothing.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::name::RelationId;

use super::check::definition;
use super::pins::sources_of;

/// Views that are computed at once, at most, however many processors there are: each may hold memory.
const AT_ONCE_MAX: usize = 4;

/// How many views are computed at once.
pub(super) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(AT_ONCE_MAX)
}

/// The views of a run that have not had their turn.
#[derive(Debug)]
pub(super) struct Turns {
    /// Sources first, each with the views of the run that it reads.
    waiting: Vec<(Arc<Relation>, BTreeSet<RelationId>)>,
    begun: u64,
}

impl Turns {
    /// All of `order`, in which sources come first.
    pub(super) fn of(catalog: &CatalogState, order: &[Arc<Relation>]) -> Self {
        let views: BTreeSet<RelationId> = order.iter().map(|view| view.id).collect();
        let reads = |view: &Arc<Relation>| {
            let sources = definition(view).map(|view| sources_of(catalog, view).relations);
            let ids = sources.unwrap_or_default().into_iter().map(|source| match source.kind {
                RelationKind::Quarantine { of } => of,
                _ => source.id,
            });
            ids.filter(|id| views.contains(id) && *id != view.id).collect()
        };
        let waiting = order.iter().map(|view| (Arc::clone(view), reads(view))).collect();
        Self { waiting, begun: 0 }
    }

    /// The first view that waits for no other.
    pub(super) fn next(&mut self) -> Option<Arc<Relation>> {
        let at = self.waiting.iter().position(|(_, reads)| reads.is_empty())?;
        self.begun += 1;
        Some(self.waiting.remove(at).0)
    }

    /// A view has been computed, or will not be.
    pub(super) fn done(&mut self, view: &Relation) {
        for (_, reads) in &mut self.waiting {
            reads.remove(&view.id);
        }
    }

    /// Views that have had their turn.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }
}
