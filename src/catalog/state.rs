//! One state of the catalog, immutable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Result;
use crate::name::{RelationId, RelationName, RoleName};
use crate::syntax::RoleOptions;

use super::functions::Function;
use super::object::{GrantEntry, Relation, Role, SchemaObject};
use super::order;

/// Everything that exists, indexed by name. Cloning is cheap enough for DDL; readers share an `Arc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogState {
    /// Schemas by name. `lakeport`, `pg_catalog` and `information_schema` are not among them.
    pub schemas: BTreeMap<String, SchemaObject>,
    /// Relations by name, quarantine tables included.
    pub relations: BTreeMap<RelationName, Arc<Relation>>,
    /// Roles by name.
    pub roles: BTreeMap<RoleName, Role>,
    /// SQL functions by name.
    pub functions: BTreeMap<RelationName, Arc<Function>>,
    /// Grants, sorted.
    pub grants: BTreeSet<GrantEntry>,
}

/// Schemas that exist in every state.
pub(super) const BUILT_IN: [&str; 3] = ["public", "quarantine", "sandbox"];

/// Schemas the server answers for itself; no catalog holds them.
pub(super) const SYSTEM: [&str; 3] = ["information_schema", "lakeport", "pg_catalog"];

impl Default for CatalogState {
    /// What exists in every state: the built-in schemas and the role `lakeport`.
    fn default() -> Self {
        let schema =
            |name: &str| (name.to_owned(), SchemaObject { name: name.to_owned(), file: None });
        let name = RoleName::lakeport();
        let options = RoleOptions { login: true, superuser: true };
        let lakeport = Role { name: name.clone(), options, member_of: Vec::new(), file: None };
        Self {
            schemas: BUILT_IN.into_iter().map(schema).collect(),
            relations: BTreeMap::new(),
            functions: BTreeMap::new(),
            roles: BTreeMap::from([(name, lakeport)]),
            grants: BTreeSet::new(),
        }
    }
}

impl CatalogState {
    /// The relation of this name.
    pub fn relation(&self, name: &RelationName) -> Option<&Arc<Relation>> {
        self.relations.get(name)
    }

    /// The relation of this id.
    pub fn relation_by_id(&self, id: RelationId) -> Option<&Arc<Relation>> {
        self.relations.values().find(|relation| relation.id == id)
    }

    /// Materialised views and the streaming tables and views they read, sources first; otherwise by
    /// name. Where a new definition waits for its rebuild, its sources count.
    ///
    /// # Errors
    /// `InvalidObjectDefinition` naming the whole cycle.
    pub fn refresh_order(&self) -> Result<Vec<Arc<Relation>>> {
        order::refresh_order(self)
    }

    /// Relations that read `name`, directly: by the definition they have or by the one that waits.
    pub fn dependents(&self, name: &RelationName) -> Vec<Arc<Relation>> {
        let reads = |relation: &&Arc<Relation>| {
            relation.sources().contains(name)
                || relation.pending().is_some_and(|pending| pending.sources().contains(name))
        };
        self.relations.values().filter(reads).cloned().collect()
    }

    /// Puts a relation in place of the one of its name.
    pub fn insert(&mut self, relation: Relation) {
        self.relations.insert(relation.name.clone(), Arc::new(relation));
    }
}
