//! What PostgreSQL 15 says of its own types, operators and catalogs: the same in every database.
//!
//! Its one idea: these rows are read from PostgreSQL, not written by hand (`tests/oracle/postgres_catalog.sh`
//! writes the files), so names, numbers and column types are the ones tools know. Knows no lake.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One of Postgres' types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Type {
    /// `pg_type.oid`.
    pub(crate) oid: i64,
    /// `pg_type.typname`.
    pub(crate) name: &'static str,
    /// Bytes, or -1 for variable.
    pub(crate) length: i16,
    /// The element's type; 0 for none.
    pub(crate) element: i64,
    /// The type of arrays of it; 0 for none.
    pub(crate) array: i64,
    /// `typbyval`, `typalign`, `typstorage`, `typcategory`.
    pub(crate) by_value: bool,
    pub(crate) align: &'static str,
    pub(crate) storage: &'static str,
    pub(crate) category: &'static str,
    /// `typcollation`.
    pub(crate) collation: i64,
}

/// What a column is that no Postgres type is known for.
static TEXT: Type = Type {
    oid: 25,
    name: "text",
    length: -1,
    element: 0,
    array: 1009,
    by_value: false,
    align: "i",
    storage: "x",
    category: "S",
    collation: 100,
};

/// The type `text`.
pub(crate) fn text_type() -> &'static Type {
    &TEXT
}

/// A column of one of Postgres' catalogs.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// `pg_type.typname`.
    pub(crate) type_name: &'static str,
    pub(crate) not_null: bool,
}

/// One of Postgres' catalogs.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) schema: &'static str,
    pub(crate) name: &'static str,
    /// `r` or `v`.
    pub(crate) kind: &'static str,
    pub(crate) oid: i64,
    pub(crate) columns: Vec<Column>,
}

/// The rows of a catalog as COPY writes them.
const ROWS: &[(&str, &str, &str)] = &[
    ("pg_catalog", "pg_type", include_str!("postgres/pg_type.tsv")),
    ("pg_catalog", "pg_proc", include_str!("postgres/pg_proc.tsv")),
    ("pg_catalog", "pg_operator", include_str!("postgres/pg_operator.tsv")),
    ("pg_catalog", "pg_opclass", include_str!("postgres/pg_opclass.tsv")),
    ("pg_catalog", "pg_opfamily", include_str!("postgres/pg_opfamily.tsv")),
    ("pg_catalog", "pg_amop", include_str!("postgres/pg_amop.tsv")),
    ("pg_catalog", "pg_amproc", include_str!("postgres/pg_amproc.tsv")),
    ("pg_catalog", "pg_cast", include_str!("postgres/pg_cast.tsv")),
    ("pg_catalog", "pg_aggregate", include_str!("postgres/pg_aggregate.tsv")),
    ("pg_catalog", "pg_range", include_str!("postgres/pg_range.tsv")),
    ("pg_catalog", "pg_language", include_str!("postgres/pg_language.tsv")),
    ("pg_catalog", "pg_am", include_str!("postgres/pg_am.tsv")),
    ("pg_catalog", "pg_collation", include_str!("postgres/pg_collation.tsv")),
    ("information_schema", "sql_features", include_str!("postgres/sql_features.tsv")),
    (
        "information_schema",
        "sql_implementation_info",
        include_str!("postgres/sql_implementation_info.tsv"),
    ),
    ("information_schema", "sql_parts", include_str!("postgres/sql_parts.tsv")),
    ("information_schema", "sql_sizing", include_str!("postgres/sql_sizing.tsv")),
    ("pg_catalog", "pg_get_keywords", include_str!("postgres/keywords.tsv")),
];

/// Whether a name is a word of the grammar that must be quoted to be a name.
pub(crate) fn is_keyword(name: &str) -> bool {
    include_str!("postgres/keywords.tsv").lines().any(|line| {
        let mut fields = line.split('\t');
        fields.next() == Some(name) && fields.next() != Some("U")
    })
}

const COLUMNS: &str = include_str!("postgres/columns.tsv");

/// What functions in FROM answer, and is a relation here: name, columns, their types.
/// A function's name, number, and columns with their types.
type FunctionRows = (&'static str, i64, &'static [(&'static str, &'static str)]);

const FUNCTIONS: &[FunctionRows] = &[
    (
        "pg_get_keywords",
        1686,
        &[
            ("word", "text"),
            ("catcode", "char"),
            ("barelabel", "bool"),
            ("catdesc", "text"),
            ("baredesc", "text"),
        ],
    ),
    (
        "pg_available_extension_versions",
        3083,
        &[
            ("name", "name"),
            ("version", "text"),
            ("superuser", "bool"),
            ("trusted", "bool"),
            ("relocatable", "bool"),
            ("schema", "name"),
            ("requires", "_name"),
            ("comment", "text"),
        ],
    ),
];

/// Every catalog, by schema and name.
pub(crate) static RELATIONS: LazyLock<Vec<Relation>> = LazyLock::new(|| {
    let mut relations: Vec<Relation> = Vec::new();
    for line in COLUMNS.lines() {
        let fields: Vec<&'static str> = line.split('\t').collect();
        let [schema, name, kind, oid, column, _, type_name, not_null, _] = fields.as_slice() else {
            continue;
        };
        let column = Column { name: column, type_name, not_null: *not_null == "t" };
        match relations.last_mut() {
            Some(last) if last.schema == *schema && last.name == *name => last.columns.push(column),
            _ => relations.push(Relation {
                schema,
                name,
                kind,
                oid: oid.parse().unwrap_or(0),
                columns: vec![column],
            }),
        }
    }
    for (name, oid, columns) in FUNCTIONS {
        if relations.iter().any(|known| known.name == *name) {
            continue;
        }
        let columns =
            columns.iter().map(|(name, type_name)| Column { name, type_name, not_null: false });
        let columns = columns.collect();
        relations.push(Relation { schema: "pg_catalog", name, kind: "f", oid: *oid, columns });
    }
    relations
});

/// The rows every database has of a catalog: each a line of fields, NULL is `None`.
pub(crate) fn rows(schema: &str, name: &str) -> Vec<Vec<Option<String>>> {
    let found = ROWS.iter().find(|(in_schema, named, _)| *in_schema == schema && *named == name);
    let text = found.map_or("", |(_, _, text)| text);
    text.lines().map(|line| line.split('\t').map(field).collect()).collect()
}

/// One field of COPY's text format.
fn field(text: &str) -> Option<String> {
    if text == "\\N" {
        return None;
    }
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    let mut read = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => read.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            }),
            (c, false) => read.push(c),
        }
    }
    Some(read)
}

fn text(schema: &str, name: &str) -> &'static str {
    let found = ROWS.iter().find(|(in_schema, named, _)| *in_schema == schema && *named == name);
    found.map_or("", |(_, _, text)| text)
}

/// The position of a column in the rows of a catalog.
pub(crate) fn position(relation: &str, column: &str) -> Option<usize> {
    let relation = RELATIONS.iter().find(|known| known.name == relation)?;
    relation.columns.iter().position(|known| known.name == column)
}

static TYPES: LazyLock<Vec<Type>> = LazyLock::new(|| {
    let at = |column| position("pg_type", column).unwrap_or(0);
    let (length, element, array) = (at("typlen"), at("typelem"), at("typarray"));
    let (by_value, align, storage) = (at("typbyval"), at("typalign"), at("typstorage"));
    let (category, collation) = (at("typcategory"), at("typcollation"));
    let number = |fields: &[&str], at: usize| fields.get(at).and_then(|text| text.parse().ok());
    text("pg_catalog", "pg_type")
        .lines()
        .map(|line| {
            let fields: Vec<&'static str> = line.split('\t').collect();
            Type {
                oid: number(&fields, 0).unwrap_or(0),
                name: fields.get(1).copied().unwrap_or_default(),
                length: fields.get(length).and_then(|text| text.parse().ok()).unwrap_or(-1),
                element: number(&fields, element).unwrap_or(0),
                array: number(&fields, array).unwrap_or(0),
                by_value: fields.get(by_value).is_some_and(|text| *text == "t"),
                align: fields.get(align).copied().unwrap_or_default(),
                storage: fields.get(storage).copied().unwrap_or_default(),
                category: fields.get(category).copied().unwrap_or_default(),
                collation: number(&fields, collation).unwrap_or(0),
            }
        })
        .collect()
});

static TYPES_BY_NAME: LazyLock<HashMap<&'static str, &'static Type>> =
    LazyLock::new(|| TYPES.iter().map(|known| (known.name, known)).collect());

pub(super) static TYPES_BY_OID: LazyLock<HashMap<i64, &'static Type>> =
    LazyLock::new(|| TYPES.iter().map(|known| (known.oid, known)).collect());

/// The type named as `pg_type` has it.
pub(crate) fn type_named(name: &str) -> Option<&'static Type> {
    TYPES_BY_NAME.get(name).copied()
}

/// The type of this number.
pub(crate) fn type_numbered(oid: i64) -> Option<&'static Type> {
    TYPES_BY_OID.get(&oid).copied()
}

/// Functions by number, and how many have the same name.
struct Functions {
    names: HashMap<i64, &'static str>,
    oids: HashMap<&'static str, Vec<i64>>,
}

static PROCS: LazyLock<Functions> = LazyLock::new(|| {
    let mut functions = Functions { names: HashMap::new(), oids: HashMap::new() };
    for line in text("pg_catalog", "pg_proc").lines() {
        let mut fields = line.split('\t');
        let (Some(oid), Some(name)) =
            (fields.next().and_then(|oid| oid.parse().ok()), fields.next())
        else {
            continue;
        };
        functions.names.insert(oid, name);
        functions.oids.entry(name).or_default().push(oid);
    }
    functions
});

/// The name of a function of Postgres'.
pub(crate) fn function_name(oid: i64) -> Option<&'static str> {
    PROCS.names.get(&oid).copied()
}

/// The numbers of the functions of Postgres' with this name.
pub(crate) fn function_oids(name: &str) -> &'static [i64] {
    PROCS.oids.get(name).map_or(&[], Vec::as_slice)
}

/// The operator class that an index over a type would have.
pub(crate) fn operator_class(type_oid: i64) -> i64 {
    const BTREE: &str = "403";
    let at = |column| position("pg_opclass", column).unwrap_or(0);
    let (method, default, of) = (at("opcmethod"), at("opcdefault"), at("opcintype"));
    let wanted = type_oid.to_string();
    text("pg_catalog", "pg_opclass")
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .find(|fields| {
            fields.get(method) == Some(&BTREE)
                && fields.get(default) == Some(&"t")
                && fields.get(of).is_some_and(|of| **of == *wanted)
        })
        .and_then(|fields| fields.first()?.parse().ok())
        .unwrap_or(0)
}

/// The types of a function's arguments and of its result.
pub(crate) fn function_types(oid: i64) -> Option<(Vec<i64>, i64)> {
    let at = |column| position("pg_proc", column).unwrap_or(0);
    let (arguments, returns) = (at("proargtypes"), at("prorettype"));
    let wanted = format!("{oid}\t");
    let line = text("pg_catalog", "pg_proc").lines().find(|line| line.starts_with(&wanted))?;
    let fields: Vec<&str> = line.split('\t').collect();
    let numbers = fields.get(arguments)?.split(' ').filter_map(|number| number.parse().ok());
    Some((numbers.collect(), fields.get(returns)?.parse().ok()?))
}
