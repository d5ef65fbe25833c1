//! REFRESH STREAMING TABLE, over the wire.

use super::super::support::{Deployment, TestServer};

async fn fails(server: &TestServer, role: &str, sql: &str) -> String {
    let client = server.client_as(role).await;
    let error = client.simple_query(sql).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    format!("{} {}", error.code().code(), error.message())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streaming_table_takes_in_what_landed_when_asked() {
    let roles = "CREATE ROLE loader LOGIN;\nGRANT USAGE ON SCHEMA bronze TO loader;\n\
                 GRANT SELECT, REFRESH ON bronze.orders TO loader;\n";
    let deployment = Deployment::small_shop().catalog_append("roles.sql", roles);
    let server = deployment.serve().await;
    let loader = server.client_as("loader").await;
    let count = async || server.rows("SELECT count(*) FROM bronze.orders").await;
    let refresh = "REFRESH STREAMING TABLE bronze.orders";
    deployment.deliver("2026-10-30", 1, 3);
    loader.batch_execute(refresh).await.unwrap();
    assert_eq!(count().await, [[Some("3".to_owned())]]);
    loader.batch_execute(refresh).await.unwrap();
    assert_eq!(count().await, [[Some("3".to_owned())]], "each file once");
    deployment.deliver("2026-10-31", 4, 2);
    loader.batch_execute(refresh).await.unwrap();
    assert_eq!(count().await, [[Some("5".to_owned())]]);
    let runs = server.rows("SELECT count(*) FROM lakeport.ingests WHERE table_name = 'orders'");
    assert_eq!(runs.await, [[Some("2".to_owned())]], "one with nothing to do leaves no row");

    for (role, sql, error) in [
        ("finance", refresh, "42P01 relation \"bronze.orders\" does not exist"),
        (
            "lakeport",
            "REFRESH STREAMING TABLE silver.orders",
            "42809 \"orders\" is not a streaming table",
        ),
        (
            "lakeport",
            "REFRESH MATERIALIZED VIEW bronze.orders",
            "42809 \"orders\" is not a materialized view",
        ),
        (
            "lakeport",
            "REFRESH STREAMING TABLE bronze.orders FULL",
            "0A000 REFRESH STREAMING TABLE ... FULL is not supported",
        ),
    ] {
        assert_eq!(fails(&server, role, sql).await, error, "{sql}");
    }
}
