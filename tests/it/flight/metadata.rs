//! What exists, in the columns that the specification prescribes, name by name.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow_flight::IpcMessage;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo,
};
use lakeport::matview::RefreshRequest;

use crate::support::{Deployment, TestServer};

/// `name: type` or `name: type not null`, as FlightSql.proto writes them.
fn columns(schema: &Schema) -> Vec<String> {
    let column = |field: &std::sync::Arc<Field>| {
        let data_type = match field.data_type() {
            DataType::Utf8 => "utf8".to_owned(),
            DataType::Int32 => "int32".to_owned(),
            DataType::UInt8 => "uint8".to_owned(),
            DataType::UInt32 => "uint32".to_owned(),
            DataType::Boolean => "bool".to_owned(),
            DataType::Binary => "bytes".to_owned(),
            DataType::List(inner) if inner.data_type() == &DataType::Utf8 => {
                "list<utf8>".to_owned()
            }
            DataType::Union(..) => "dense_union".to_owned(),
            other => other.to_string(),
        };
        let not_null = if field.is_nullable() { "" } else { " not null" };
        format!("{}: {data_type}{not_null}", field.name())
    };
    schema.fields().iter().map(column).collect()
}

const CATALOGS: &[&str] = &["catalog_name: utf8 not null"];
const SCHEMAS: &[&str] = &["catalog_name: utf8", "db_schema_name: utf8 not null"];
const TABLES: &[&str] = &[
    "catalog_name: utf8",
    "db_schema_name: utf8",
    "table_name: utf8 not null",
    "table_type: utf8 not null",
    "table_schema: bytes not null",
];
const TABLE_TYPES: &[&str] = &["table_type: utf8 not null"];
const SQL_INFO: &[&str] = &["info_name: uint32 not null", "value: dense_union not null"];
const PRIMARY_KEYS: &[&str] = &[
    "catalog_name: utf8",
    "db_schema_name: utf8",
    "table_name: utf8 not null",
    "column_name: utf8 not null",
    "key_name: utf8",
    "key_sequence: int32 not null",
];
const FOREIGN_KEYS: &[&str] = &[
    "pk_catalog_name: utf8",
    "pk_db_schema_name: utf8",
    "pk_table_name: utf8 not null",
    "pk_column_name: utf8 not null",
    "fk_catalog_name: utf8",
    "fk_db_schema_name: utf8",
    "fk_table_name: utf8 not null",
    "fk_column_name: utf8 not null",
    "key_sequence: int32 not null",
    "fk_key_name: utf8",
    "pk_key_name: utf8",
    "update_rule: uint8 not null",
    "delete_rule: uint8 not null",
];
const XDBC_TYPES: &[&str] = &[
    "type_name: utf8 not null",
    "data_type: int32 not null",
    "column_size: int32",
    "literal_prefix: utf8",
    "literal_suffix: utf8",
    "create_params: list<utf8>",
    "nullable: int32 not null",
    "case_sensitive: bool not null",
    "searchable: int32 not null",
    "unsigned_attribute: bool",
    "fixed_prec_scale: bool not null",
    "auto_increment: bool",
    "local_type_name: utf8",
    "minimum_scale: int32",
    "maximum_scale: int32",
    "sql_data_type: int32 not null",
    "datetime_subcode: int32",
    "num_prec_radix: int32",
    "interval_precision: int32",
];

fn text(batches: &[RecordBatch], column: usize) -> Vec<String> {
    let texts = |batch: &RecordBatch| -> Vec<String> {
        let column = batch.column(column).as_string::<i32>();
        column.iter().map(|text| text.unwrap().to_owned()).collect()
    };
    batches.iter().flat_map(texts).collect()
}

async fn served() -> (Deployment, TestServer) {
    let deployment = Deployment::new()
        .catalog_append(
            "roles.sql",
            "CREATE ROLE reader LOGIN;\nGRANT SELECT ON SCHEMA silver TO reader;\n",
        )
        .sql(
            "silver/keyed.sql",
            "-- Numbers.\nCREATE MATERIALIZED VIEW silver.keyed (\n    b COMMENT 'The word.',\n    a,\n    \
             PRIMARY KEY (a, b)\n) AS SELECT 'x'::text AS b, 1.5::numeric(10, 2) AS a;\n",
        );
    let services = deployment.apply().await;
    let request = RefreshRequest { attempt: 1, ..RefreshRequest::default() };
    services.refresher.refresh(&request).await.unwrap();
    let server = TestServer::start(services, &deployment.paths()).await;
    (deployment, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listing_has_the_columns_of_the_specification() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let check = |answer: (Schema, Vec<RecordBatch>), expected: &[&str]| {
        let (announced, batches) = answer;
        assert_eq!(columns(&announced), expected);
        for batch in batches {
            assert_eq!(batch.schema().as_ref(), &announced);
        }
    };
    check(client.listed(&CommandGetCatalogs {}).await, CATALOGS);
    check(client.listed(&CommandGetDbSchemas::default()).await, SCHEMAS);
    check(client.listed(&CommandGetTables::default()).await, &TABLES[..4]);
    let tables = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    check(client.listed(&tables).await, TABLES);
    check(client.listed(&CommandGetTableTypes {}).await, TABLE_TYPES);
    check(client.listed(&CommandGetSqlInfo::default()).await, SQL_INFO);
    check(client.listed(&CommandGetXdbcTypeInfo::default()).await, XDBC_TYPES);
    check(client.listed(&CommandGetPrimaryKeys::default()).await, PRIMARY_KEYS);
    check(client.listed(&CommandGetImportedKeys::default()).await, FOREIGN_KEYS);
    check(client.listed(&CommandGetExportedKeys::default()).await, FOREIGN_KEYS);
    check(client.listed(&CommandGetCrossReference::default()).await, FOREIGN_KEYS);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_union_of_sql_info_is_the_specification_s() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let (schema, _) = client.listed(&CommandGetSqlInfo::default()).await;
    let DataType::Union(fields, _) = schema.field(1).data_type() else { panic!("{schema}") };
    let members: Vec<String> = fields
        .iter()
        .map(|(code, field)| format!("{code} {}: {}", field.name(), field.data_type()))
        .collect();
    assert_eq!(
        members[..4],
        [
            "0 string_value: Utf8",
            "1 bool_value: Boolean",
            "2 bigint_value: Int64",
            "3 int32_bitmask: Int32",
        ]
    );
    assert!(members[4].starts_with("4 string_list: List("), "{}", members[4]);
    assert!(members[5].starts_with("5 int32_to_int32_list_map: Map("), "{}", members[5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn primary_keys_are_those_that_views_declare_and_the_role_may_see() {
    let (_deployment, server) = served().await;
    let asked =
        CommandGetPrimaryKeys { table: "keyed".to_owned(), ..CommandGetPrimaryKeys::default() };
    for role in ["lakeport", "reader"] {
        let mut client = server.flight_as(role).await;
        let (_, rows) = client.listed(&asked).await;
        assert_eq!(text(&rows, 0), ["test", "test"]);
        assert_eq!(text(&rows, 1), ["silver", "silver"]);
        assert_eq!(text(&rows, 3), ["a", "b"]);
        assert_eq!(text(&rows, 4), ["keyed_pkey", "keyed_pkey"]);
        assert_eq!(rows[0].column(5).as_primitive::<Int32Type>().values(), &[1, 2]);
    }
    let mut client = server.flight().await;
    for other in [
        CommandGetPrimaryKeys { table: "missing".to_owned(), ..asked.clone() },
        CommandGetPrimaryKeys { catalog: Some("other".to_owned()), ..asked.clone() },
        CommandGetPrimaryKeys { db_schema: Some("bronze".to_owned()), ..asked.clone() },
    ] {
        let (_, rows) = client.listed(&other).await;
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_patterns_and_types_and_the_catalog() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.a_b (id bigint)").await.unwrap();
    client.update("CREATE TABLE sandbox.axb (id bigint)").await.unwrap();
    client.update("CREATE VIEW sandbox.seen AS SELECT 1 AS one").await.unwrap();
    let sandbox = CommandGetTables {
        db_schema_filter_pattern: Some("sandbox".to_owned()),
        ..CommandGetTables::default()
    };
    let pattern = |pattern: &str| CommandGetTables {
        table_name_filter_pattern: Some(pattern.to_owned()),
        ..sandbox.clone()
    };
    let types = |types: &[&str]| CommandGetTables {
        table_types: types.iter().map(|name| (*name).to_owned()).collect(),
        ..sandbox.clone()
    };
    let catalog =
        |name: &str| CommandGetTables { catalog: Some(name.to_owned()), ..sandbox.clone() };
    for (command, expected) in [
        (sandbox.clone(), &["a_b", "axb", "seen"][..]),
        (pattern("a_b"), &["a_b", "axb"]),
        (pattern("a\\_b"), &["a_b"]),
        (pattern("%e%"), &["seen"]),
        (types(&["VIEW"]), &["seen"]),
        (types(&["VIEW", "TABLE"]), &["a_b", "axb", "seen"]),
        (types(&["view"]), &[]),
        (catalog("test"), &["a_b", "axb", "seen"]),
        (catalog(""), &[]),
        (catalog("other"), &[]),
    ] {
        let (_, rows) = client.listed(&command).await;
        assert_eq!(text(&rows, 2), expected, "{command:?}");
    }
    let schemas = CommandGetDbSchemas {
        catalog: Some("test".to_owned()),
        db_schema_filter_pattern: Some("s%".to_owned()),
    };
    assert_eq!(text(&client.listed(&schemas).await.1, 1), ["sandbox", "silver"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_carry_their_sql_types_and_comments() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let tables = CommandGetTables {
        table_name_filter_pattern: Some("keyed".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let (_, rows) = client.listed(&tables).await;
    let bytes = rows[0].column(4).as_binary::<i32>().value(0).to_vec();
    let schema = Schema::try_from(IpcMessage(bytes.into())).unwrap();
    let of = |column: &str, key: &str| {
        let field = schema.field_with_name(column).unwrap();
        field.metadata().get(&format!("ARROW:FLIGHT:SQL:{key}")).cloned().unwrap_or_default()
    };
    assert_eq!(of("a", "TYPE_NAME"), "numeric(10,2)");
    assert_eq!((of("a", "PRECISION"), of("a", "SCALE")), ("10".to_owned(), "2".to_owned()));
    assert_eq!(of("b", "REMARKS"), "The word.");
    assert_eq!(of("b", "TABLE_NAME"), "keyed");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_can_be_asked_for_by_code_and_are_in_order() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let (_, all) = client.listed(&CommandGetXdbcTypeInfo::default()).await;
    let codes = all[0].column(1).as_primitive::<Int32Type>().values().to_vec();
    assert!(codes.is_sorted(), "{codes:?}");
    for code in [-7, 5, 4, -5, 7, 8, 2, 12, -3, 91, 92, 93] {
        assert!(codes.contains(&code), "{code} of {codes:?}");
    }
    let (_, some) = client.listed(&CommandGetXdbcTypeInfo { data_type: Some(4) }).await;
    assert_eq!(text(&some, 0), ["integer"]);
}
