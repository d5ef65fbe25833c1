//! Who may change what: a role without the right changes, empties, names and learns nothing.

use super::{ROLES, ask, fails, one, server, shown};
use crate::support::Deployment;

/// Every way to change a table, or to learn of its rows by writing others.
const STATEMENTS: [&str; 25] = [
    "INSERT INTO sandbox.t VALUES (9, 'x')",
    "INSERT INTO sandbox.t (a) SELECT 1",
    "DELETE FROM sandbox.t",
    "DELETE FROM sandbox.t WHERE 1 / (a - 1) = 1",
    "DELETE FROM sandbox.t USING sandbox.own WHERE t.a = own.a",
    "TRUNCATE sandbox.t",
    "COPY sandbox.t FROM STDIN",
    "ALTER TABLE sandbox.t RENAME TO u",
    "ALTER TABLE sandbox.t SET SCHEMA public",
    "ALTER TABLE sandbox.t OWNER TO maker",
    "ALTER TABLE sandbox.t OWNER TO CURRENT_USER",
    "ALTER TABLE sandbox.t ADD COLUMN c int",
    "ALTER TABLE sandbox.t DROP COLUMN b",
    "ALTER TABLE sandbox.t RENAME COLUMN b TO c",
    "ALTER TABLE sandbox.t RENAME COLUMN nope TO c",
    "ALTER TABLE sandbox.t ALTER COLUMN a TYPE bigint",
    "COMMENT ON TABLE sandbox.t IS 'mine'",
    "COMMENT ON COLUMN sandbox.t.a IS 'mine'",
    "COMMENT ON COLUMN sandbox.t.nope IS 'mine'",
    "CREATE INDEX i ON sandbox.t (a)",
    "DROP TABLE sandbox.t",
    "DROP TABLE sandbox.t CASCADE",
    "DROP TABLE sandbox.own, sandbox.t",
    "GRANT SELECT ON sandbox.t TO maker",
    "OPTIMIZE sandbox.t",
];

/// Ways to bring its rows elsewhere.
const READS: [&str; 8] = [
    "INSERT INTO sandbox.own SELECT a FROM sandbox.t",
    "CREATE TABLE sandbox.copy AS SELECT * FROM sandbox.t",
    "CREATE TEMP TABLE copy AS SELECT * FROM sandbox.t",
    "CREATE VIEW sandbox.copy AS SELECT * FROM sandbox.t",
    "DELETE FROM sandbox.own WHERE a IN (SELECT a FROM sandbox.t)",
    "DELETE FROM sandbox.own USING sandbox.t WHERE own.a = t.a",
    "DELETE FROM sandbox.own WHERE EXISTS (SELECT 1 FROM sandbox.t WHERE b = 'secret')",
    "INSERT INTO kept SELECT a FROM sandbox.t",
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_or_learns_of_what_is_not_theirs() {
    let more = "CREATE ROLE writer LOGIN;\nGRANT CREATE ON SCHEMA sandbox TO ann, bob, writer;\n";
    let deployment = Deployment::new().catalog_append("roles.sql", &format!("{ROLES}{more}"));
    let server = deployment.serve().await;
    let client = server.client().await;
    for sql in [
        "CREATE TABLE sandbox.t AS SELECT 1 AS a, 'secret' AS b",
        "CREATE TABLE public.t AS SELECT 7 AS a",
        "GRANT SELECT ON sandbox.t TO ann",
        "GRANT INSERT ON sandbox.t TO writer",
    ] {
        client.simple_query(sql).await.map_err(|error| shown(&error)).expect(sql);
    }
    // Who may see it, who may not, and who may add to it only: told apart, or not told of it at all.
    for (role, changed, read) in [
        ("ann", "42501", None),
        ("bob", "42P01", Some("42P01")),
        ("writer", "42501", Some("42501")),
    ] {
        let session = server.client_as(role).await;
        session.simple_query("CREATE TABLE sandbox.own AS SELECT 1 AS a").await.unwrap();
        session.simple_query("CREATE TEMP TABLE kept (a int)").await.unwrap();
        for block in [false, true] {
            for sql in STATEMENTS {
                if role == "writer" && (sql.starts_with("INSERT") || sql.starts_with("COPY")) {
                    continue;
                }
                // OPTIMIZE has no place in a transaction, whoever asks.
                let expected = if block && sql.starts_with("OPTIMIZE") { "25001" } else { changed };
                if block {
                    session.simple_query("BEGIN").await.unwrap();
                }
                let refused = fails(&session, sql).await;
                assert!(refused.starts_with(expected), "{role}: {sql}: {refused}");
                assert!(
                    expected != "42P01" || refused.contains("does not exist"),
                    "{role}: {sql}: {refused}"
                );
                session.simple_query("ROLLBACK").await.unwrap();
            }
            for sql in READS.iter().filter(|_| read.is_some()) {
                let refused = fails(&session, sql).await;
                assert!(refused.starts_with(read.unwrap_or_default()), "{role}: {sql}: {refused}");
            }
        }
        assert_eq!(one(&session, "SELECT count(*) FROM sandbox.own").await, "1", "{role}");
        session.simple_query("DROP TABLE sandbox.own").await.unwrap();
    }
    assert_eq!(ask(&client, "SELECT * FROM sandbox.t").await, ["1|secret"]);
    let writer = server.client_as("writer").await;
    writer.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (2, 'new'); COMMIT").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_follow_the_table_and_not_its_name() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    let (ann, maker) = (server.client_as("ann").await, server.client_as("maker").await);
    maker.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    maker.simple_query("GRANT SELECT ON sandbox.t TO ann").await.unwrap();
    // Taken away in the middle of a transaction, a right is gone at its next statement.
    ann.simple_query("BEGIN").await.unwrap();
    assert_eq!(one(&ann, "SELECT a FROM sandbox.t").await, "1");
    maker.simple_query("REVOKE SELECT ON sandbox.t FROM ann").await.unwrap();
    assert!(fails(&ann, "SELECT a FROM sandbox.t").await.starts_with("42P01"));
    ann.simple_query("ROLLBACK").await.unwrap();
    maker.simple_query("GRANT SELECT ON sandbox.t TO ann").await.unwrap();
    // The table in its place has none of its rights.
    maker.simple_query("BEGIN; ALTER TABLE sandbox.t RENAME TO old").await.unwrap();
    maker.simple_query("CREATE TABLE sandbox.t AS SELECT 2 AS a; COMMIT").await.unwrap();
    assert!(fails(&ann, "SELECT a FROM sandbox.t").await.starts_with("42P01"));
    assert_eq!(one(&ann, "SELECT a FROM sandbox.old").await, "1");
    maker
        .simple_query("DROP TABLE sandbox.old; CREATE TABLE sandbox.old AS SELECT 3 AS a")
        .await
        .unwrap();
    assert!(fails(&ann, "SELECT a FROM sandbox.old").await.starts_with("42P01"));
    // Given away, it is somebody else's; and nobody gives what they may not have.
    assert!(fails(&maker, "ALTER TABLE sandbox.t OWNER TO ann").await.starts_with("42501"));
    client.simple_query("ALTER TABLE sandbox.t OWNER TO ann").await.unwrap();
    assert!(fails(&maker, "DELETE FROM sandbox.t").await.starts_with("42P01"));
    assert_eq!(ann.execute("DELETE FROM sandbox.t", &[]).await.unwrap(), 1);
    // A view reads with its owner's rights and is no way to write.
    maker.simple_query("CREATE VIEW sandbox.v AS SELECT a FROM sandbox.old").await.unwrap();
    maker.simple_query("GRANT SELECT, INSERT ON sandbox.v TO ann").await.unwrap();
    assert_eq!(one(&ann, "SELECT a FROM sandbox.v").await, "3");
    assert!(fails(&ann, "INSERT INTO sandbox.v VALUES (1)").await.starts_with("42809"));
    assert!(fails(&ann, "DELETE FROM sandbox.v").await.starts_with("42501"));
    for sql in ["CREATE TABLE sandbox.new (a int)", "BEGIN; CREATE TABLE sandbox.new (a int)"] {
        assert!(fails(&ann, sql).await.starts_with("42501"), "{sql}");
        ann.simple_query("ROLLBACK").await.unwrap();
    }
}
