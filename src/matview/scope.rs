//! Which views a run is about, and the definitions it builds them by.
//!
//! A changed definition waits beside the one it will replace until its rows exist; a run builds by the
//! waiting one. Decided from the catalog alone.

use std::sync::Arc;

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};

use super::check::definition;
use super::refresh::RefreshRequest;

/// The catalog with every waiting definition in the place of the one it will replace.
pub(super) fn with_waiting_definitions(published: &CatalogState) -> CatalogState {
    let mut state = published.clone();
    for relation in state.relations.values_mut() {
        if let RelationKind::MaterializedView(view) = &relation.kind
            && let Some(pending) = &view.pending
        {
            let mut pending = Relation::clone(pending);
            pending.id = relation.id;
            *relation = Arc::new(pending);
        }
    }
    state
}

/// The views a request names, sources first.
pub(super) fn wanted(
    catalog: &CatalogState,
    request: &RefreshRequest,
) -> Result<Vec<Arc<Relation>>> {
    for name in request.views.iter().flatten() {
        let relation = catalog.relation(name).ok_or_else(|| {
            Error::new(ErrorKind::UndefinedTable, format!("relation \"{name}\" does not exist"))
        })?;
        definition(relation)?;
    }
    let named = |relation: &Relation| {
        request.views.as_ref().is_none_or(|names| names.contains(&relation.name))
    };
    let order = catalog.refresh_order()?;
    Ok(order.into_iter().filter(|r| definition(r).is_ok() && named(r)).collect())
}
