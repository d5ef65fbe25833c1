//! Temporary tables, and rows that go.

use super::{ask, fails, one, server};

#[tokio::test(flavor = "multi_thread")]
async fn temporary_tables_are_one_sessions_own() {
    let (_deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    client
        .simple_query("CREATE TABLE sandbox.orders AS SELECT 1 AS id, 'old' AS name")
        .await
        .unwrap();
    client
        .simple_query("SET search_path = sandbox; CREATE TEMPORARY TABLE orders AS SELECT 7 AS id")
        .await
        .unwrap();
    assert_eq!(one(&client, "SELECT id FROM orders").await, "7");
    assert_eq!(one(&client, "SELECT id FROM sandbox.orders").await, "1");
    assert!(fails(&other, "SELECT * FROM orders").await.starts_with("42P01"));
    let statement = client.prepare("SELECT count(*) FROM orders WHERE id > $1").await.unwrap();
    let count = async || client.query_one(&statement, &[&0]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count().await, 1);
    client.simple_query("INSERT INTO orders SELECT id + 1 FROM sandbox.orders").await.unwrap();
    assert_eq!(client.execute("INSERT INTO orders VALUES ($1)", &[&9]).await.unwrap(), 1);
    assert_eq!(count().await, 3);
    client.simple_query("BEGIN; INSERT INTO orders VALUES (10); SAVEPOINT s").await.unwrap();
    client
        .simple_query("CREATE TEMP TABLE more (a int, b numeric(5,1)) ON COMMIT DROP")
        .await
        .unwrap();
    client.simple_query("INSERT INTO more VALUES (1, 2.25), (2, NULL)").await.unwrap();
    assert_eq!(ask(&client, "SELECT * FROM more ORDER BY a").await, ["1|2.3", "2|NULL"]);
    client.simple_query("TRUNCATE orders; ROLLBACK TO s").await.unwrap();
    assert!(fails(&client, "SELECT * FROM more").await.starts_with("42P01"));
    client.simple_query("ROLLBACK").await.unwrap();
    assert_eq!(count().await, 3);
    client.simple_query("BEGIN; CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT 1").await.unwrap();
    client.simple_query("CREATE TEMP TABLE stays AS SELECT 1 AS a; COMMIT").await.unwrap();
    assert!(fails(&client, "SELECT * FROM gone").await.starts_with("42P01"));
    assert_eq!(one(&client, "SELECT a FROM stays").await, "1");
    for (sql, expected) in [
        ("CREATE TEMP TABLE stays (a int)", "42P07 relation \"stays\" already exists"),
        ("CREATE TEMP TABLE sandbox.x (a int)", "42P16 cannot create temporary relation in"),
        ("CREATE VIEW sandbox.v AS SELECT * FROM stays", "0A000 a view over a temporary table"),
        ("INSERT INTO stays VALUES ('x')", "22P02 "),
        ("INSERT INTO stays (nope) VALUES (1)", "42703 "),
        (
            "CREATE TEMP TABLE big AS SELECT repeat('x', 1000) AS a FROM generate_series(1, 400000)",
            "53400 ",
        ),
    ] {
        let refused = fails(&client, sql).await;
        assert!(refused.starts_with(expected), "{sql}: {refused}");
    }
    client.simple_query("DROP TABLE orders, stays").await.unwrap();
    assert_eq!(one(&client, "SELECT name FROM orders").await, "old");
    client.simple_query("CREATE TEMP TABLE stays AS SELECT 1; DISCARD TEMP").await.unwrap();
    assert!(fails(&client, "SELECT * FROM stays").await.starts_with("42P01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_go_and_the_others_stay() {
    let (_deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    client
        .simple_query("CREATE TABLE sandbox.t (id int UNIQUE, name text NOT NULL, x numeric(6,2))")
        .await
        .unwrap();
    let all = "SELECT id, name, x FROM sandbox.t ORDER BY id";
    let insert = "INSERT INTO sandbox.t VALUES (1, 'a', 1.5), (2, 'b', NULL), (3, 'c', 3), (4, 'd', 4), \
                  (NULL, 'n', 5)";
    client.simple_query(insert).await.unwrap();
    // What the condition does not know of stays.
    let delete = "DELETE FROM sandbox.t WHERE x > 2 AND id < $1";
    assert_eq!(client.execute(delete, &[&4]).await.unwrap(), 1);
    assert_eq!(ask(&client, all).await, ["1|a|1.50", "2|b|NULL", "4|d|4.00", "NULL|n|5.00"]);
    assert_eq!(client.execute("DELETE FROM sandbox.t AS d WHERE d.id = 99", &[]).await.unwrap(), 0);
    client.simple_query("CREATE TABLE sandbox.new AS SELECT 2 AS id, 'B' AS name").await.unwrap();
    // As dbt's delete+insert.
    client.simple_query("BEGIN; CREATE TEMP TABLE src AS SELECT * FROM sandbox.new").await.unwrap();
    let delete = "DELETE FROM test.sandbox.t WHERE (id) IN (SELECT (id) FROM src)";
    assert_eq!(client.execute(delete, &[]).await.unwrap(), 1);
    client
        .simple_query("INSERT INTO sandbox.t (id, name) (SELECT id, name FROM src)")
        .await
        .unwrap();
    assert_eq!(one(&other, "SELECT count(*) FROM sandbox.t").await, "4");
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(ask(&other, all).await, ["1|a|1.50", "2|B|NULL", "4|d|4.00", "NULL|n|5.00"]);
    let using = "DELETE FROM sandbox.t AS d USING sandbox.new AS s WHERE s.id = d.id";
    assert_eq!(client.execute(using, &[]).await.unwrap(), 1);
    client.simple_query("CREATE VIEW sandbox.v AS SELECT * FROM sandbox.t").await.unwrap();
    for (sql, expected) in [
        ("DELETE FROM sandbox.v", "42809 cannot change view \"v\""),
        ("DELETE FROM sandbox.t WHERE nope = 1", "42703 column \"nope\" does not exist"),
        ("DELETE FROM sandbox.t RETURNING id", "0A000 DELETE ... RETURNING"),
        ("DELETE FROM sandbox.nope", "42P01 relation \"sandbox.nope\" does not exist"),
        ("INSERT INTO sandbox.t VALUES (1, 'again', 0)", "23505 "),
    ] {
        let refused = fails(&client, sql).await;
        assert!(refused.starts_with(expected), "{sql}: {refused}");
    }
    client.simple_query("GRANT SELECT, INSERT ON sandbox.t TO ann; SET ROLE ann").await.unwrap();
    assert!(fails(&client, "DELETE FROM sandbox.t").await.starts_with("42501 "));
    client.simple_query("RESET ROLE").await.unwrap();
    assert_eq!(client.execute("DELETE FROM sandbox.t", &[]).await.unwrap(), 3);
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.v").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_table_has_keys_loses_rows_and_shields_its_namesake() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client
        .simple_query("SET search_path = sandbox; CREATE TABLE orders AS SELECT 1 AS id")
        .await
        .unwrap();
    client.simple_query("CREATE TEMP TABLE orders (id int PRIMARY KEY, name text)").await.unwrap();
    client.simple_query("INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, NULL)").await.unwrap();
    for (sql, expected) in [
        ("INSERT INTO orders VALUES (2, 'again')", "23505 duplicate key value violates unique"),
        ("INSERT INTO orders VALUES (4, 'x'), (4, 'y')", "23505 "),
        ("INSERT INTO orders VALUES (NULL, 'x')", "23502 "),
        ("ALTER TABLE orders ADD COLUMN more int", "0A000 altering temporary table \"orders\""),
        ("ALTER TABLE IF EXISTS orders RENAME TO away", "0A000 "),
        ("COMMENT ON TABLE orders IS 'x'", "0A000 "),
        ("COMMENT ON COLUMN orders.id IS 'x'", "0A000 "),
        ("GRANT SELECT ON orders TO ann", "0A000 privileges on temporary table"),
    ] {
        let refused = fails(&client, sql).await;
        assert!(refused.starts_with(expected), "{sql}: {refused}");
    }
    client.simple_query("CREATE INDEX i ON orders (id)").await.unwrap();
    let delete = async |sql: &str| client.execute(sql, &[]).await.unwrap();
    assert_eq!(delete("DELETE FROM orders WHERE name = 'b'").await, 1);
    let using = "DELETE FROM orders AS o USING sandbox.orders AS s WHERE o.id = s.id";
    assert_eq!(delete(using).await, 1);
    client.simple_query("INSERT INTO orders VALUES (2, 'free')").await.unwrap();
    assert_eq!(ask(&client, "SELECT * FROM orders ORDER BY id").await, ["2|free", "3|NULL"]);
    client.simple_query("BEGIN; DELETE FROM orders; ROLLBACK").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM orders").await, "2");
    assert_eq!(ask(&client, "SELECT * FROM sandbox.orders").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_means_two_things_deletes_nothing() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS id, 1 AS a").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.s AS SELECT 5 AS id, 2 AS b").await.unwrap();
    let refused = fails(&client, "DELETE FROM sandbox.t USING sandbox.s WHERE id = 5").await;
    assert!(refused.starts_with("42702 "), "{refused}");
    let delete = "DELETE FROM sandbox.t USING sandbox.s WHERE t.id = $1 AND b = 2 AND a = 1";
    assert_eq!(client.execute(delete, &[&1]).await.unwrap(), 1);
}
