//! Which relation reads which: sources first, and circles.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;

use super::object::{Relation, RelationKind};
use super::state::CatalogState;

type Relations = BTreeMap<RelationName, Arc<Relation>>;

pub(super) fn refresh_order(state: &CatalogState) -> Result<Vec<Arc<Relation>>> {
    let mut walk = Walk::new(&state.relations);
    for relation in state.relations.values() {
        if matches!(relation.kind, RelationKind::MaterializedView(_)) {
            walk.visit(&relation.name);
        }
    }
    match walk.cycles.first() {
        Some(cycle) => Err(circle(cycle)),
        None => {
            let ordered = walk.ordered.iter().filter_map(|name| state.relations.get(name));
            let refreshed = |relation: &&Arc<Relation>| {
                matches!(
                    relation.kind,
                    RelationKind::MaterializedView(_)
                        | RelationKind::Streaming(_)
                        | RelationKind::View { .. }
                )
            };
            Ok(ordered.filter(refreshed).cloned().collect())
        }
    }
}

/// Every circle among `relations`, each once, beginning with the first name in it.
pub(super) fn cycles(relations: &Relations) -> Vec<Vec<RelationName>> {
    let mut walk = Walk::new(relations);
    for name in relations.keys() {
        walk.visit(name);
    }
    walk.cycles
}

/// What a circle is called in an error.
pub(super) fn circle(cycle: &[RelationName]) -> Error {
    let mut names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
    names.extend(cycle.first().map(ToString::to_string));
    let message = match cycle {
        [one] => format!("view {one} reads itself"),
        _ => format!("views read each other in a circle: {}", names.join(" -> ")),
    };
    Error::new(ErrorKind::InvalidObjectDefinition, message)
        .hint("A view can only read what can be computed before it.")
}

/// A walk from readers to sources. It keeps its own stack, so that no chain of views is too long.
struct Walk<'a> {
    relations: &'a Relations,
    ordered: Vec<RelationName>,
    done: BTreeMap<RelationName, bool>,
    cycles: Vec<Vec<RelationName>>,
}

impl<'a> Walk<'a> {
    fn new(relations: &'a Relations) -> Self {
        Self { relations, ordered: Vec::new(), done: BTreeMap::new(), cycles: Vec::new() }
    }

    fn sources(&self, name: &RelationName) -> Vec<RelationName> {
        let Some(relation) = self.relations.get(name) else { return Vec::new() };
        let mut sources = relation.pending().unwrap_or(relation).sources();
        sources.sort();
        sources.dedup();
        // Visited from the end of the list.
        sources.reverse();
        sources
    }

    fn visit(&mut self, start: &RelationName) {
        if self.done.contains_key(start) {
            return;
        }
        // Each name on the way down with the sources it still has to visit.
        let mut path = vec![(start.clone(), self.sources(start))];
        self.done.insert(start.clone(), false);
        while let Some((name, waiting)) = path.last_mut() {
            let Some(source) = waiting.pop() else {
                self.done.insert(name.clone(), true);
                self.ordered.push(name.clone());
                path.pop();
                continue;
            };
            match self.done.get(&source) {
                Some(true) => {}
                Some(false) => {
                    let at = path.iter().position(|(name, _)| *name == source).unwrap_or(0);
                    let cycle = path[at..].iter().map(|(name, _)| name.clone()).collect();
                    self.cycles.push(from_smallest(cycle));
                }
                None => {
                    self.done.insert(source.clone(), false);
                    let sources = self.sources(&source);
                    path.push((source, sources));
                }
            }
        }
    }
}

fn from_smallest(mut cycle: Vec<RelationName>) -> Vec<RelationName> {
    let smallest = cycle.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(at, _)| at);
    cycle.rotate_left(smallest);
    cycle
}
