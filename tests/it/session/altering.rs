//! ALTER, COMMENT ON, TRUNCATE, CREATE INDEX: what becomes of tables that are there.

use super::{ask, fails, one, server};
use crate::support::Deployment;

#[tokio::test(flavor = "multi_thread")]
async fn columns_come_go_and_change() {
    let view = "-- One row.\nCREATE MATERIALIZED VIEW silver.orders AS SELECT 1 AS a;\n";
    let deployment = Deployment::new().sql("silver/orders.sql", view);
    let server = deployment.serve().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t (a int NOT NULL, b text)").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (1, '7'), (2, NULL)").await.unwrap();
    client
        .simple_query("ALTER TABLE sandbox.t ADD COLUMN c numeric(6,1), ADD d varchar(3)")
        .await
        .unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (3, '9', 1.25, 'abc')").await.unwrap();
    let all = "SELECT * FROM sandbox.t ORDER BY a";
    assert_eq!(ask(&client, all).await, ["1|7|NULL|NULL", "2|NULL|NULL|NULL", "3|9|1.3|abc"]);
    client.simple_query("ALTER TABLE sandbox.t RENAME COLUMN c TO amount").await.unwrap();
    client
        .simple_query("ALTER TABLE sandbox.t ALTER COLUMN b TYPE bigint, DROP COLUMN d")
        .await
        .unwrap();
    assert_eq!(ask(&client, all).await, ["1|7|NULL", "2|NULL|NULL", "3|9|1.3"]);
    let types = "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) \
                 FROM pg_attribute WHERE attrelid = 'sandbox.t'::regclass AND attnum > 0";
    assert_eq!(one(&client, types).await, "a integer, b bigint, amount numeric(6,1)");
    assert!(fails(&client, "INSERT INTO sandbox.t (b) VALUES (1)").await.starts_with("23502"));
    client.simple_query("CREATE VIEW sandbox.v AS SELECT a FROM sandbox.t").await.unwrap();
    client.simple_query("ALTER TABLE sandbox.t ADD COLUMN e date").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.k (a int PRIMARY KEY, b int)").await.unwrap();
    for (sql, expected) in [
        ("ALTER TABLE sandbox.t DROP COLUMN e", "2BP01 "),
        ("ALTER TABLE sandbox.t RENAME COLUMN e TO f", "2BP01 "),
        ("ALTER TABLE sandbox.t DROP COLUMN nope", "42703 column \"nope\" of relation \"t\""),
        ("ALTER TABLE sandbox.t ADD COLUMN a int", "42701 column \"a\" of relation \"t\""),
        ("ALTER TABLE sandbox.t ADD COLUMN z nope", "42704 "),
        ("ALTER TABLE sandbox.t ADD COLUMN z int NOT NULL", "0A000 "),
        ("ALTER TABLE sandbox.t ADD COLUMN z int DEFAULT 1", "0A000 "),
        ("ALTER TABLE sandbox.t ALTER COLUMN a SET NOT NULL", "0A000 ALTER COLUMN ... SET NOT"),
        ("ALTER TABLE sandbox.t ADD CONSTRAINT c UNIQUE (a)", "0A000 ALTER TABLE ... ADD"),
        ("ALTER TABLE sandbox.v DROP COLUMN a", "42809 cannot change view \"v\""),
        ("ALTER TABLE sandbox.k DROP COLUMN a", "0A000 "),
        ("ALTER TABLE silver.orders ADD COLUMN a int", "42809 "),
        ("ALTER TABLE silver.orders RENAME TO o", "55006 "),
        ("ALTER TABLE sandbox.k RENAME TO silver", "DONE"),
        ("ALTER TABLE sandbox.silver SET SCHEMA silver", "55006 "),
        ("ALTER TABLE sandbox.silver SET SCHEMA nowhere", "3F000 "),
        ("ALTER TABLE sandbox.silver OWNER TO nobody", "42704 role \"nobody\" does not exist"),
        ("TRUNCATE silver.orders", "42809 "),
        ("COMMENT ON TABLE silver.orders IS 'x'", "55006 "),
        ("CREATE UNIQUE INDEX u ON sandbox.t (a)", "0A000 CREATE UNIQUE INDEX"),
        ("DROP INDEX sandbox.u", "42704 "),
    ] {
        if expected == "DONE" {
            client.simple_query(sql).await.unwrap();
            continue;
        }
        let refused = fails(&client, sql).await;
        assert!(refused.starts_with(expected), "{sql}: {refused}");
    }
    // A value that does not fit changes nothing.
    client.simple_query("DROP VIEW sandbox.v").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.w AS SELECT 'x' AS a").await.unwrap();
    assert!(fails(&client, "ALTER TABLE sandbox.w ALTER a TYPE int").await.starts_with("22P02"));
    assert_eq!(one(&client, "SELECT a FROM sandbox.w").await, "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_alters_a_table() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    client
        .simple_query("CREATE ROLE reader LOGIN; GRANT SELECT ON sandbox.t TO reader")
        .await
        .unwrap();
    client.simple_query("CREATE TABLE sandbox.hidden AS SELECT 1 AS a").await.unwrap();
    client.simple_query("SET ROLE reader").await.unwrap();
    for action in ["RENAME TO u", "ADD COLUMN b int", "SET SCHEMA public", "OWNER TO reader"] {
        let refused = fails(&client, &format!("ALTER TABLE sandbox.t {action}")).await;
        assert_eq!(refused, "42501 must be owner of table t", "{action}");
        let hidden = fails(&client, &format!("ALTER TABLE sandbox.hidden {action}")).await;
        assert_eq!(hidden, "42P01 relation \"sandbox.hidden\" does not exist", "{action}");
    }
    for sql in
        ["TRUNCATE sandbox.t", "COMMENT ON TABLE sandbox.t IS 'x'", "CREATE INDEX ON sandbox.t (a)"]
    {
        assert_eq!(fails(&client, sql).await, "42501 must be owner of table t", "{sql}");
    }
    // Grants go with the name.
    client.simple_query("RESET ROLE; ALTER TABLE sandbox.t RENAME TO u").await.unwrap();
    client.simple_query("SET ROLE reader").await.unwrap();
    assert_eq!(one(&client, "SELECT a FROM sandbox.u").await, "1");
    client.simple_query("RESET ROLE; ALTER TABLE sandbox.u OWNER TO reader").await.unwrap();
    client.simple_query("SET ROLE reader; COMMENT ON TABLE sandbox.u IS 'mine'").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_are_where_tools_look_for_them() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t (a int COMMENT 'old', b text)").await.unwrap();
    client.simple_query("CREATE VIEW sandbox.v AS SELECT a, b FROM sandbox.t").await.unwrap();
    for sql in [
        "COMMENT ON TABLE sandbox.t IS 'A table.'",
        "COMMENT ON COLUMN sandbox.t.a IS NULL",
        "COMMENT ON COLUMN sandbox.t.b IS $$It's b.$$",
        "COMMENT ON VIEW test.sandbox.v IS 'A view.'",
        "COMMENT ON COLUMN sandbox.v.b IS 'b of v'",
    ] {
        client.simple_query(sql).await.unwrap();
    }
    let said = "SELECT c.relname, d.objsubid, d.description FROM pg_description AS d JOIN pg_class AS c \
                ON c.oid = d.objoid WHERE c.relname IN ('t', 'v') ORDER BY 1, 2";
    let expected = ["t|0|A table.", "t|2|It's b.", "v|0|A view.", "v|2|b of v"];
    assert_eq!(ask(&client, said).await, expected);
    assert_eq!(one(&client, "SELECT col_description('sandbox.t'::regclass, 2)").await, "It's b.");
    assert_eq!(one(&client, "SELECT obj_description('sandbox.v'::regclass)").await, "A view.");
    assert_eq!(ask(&client, "SELECT * FROM sandbox.v").await, [""; 0]);
    assert!(fails(&client, "COMMENT ON COLUMN sandbox.t.x IS 'x'").await.starts_with("42703"));
    assert!(fails(&client, "COMMENT ON VIEW sandbox.t IS 'x'").await.starts_with("42809"));
    assert!(fails(&client, "COMMENT ON TABLE other.sandbox.t IS 'x'").await.starts_with("0A000"));
}
