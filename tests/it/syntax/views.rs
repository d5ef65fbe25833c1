//! CREATE MATERIALIZED VIEW and CREATE STREAMING TABLE.

use std::time::Duration;

use lakeport::error::ErrorKind;
use lakeport::syntax::{Query, RefreshPolicy, Statement, Trigger, ViolationAction};

use super::{one, refused};

const ORDERS: &str = "
-- One row per order.
CREATE MATERIALIZED VIEW silver.Orders (
    order_id COMMENT 'The shop''s own number.',
    CONSTRAINT plausible EXPECT (amount < 1e6),
    CONSTRAINT known  EXPECT ( rate IS NOT NULL /* why */ ) ON VIOLATION DROP ROW,
    CONSTRAINT has_id EXPECT (coalesce(order_id, '') <> '') ON VIOLATION QUARANTINE ROW,
    CONSTRAINT signed EXPECT (amount >= 0) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (order_id, \"Line\")
)
PARTITIONED BY (order_month)
COMMENT 'Orders.'
SCHEDULE REFRESH EVERY 5 MINUTES
REFRESH POLICY FULL
AS SELECT * -- all
FROM bronze.orders -- the end
;";

#[test]
fn a_materialized_view_has_all_its_clauses() {
    let Statement::CreateMaterializedView(view) = one(ORDERS) else { panic!("not a view") };
    assert_eq!((view.name.schema.as_deref(), view.name.name.as_str()), (Some("silver"), "orders"));
    assert_eq!(view.columns.len(), 1);
    assert_eq!(view.columns[0].comment.as_deref(), Some("The shop's own number."));
    let rules: Vec<_> =
        view.constraints.iter().map(|rule| (rule.name.as_str(), rule.action)).collect();
    assert_eq!(
        rules,
        [
            ("plausible", ViolationAction::Keep),
            ("known", ViolationAction::Drop),
            ("has_id", ViolationAction::Quarantine),
            ("signed", ViolationAction::Fail)
        ]
    );
    assert_eq!(view.constraints[1].condition, "rate IS NOT NULL");
    assert_eq!(view.constraints[2].condition, "coalesce(order_id, '') <> ''");
    assert_eq!(view.primary_key, ["order_id", "Line"]);
    assert_eq!(view.partition_by, ["order_month"]);
    assert_eq!(view.comment.as_deref(), Some("Orders."));
    assert_eq!(view.schedule.map(|schedule| schedule.every), Some(Duration::from_secs(300)));
    assert_eq!(view.policy, RefreshPolicy::Full);
    assert_eq!(view.query.text(), "SELECT * -- all\nFROM bronze.orders");
    assert_eq!(view.query.references()[0].schema.as_deref(), Some("bronze"));
}

#[test]
fn clauses_of_incremental_refresh_are_read() {
    let text = "CREATE MATERIALIZED VIEW v TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
        TARGET LAG = '5 minutes' REFRESH POLICY INCREMENTAL STRICT AS SELECT 1";
    let Statement::CreateMaterializedView(view) = one(text) else { panic!("not a view") };
    let at_most_every = Some(Duration::from_secs(60));
    assert_eq!(view.trigger, Some(Trigger { at_most_every }));
    assert!(view.target_lag);
    assert_eq!(view.policy, RefreshPolicy::IncrementalStrict);
}

#[test]
fn explain_and_verify_name_a_view_or_define_one() {
    let Statement::ExplainView { name } = one("EXPLAIN MATERIALIZED VIEW a.b") else { panic!() };
    assert_eq!((name.schema.as_deref(), name.name.as_str()), (Some("a"), "b"));
    let text = "EXPLAIN CREATE MATERIALIZED VIEW a.b (x) REFRESH POLICY FULL AS SELECT 1 -- one";
    let Statement::ExplainCreateView(create) = one(text) else { panic!() };
    assert_eq!((create.policy, create.query.text()), (RefreshPolicy::Full, "SELECT 1"));
    let percent = |text| match one(text) {
        Statement::Verify { sample_percent, .. } => sample_percent,
        other => panic!("{other:?}"),
    };
    assert_eq!(percent("VERIFY MATERIALIZED VIEW a.b"), 100.0);
    assert_eq!(percent("VERIFY MATERIALIZED VIEW a.b SAMPLE 2.5 PERCENT"), 2.5);
}

#[test]
fn a_streaming_table_reads_files() {
    let text = "CREATE STREAMING TABLE bronze.o (a text NOT NULL COMMENT 'x', b numeric(18, 2))
        SCHEDULE EVERY 5 MINUTES
        AS SELECT *, _metadata.file_path AS _source_file, s._metadata.Ingested_At
        FROM STREAM read_files('o/*.csv', format => 'csv', header => true, skip => 3) AS s
        WHERE s.a <> ''";
    let Statement::CreateStreamingTable(table) = one(text) else { panic!("not a table") };
    assert_eq!(table.files.path, "o/*.csv");
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        table.files.options,
        [option("format", "csv"), option("header", "true"), option("skip", "3")]
    );
    let types: Vec<_> = table.columns.iter().map(|column| column.sql_type.as_str()).collect();
    assert_eq!(types, ["text", "numeric(18, 2)"]);
    assert!(table.columns[0].not_null && !table.columns[1].not_null);
    let planned = table.query.statement().to_string();
    assert_eq!(
        planned,
        "SELECT *, _metadata_file_path AS _source_file, s._metadata_ingested_at AS Ingested_At \
         FROM __lakeport_stream AS s WHERE s.a <> ''"
    );
    let again = Query::parse(table.query.text()).expect("the stored text is a query");
    assert_eq!(again.statement().to_string(), planned);

    let none = refused("CREATE STREAMING TABLE t AS SELECT * FROM u");
    assert_eq!(none.kind(), ErrorKind::InvalidObjectDefinition);
    let cut = refused("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('x', a =>)");
    assert_eq!(cut.message(), "syntax error at or near \")\"");
    assert_eq!(cut.position(), Some(70));
}
