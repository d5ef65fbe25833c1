//! Object ids of what a role may see, and the names behind them.
//!
//! Its one idea: an object id is made from a name, so that servers and restarts agree; Postgres' own objects
//! have Postgres' own. What a role may not see has none.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::sync::Arc;

use crate::catalog::{Relation, RelationKind};
use crate::name::{RelationName, quote_identifier};
use crate::query::engine::Context;
use crate::query::rows::Registry;
use crate::security::{self, Access};
use crate::syntax::Privilege;

use super::postgres;
use super::visible::relations;

/// The first oid Postgres gives to user objects.
const FIRST_OID: u64 = 16_384;
/// The role `lakeport`, as the first of Postgres' roles.
pub(crate) const LAKEPORT_ROLE: i64 = 10;
/// `pg_catalog`, `public`, `pg_class`, and the methods of tables and indexes.
const PG_CATALOG: i64 = 11;
const PUBLIC: i64 = 2200;
const INFORMATION_SCHEMA: i64 = 13_207;
pub(crate) const PG_CLASS: i64 = 1259;
pub(crate) const PG_REWRITE: i64 = 2618;
pub(crate) const HEAP: i64 = 2;
pub(crate) const BTREE: i64 = 403;

/// The setting that says what materialized views are shown as.
pub(crate) const MATVIEWS_AS: &str = "lakeport.show_matviews_as";

/// A row of `pg_class`, as far as names go.
#[derive(Debug, Clone)]
pub(crate) struct Class {
    pub(crate) oid: i64,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `r`, `v`, `m`, `i`.
    pub(crate) kind: char,
    /// The catalog's; `None` for the server's own tables.
    pub(crate) relation: Option<Arc<Relation>>,
    /// The table an index is of.
    pub(crate) index_of: Option<i64>,
}

/// Everything with an object id that the role of a context may see.
#[derive(Debug, Default)]
pub(crate) struct Names {
    classes: BTreeMap<i64, Class>,
    by_name: HashMap<(String, String), i64>,
    schemas: BTreeMap<i64, String>,
    roles: BTreeMap<i64, String>,
    search_path: Vec<String>,
}

/// The oid of a named object: stable, and above Postgres' own.
pub(crate) fn oid(kind: &str, name: &str) -> i64 {
    // FNV-1a: small, and the same everywhere, which std's hasher does not promise.
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    hasher.write(kind.as_bytes());
    hasher.write(b":");
    hasher.write(name.as_bytes());
    let number = FIRST_OID + hasher.finish() % ((1 << 31) - FIRST_OID);
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The oid of a relation of the lake.
pub(crate) fn relation_oid(name: &RelationName) -> i64 {
    oid("relation", &name.to_string())
}

/// The oid of one of the server's own tables, where it is one of PostgreSQL's.
pub(crate) fn catalog_oid(schema: &str, name: &str) -> Option<i64> {
    let found = postgres::RELATIONS.iter().find(|k| k.schema == schema && k.name == name);
    found.map(|known| known.oid)
}

/// The oid of a schema.
pub(crate) fn schema_oid(name: &str) -> i64 {
    match name {
        "pg_catalog" => PG_CATALOG,
        "public" => PUBLIC,
        "information_schema" => INFORMATION_SCHEMA,
        name => oid("schema", name),
    }
}

/// The oid of a role.
pub(crate) fn role_oid(name: &str) -> i64 {
    if name == "lakeport" { LAKEPORT_ROLE } else { oid("role", name) }
}

/// The columns of a declared primary key; empty for none.
pub(crate) fn primary_key(relation: &Relation) -> &[String] {
    match &relation.kind {
        RelationKind::MaterializedView(view) => &view.primary_key,
        RelationKind::Table { keys, .. } => {
            keys.iter().find(|key| key.primary).map_or(&[], |key| &key.columns)
        }
        _ => &[],
    }
}

impl Names {
    /// What `context`'s role may see of the lake and of the server's own tables.
    pub(crate) fn of(context: &Context, registry: &Registry) -> Self {
        let mut names = Self { search_path: context.search_path.clone(), ..Self::default() };
        for schema in schemas(context) {
            names.schemas.insert(schema_oid(&schema), schema);
        }
        for role in context.snapshot.grants.roles.keys() {
            names.roles.insert(role_oid(&role.0), role.0.clone());
        }
        for source in registry.all() {
            let (schema, name) = (source.schema_name(), source.name());
            let known = postgres::RELATIONS
                .iter()
                .find(|known| known.schema == schema && known.name == name);
            if known.is_some_and(|known| known.kind == "f") {
                continue;
            }
            let kind = known.map_or('v', |known| known.kind.chars().next().unwrap_or('v'));
            let oid = known.map_or_else(|| oid("relation", &format!("{schema}.{name}")), |k| k.oid);
            names.add(oid, schema, name, kind, None, None);
        }
        let as_matviews = matviews_shown(context);
        for relation in relations(context) {
            let kind = match &relation.kind {
                RelationKind::View { .. } => 'v',
                RelationKind::MaterializedView(_) if as_matviews => 'm',
                _ => 'r',
            };
            let name = relation.name.clone();
            let class = relation_oid(&name);
            let class = names.add(class, &name.schema, &name.relation, kind, Some(&relation), None);
            if !primary_key(&relation).is_empty() {
                let index = format!("{}_pkey", name.relation);
                let number = oid("index", &name.to_string());
                names.add(number, &name.schema, &index, 'i', Some(&relation), Some(class));
            }
        }
        names
    }

    fn add(
        &mut self,
        mut oid: i64,
        schema: &str,
        name: &str,
        kind: char,
        relation: Option<&Arc<Relation>>,
        index_of: Option<i64>,
    ) -> i64 {
        // Two names may come to one number; relations are added in the order of their names.
        while self.classes.contains_key(&oid) {
            oid += 1;
        }
        let (schema, name) = (schema.to_owned(), name.to_owned());
        self.by_name.insert((schema.clone(), name.clone()), oid);
        let relation = relation.cloned();
        self.classes.insert(oid, Class { oid, schema, name, kind, relation, index_of });
        oid
    }

    /// All of `pg_class`.
    pub(crate) fn classes(&self) -> impl Iterator<Item = &Class> {
        self.classes.values()
    }

    /// The class of this number.
    pub(crate) fn class(&self, oid: i64) -> Option<&Class> {
        self.classes.get(&oid)
    }

    /// The class of this name; without a schema, the first on the search path.
    pub(crate) fn class_named(&self, schema: Option<&str>, name: &str) -> Option<&Class> {
        let at = |schema: &str| self.by_name.get(&(schema.to_owned(), name.to_owned()));
        let oid = match schema {
            Some(schema) => at(schema),
            None => self.searched().find_map(at),
        };
        self.classes.get(oid?)
    }

    /// The index over a table's primary key.
    pub(crate) fn index_of(&self, table: i64) -> Option<&Class> {
        self.classes.values().find(|class| class.index_of == Some(table))
    }

    /// The schema of this number.
    pub(crate) fn schema(&self, oid: i64) -> Option<&str> {
        self.schemas.get(&oid).map(String::as_str)
    }

    /// The role of this number.
    pub(crate) fn role(&self, oid: i64) -> Option<&str> {
        self.roles.get(&oid).map(String::as_str)
    }

    /// `pg_catalog` first unless it is named.
    fn searched(&self) -> impl Iterator<Item = &str> {
        let named = self.search_path.iter().any(|schema| schema == "pg_catalog");
        let implicit = (!named).then_some("pg_catalog");
        implicit.into_iter().chain(self.search_path.iter().map(String::as_str))
    }

    /// Whether the class is found by its bare name.
    pub(crate) fn is_visible(&self, class: &Class) -> bool {
        self.class_named(None, &class.name).is_some_and(|found| found.oid == class.oid)
    }

    /// A class as `regclass` prints it: with its schema only where it must.
    pub(crate) fn class_text(&self, oid: i64) -> String {
        let Some(class) = self.class(oid) else { return oid.to_string() };
        let name = quote_identifier(&class.name);
        if self.is_visible(class) {
            return name;
        }
        format!("{}.{name}", quote_identifier(&class.schema))
    }
}

/// Whether materialized views are shown as such; else as tables, where tools look for them.
pub(crate) fn matviews_shown(context: &Context) -> bool {
    context.settings.get(MATVIEWS_AS).is_some_and(|shown| shown == "matviews")
}

/// Schemas the role may use, the server's own included.
pub(crate) fn schemas(context: &Context) -> Vec<String> {
    let snapshot = &context.snapshot;
    let usable = |schema: &&String| {
        let usage = Privilege::Usage;
        security::schema_access(&snapshot.grants, &context.role, schema, usage) != Access::Hidden
    };
    let own = security::SYSTEM_SCHEMAS.iter().map(|schema| (*schema).to_owned());
    let named = snapshot.catalog.schemas.keys().filter(usable).cloned();
    let mut all: Vec<String> = own.chain(["public".to_owned()]).chain(named).collect();
    all.sort();
    all.dedup();
    all
}

/// A name's parts: unquoted ones in lower case. `None` where it is none.
pub(crate) fn parts(name: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut chars = name.trim().chars().peekable();
    loop {
        let mut part = String::new();
        if chars.peek() == Some(&'"') {
            chars.next();
            loop {
                match chars.next()? {
                    '"' if chars.peek() == Some(&'"') => {
                        chars.next();
                        part.push('"');
                    }
                    '"' => break,
                    c => part.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != '.' && *c != '"') {
                part.extend(c.to_lowercase());
            }
            part = part.trim().to_owned();
        }
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match chars.next() {
            None => return Some(parts),
            Some('.') => {}
            Some(_) => return None,
        }
    }
}

/// The relation a name means in messages.
pub(crate) fn relation_of(class: &Class) -> RelationName {
    RelationName::new(class.schema.as_str(), class.name.as_str())
}
