//! From what exists to what the files ask for: pure, so that it can be shown before it is done.
//!
//! Objects are matched by name. What lives in the lake only is left alone; what vanished from the
//! files is kept and reported; a view's changed definition waits in `pending` for its rebuild.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::name::{RelationId, RelationName, RoleName};
use crate::syntax::Privilege;

use super::files::FileError;
use super::load::{Desired, described};
use super::object::{GrantEntry, MaterializedView, Relation, RelationKind};
use super::state::{BUILT_IN, CatalogState};

/// What applying the files would do.
#[derive(Debug, Clone)]
pub struct ApplyPlan {
    /// The state afterwards.
    pub state: CatalogState,
    /// How it differs from the state before; empty when it does not.
    pub changes: Vec<Change>,
    /// Relations whose file is gone. They are kept.
    pub vanished: Vec<RelationName>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new schema.
    SchemaAdded(String),
    /// A new role.
    RoleAdded(RoleName),
    /// Other options or memberships.
    RoleChanged(RoleName),
    /// A role whose statement is gone.
    RoleRemoved(RoleName),
    /// A new relation.
    Added(RelationName),
    /// A definition that decides other rows: a materialised view is rebuilt by its next refresh, a
    /// streaming table reads its next batch by it.
    Redefined(RelationName),
    /// A comment, a schedule, a trigger or a policy.
    Altered(RelationName),
    /// A function that is new, changed or gone.
    Function(RelationName, &'static str),
    /// A privilege given.
    Granted(GrantEntry),
    /// A privilege taken.
    Revoked(GrantEntry),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SchemaAdded(name) => write!(f, "schema {name} is new"),
            Self::RoleAdded(name) => write!(f, "role {name} is new"),
            Self::RoleChanged(name) => write!(f, "role {name} has changed"),
            Self::RoleRemoved(name) => write!(f, "role {name} is removed"),
            Self::Function(name, how) => write!(f, "function {name} {how}"),
            Self::Added(name) => write!(f, "{name} is new"),
            Self::Redefined(name) => write!(f, "{name} has a new definition"),
            Self::Altered(name) => write!(f, "{name} has a new comment, schedule or policy"),
            Self::Granted(entry) => write!(f, "{entry} is granted"),
            Self::Revoked(entry) => write!(f, "{entry} is revoked"),
        }
    }
}

/// Plans the way from `current` to `desired`. Planning again over the result changes nothing.
///
/// # Errors
/// Names that mean something of another kind already, and circles that a kept relation closes.
pub fn plan_apply(current: &CatalogState, desired: &Desired) -> Result<ApplyPlan, Vec<FileError>> {
    let mut plan = Plan {
        state: current.clone(),
        changes: Vec::new(),
        ids: BTreeMap::new(),
        mistakes: Vec::new(),
    };
    plan.schemas(&desired.state);
    plan.relations(desired);
    plan.functions(&desired.state);
    plan.roles(&desired.state);
    plan.grants(&desired.state);
    let gone = |relation: &&Arc<Relation>| {
        relation.file.is_some() && !desired.state.relations.contains_key(&relation.name)
    };
    let vanished: Vec<_> =
        current.relations.values().filter(gone).map(|r| r.name.clone()).collect();
    let quarantine = |name: &RelationName| name.schema == "quarantine";
    let vanished = vanished.into_iter().filter(|name| !quarantine(name)).collect();
    if plan.mistakes.is_empty()
        && let Err(error) = plan.state.refresh_order()
    {
        let first = desired.state.relations.keys().next().cloned();
        let place = first.unwrap_or_else(|| RelationName::new("catalog", "sql"));
        plan.mistakes.push(desired.mistake(&place, error));
    }
    let Plan { state, changes, mistakes, .. } = plan;
    if mistakes.is_empty() { Ok(ApplyPlan { state, changes, vanished }) } else { Err(mistakes) }
}

struct Plan {
    state: CatalogState,
    changes: Vec<Change>,
    /// From placeholders to the ids for life.
    ids: BTreeMap<RelationId, RelationId>,
    mistakes: Vec<FileError>,
}

impl Plan {
    fn schemas(&mut self, desired: &CatalogState) {
        for (name, schema) in &desired.schemas {
            if !self.state.schemas.contains_key(name) {
                self.changes.push(Change::SchemaAdded(name.clone()));
            }
            self.state.schemas.insert(name.clone(), schema.clone());
        }
    }

    fn relations(&mut self, desired: &Desired) {
        for (name, wanted) in &desired.state.relations {
            let id = self.state.relations.get(name).map_or(wanted.id, |known| known.id);
            self.ids.insert(wanted.id, id);
        }
        for (name, wanted) in &desired.state.relations {
            let mut wanted = wanted.as_ref().clone();
            wanted.id = self.ids.get(&wanted.id).copied().unwrap_or(wanted.id);
            if let RelationKind::Quarantine { of } = &mut wanted.kind {
                *of = self.ids.get(of).copied().unwrap_or(*of);
            }
            let Some(known) = self.state.relations.get(name).cloned() else {
                if !matches!(wanted.kind, RelationKind::Quarantine { .. }) {
                    self.changes.push(Change::Added(name.clone()));
                }
                self.state.insert(wanted);
                continue;
            };
            match merge(&known, wanted) {
                Err(error) => self.mistakes.push(desired.mistake(name, error)),
                Ok(merged) => {
                    self.changes.extend(difference(&known, &merged));
                    self.state.insert(merged);
                }
            }
        }
    }

    fn functions(&mut self, desired: &CatalogState) {
        let gone = |name: &RelationName| !desired.functions.contains_key(name);
        let known = self.state.functions.values();
        let vanished: Vec<RelationName> = known
            .filter(|function| function.file.is_some() && gone(&function.name))
            .map(|function| function.name.clone())
            .collect();
        for name in vanished {
            self.state.functions.remove(&name);
            self.changes.push(Change::Function(name, "is removed"));
        }
        for (name, wanted) in &desired.functions {
            match self.state.functions.insert(name.clone(), Arc::clone(wanted)) {
                None => self.changes.push(Change::Function(name.clone(), "is new")),
                Some(known) if known.definition != wanted.definition => {
                    self.changes.push(Change::Function(name.clone(), "has changed"));
                }
                Some(_) => {}
            }
        }
    }

    fn roles(&mut self, desired: &CatalogState) {
        let gone = |name: &RoleName| !desired.roles.contains_key(name);
        let vanished: Vec<RoleName> = self
            .state
            .roles
            .values()
            .filter(|role| role.file.is_some() && gone(&role.name))
            .map(|role| role.name.clone())
            .collect();
        for name in vanished {
            self.state.roles.remove(&name);
            self.state.grants.retain(|entry| entry.role != name);
            for role in self.state.roles.values_mut() {
                role.member_of.retain(|group| *group != name);
            }
            // What it owned in the lake goes on, in the superuser's hands.
            for relation in self.state.relations.values_mut() {
                if relation.owner == name {
                    Arc::make_mut(relation).owner = RoleName::lakeport();
                }
            }
            self.changes.push(Change::RoleRemoved(name));
        }
        for (name, wanted) in &desired.roles {
            match self.state.roles.get(name) {
                None => self.changes.push(Change::RoleAdded(name.clone())),
                Some(known)
                    if known.options != wanted.options || known.member_of != wanted.member_of =>
                {
                    self.changes.push(Change::RoleChanged(name.clone()));
                }
                Some(_) => {}
            }
            self.state.roles.insert(name.clone(), wanted.clone());
        }
    }

    fn grants(&mut self, desired: &CatalogState) {
        let before = self.state.grants.clone();
        let state = &self.state;
        let kept = before.iter().filter(|entry| !is_governed(state, entry));
        let after = kept.chain(&desired.grants).cloned().collect();
        let granted = desired.grants.difference(&before).cloned().map(Change::Granted);
        let revoked = before.difference(&after).cloned().map(Change::Revoked);
        self.changes.extend(granted.chain(revoked));
        self.state.grants = after;
    }
}

/// Whether the files alone say who has this privilege: on schemas that they define or that always
/// exist, and on relations that they define.
pub(super) fn is_governed(state: &CatalogState, entry: &GrantEntry) -> bool {
    match &entry.relation {
        None => {
            let schema = state.schemas.get(&entry.schema);
            BUILT_IN.contains(&entry.schema.as_str()) || schema.is_some_and(|s| s.file.is_some())
        }
        Some(relation) => {
            let name = RelationName::new(&entry.schema, relation);
            if entry.privilege == Privilege::Execute {
                return state.functions.get(&name).is_none_or(|function| function.file.is_some());
            }
            state.relations.get(&name).is_none_or(|relation| relation.file.is_some())
        }
    }
}

fn merge(known: &Relation, wanted: Relation) -> Result<Relation, Error> {
    if known.file.is_none() {
        let message = format!("relation \"{}\" already exists", known.name);
        return Err(Error::new(ErrorKind::DuplicateTable, message)
            .detail(format!("It was made over the wire, as a {}.", known.kind.noun()))
            .hint("Drop it, or choose another name."));
    }
    if std::mem::discriminant(&known.kind) != std::mem::discriminant(&wanted.kind) {
        let message = format!("{} cannot become a {}", described(known), wanted.kind.noun());
        return Err(Error::new(ErrorKind::WrongObjectType, message)
            .hint("Choose another name for the new one."));
    }
    let RelationKind::MaterializedView(old) = &known.kind else { return Ok(wanted) };
    if known.definition_hash == wanted.definition_hash {
        return Ok(wanted);
    }
    // Rows stay as the old definition made them until the rebuild; what decides no rows is new now.
    let RelationKind::MaterializedView(new) = &wanted.kind else { return Ok(wanted) };
    let kind = RelationKind::MaterializedView(MaterializedView {
        schedule: new.schedule,
        trigger: new.trigger,
        policy: new.policy,
        pending: Some(Box::new(wanted.clone())),
        ..old.clone()
    });
    Ok(Relation { file: wanted.file.clone(), comment: wanted.comment, kind, ..known.clone() })
}

fn difference(known: &Relation, merged: &Relation) -> Option<Change> {
    if matches!(merged.kind, RelationKind::Quarantine { .. }) {
        return None;
    }
    let definition =
        |relation: &Relation| relation.pending().unwrap_or(relation).definition_hash.clone();
    let name = merged.name.clone();
    if definition(known) != definition(merged) {
        return Some(Change::Redefined(name));
    }
    // Another place or other white space is no change to speak of.
    let shown = |relation: &Relation| {
        let relation = relation.pending().unwrap_or(relation);
        let schedule = match &relation.kind {
            RelationKind::MaterializedView(view) => {
                Some((view.schedule, view.trigger, view.policy))
            }
            RelationKind::Streaming(table) => Some((table.schedule, None, Default::default())),
            _ => None,
        };
        (relation.comment.clone(), relation.columns.clone(), schedule)
    };
    (shown(known) != shown(merged)).then_some(Change::Altered(name))
}
