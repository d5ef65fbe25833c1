//! What one test needs: the relations it names and what they are computed from, given ones left as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{self, CatalogState, FileError, Relation, RelationKind};
use crate::error::{Error, ErrorKind};
use crate::name::RelationName;

use super::Deployment;
use super::case::{Case, Rows};

/// What a test needs of the deployment.
pub(super) struct Needed {
    /// Relations with ids of their own, in a catalog that has nothing else.
    pub(super) state: CatalogState,
    /// Views to be computed, sources first.
    pub(super) views: Vec<RelationName>,
    /// Tables to be made, those that are given included.
    pub(super) tables: Vec<Arc<Relation>>,
}

impl Needed {
    pub(super) fn of(deployment: &Deployment, case: &Case) -> Result<Self, FileError> {
        let whole = &deployment.desired.state;
        let given: BTreeSet<&RelationName> = case.givens.iter().map(|g| &g.relation).collect();
        for rows in &case.givens {
            let relation = known(whole, rows)?;
            if matches!(relation.kind, RelationKind::View { .. } | RelationKind::Quarantine { .. })
            {
                return Err(rows.mistake(Error::new(
                    ErrorKind::WrongObjectType,
                    format!("{} is a {} and cannot be given", rows.relation, relation.kind.noun()),
                )));
            }
        }
        let mut waiting = Vec::new();
        for rows in &case.expects {
            let relation = known(whole, rows)?;
            let shown = match relation.kind {
                RelationKind::Quarantine { of } => whole.relation_by_id(of).cloned(),
                _ => Some(Arc::clone(relation)),
            };
            waiting.extend(shown);
        }
        waiting.extend(given.iter().filter_map(|name| whole.relation(name).cloned()));
        let mut found: BTreeMap<RelationName, Arc<Relation>> = BTreeMap::new();
        while let Some(relation) = waiting.pop() {
            let is_given = given.contains(&relation.name);
            if found.insert(relation.name.clone(), Arc::clone(&relation)).is_some() || is_given {
                continue;
            }
            let sources = relation.sources();
            waiting.extend(sources.iter().filter_map(|name| whole.relation(name).cloned()));
        }
        let computed = |relation: &Relation| {
            matches!(relation.kind, RelationKind::MaterializedView(_))
                && !given.contains(&relation.name)
        };
        let order = whole.refresh_order().map_err(|error| case.expects[0].mistake(error))?;
        let views = order
            .iter()
            .filter(|relation| found.contains_key(&relation.name) && computed(relation))
            .map(|relation| relation.name.clone())
            .collect();
        let mut state = whole.clone();
        state.relations.retain(|name, relation| match &relation.kind {
            RelationKind::Quarantine { .. } => {
                found.keys().any(|known| known.quarantine() == *name)
            }
            _ => found.contains_key(name),
        });
        for relation in state.relations.values_mut() {
            // Somebody else's table lies in the test's own lake.
            if matches!(relation.kind, RelationKind::External { .. } | RelationKind::Files(_)) {
                Arc::make_mut(relation).kind =
                    RelationKind::Table { partition_by: Vec::new(), keys: Vec::new(), place: None };
            }
        }
        let stored = |relation: &&Arc<Relation>| {
            !computed(relation)
                && !matches!(
                    relation.kind,
                    RelationKind::View { .. } | RelationKind::Quarantine { .. }
                )
        };
        let tables = state.relations.values().filter(stored).cloned().collect();
        Ok(Self { state, views, tables })
    }
}

fn known<'a>(state: &'a CatalogState, rows: &Rows) -> Result<&'a Arc<Relation>, FileError> {
    state.relation(&rows.relation).ok_or_else(|| {
        let message = format!("relation \"{}\" does not exist", rows.relation);
        let names: Vec<String> = state.relations.keys().map(ToString::to_string).collect();
        let mut error = Error::new(ErrorKind::UndefinedTable, message);
        let written = rows.relation.to_string();
        if let Some(near) = catalog::nearest(&written, names.iter().map(String::as_str)) {
            error = error.hint(format!("Perhaps you mean {near}."));
        }
        rows.mistake(error)
    })
}
