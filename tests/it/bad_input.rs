//! What a person sees when something is wrong, and that nothing is lost or doubled by it.

use crate::support::{Deployment, Ended, TestServer};

/// The error starts as psql's would, and holds `words`.
fn shows(ended: &Ended, words: &[&str]) {
    for word in words {
        assert!(ended.stderr.contains(word), "no {word:?} in:\n{}", ended.stderr);
    }
}

/// Order ids in bronze and the mart's total, read by a server of its own.
async fn contents(deployment: &Deployment) -> (String, String) {
    let server = TestServer::start(deployment.apply().await, &deployment.paths()).await;
    let one = async |sql: &str| server.rows(sql).await[0][0].clone().unwrap_or_default();
    let bronze = one(
        "SELECT count(*) || ' rows, ' || count(DISTINCT order_id) || ' orders' FROM bronze.orders",
    )
    .await;
    let mart = one("SELECT sum(amount) FROM gold_finance.revenue").await;
    server.stop().await.unwrap();
    (bronze, mart)
}

#[test]
fn a_catalog_folder_that_does_not_exist() {
    let deployment = Deployment::small_shop();
    std::fs::remove_dir_all(deployment.path("catalog")).unwrap();
    for command in ["check", "serve", "ingest", "refresh"] {
        let ended = deployment.run(&[command]).failed();
        shows(&ended, &["ERROR:  catalog folder", "does not exist", "HINT:", "--catalog"]);
    }
    assert!(!deployment.path("lake").exists());
}

#[test]
fn a_sql_folder_that_does_not_exist() {
    let deployment = Deployment::small_shop();
    std::fs::remove_dir_all(deployment.path("sql")).unwrap();
    let ended = deployment.run(&["serve"]).failed();
    shows(&ended, &["does not exist", "HINT:"]);
    assert!(!deployment.path("lake").exists());
}

#[test]
fn a_landing_folder_that_does_not_exist() {
    let deployment = Deployment::small_shop();
    std::fs::remove_dir_all(deployment.path("landing")).unwrap();
    let ended = deployment.run(&["ingest"]).failed();
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("bronze.orders") && said.contains("does not exist"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_taken_in_once_and_gives_no_rows() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.landing("orders/empty.csv", "");
    let first = deployment.run(&["ingest"]).ok();
    assert!(first.stdout.contains("2 files"), "{}", first.stdout);
    assert!(deployment.run(&["ingest"]).ok().stdout.contains("nothing new"));
    deployment.run(&["refresh"]).ok();
    assert_eq!(contents(&deployment).await, ("3 rows, 3 orders".to_owned(), "31.50".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_file_keeps_its_whole_lines_and_shows_the_cut_one() {
    let deployment = Deployment::small_shop();
    deployment.landing(
        "orders/cut.csv",
        "order_id,day,amount\n1,2026-10-30,10.50\n2,2026-10-30,10.50\n3,2026-1",
    );
    deployment.run(&["ingest"]).ok();
    deployment.run(&["refresh"]).ok();
    assert_eq!(contents(&deployment).await, ("2 rows, 2 orders".to_owned(), "21.00".to_owned()));
    let server = deployment.serve().await;
    let cut = server.rows("SELECT line, raw FROM quarantine.bronze__orders").await;
    assert_eq!(cut, [[Some("4".to_owned()), Some("3,2026-1".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_file_named_csv_harms_no_other() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    let mut noise: Vec<u8> = vec![0x7f, b'E', b'L', b'F'];
    noise.extend((0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8));
    deployment.landing("orders/noise.csv", noise);
    let ended = deployment.run(&["ingest"]);
    assert!(ended.code.is_some(), "killed: {}", ended.stderr);
    deployment.run(&["ingest"]);
    let server = deployment.serve().await;
    let orders = server
        .rows("SELECT count(*) FROM bronze.orders WHERE _source_file LIKE '%2026-10-30.csv'")
        .await;
    assert_eq!(orders, [[Some("3".to_owned())]]);
    let shown = server
        .rows(
            "SELECT count(*) > 0 FROM quarantine.bronze__orders WHERE file_path LIKE '%noise.csv'",
        )
        .await;
    assert_eq!(shown, [[Some("t".to_owned())]]);
}

fn reading(path: &str) -> Deployment {
    let statement = format!(
        "CREATE STREAMING TABLE bronze.outside (x text) AS SELECT * \
         FROM STREAM read_files('{path}', format => 'csv');\n"
    );
    Deployment::new().catalog("bronze.sql", &statement)
}

#[test]
fn paths_outside_the_allowed_folders_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "x\n42\n").unwrap();
    let absolute = format!("{}/*.csv", outside.path().display());
    for path in ["../secret/*.csv", "sub/../../secret/*.csv", absolute.as_str(), "/etc/passwd"] {
        let deployment = reading(path);
        deployment.write("secret/secret.csv", "x\n42\n");
        let ended = deployment.run(&["ingest"]).failed();
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("outside") || said.contains("allowed"), "{path}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_out_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "x\n42\n").unwrap();
    let deployment = reading("in/*.csv");
    deployment.landing("in/good.csv", "x\n1\n");
    let link = deployment.path("landing/in/link.csv");
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), link).unwrap();
    let ended = deployment.run(&["ingest"]);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("link.csv"), "the person is told: {said}");
    let server = deployment.serve().await;
    let secret =
        server.client().await.simple_query("SELECT x FROM bronze.outside WHERE x = '42'").await;
    if let Ok(messages) = secret {
        let rows =
            messages.iter().filter(|m| matches!(m, tokio_postgres::SimpleQueryMessage::Row(_)));
        assert_eq!(rows.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_over_a_missing_table_changes_nothing() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.run(&["ingest"]).ok();
    deployment.run(&["refresh"]).ok();
    let before = contents(&deployment).await;
    let deployment = deployment
        .sql(
            "silver/lost.sql",
            "CREATE MATERIALIZED VIEW silver.lost AS\nSELECT * FROM bronze.order;\n",
        )
        .sql("silver/new.sql", "CREATE MATERIALIZED VIEW silver.new AS\nSELECT 1 AS one;\n");
    for command in ["check", "serve", "ingest", "refresh"] {
        let ended = deployment.run(&[command]).failed();
        shows(
            &ended,
            &[
                "sql/silver/lost.sql:2:15: ERROR:  relation \"bronze.order\" does not exist",
                "bronze.orders",
                "nothing was applied",
            ],
        );
    }
    deployment.remove("sql/silver/lost.sql");
    deployment.remove("sql/silver/new.sql");
    assert_eq!(contents(&deployment).await, before);
    let server = deployment.serve().await;
    let error = server.client().await.simple_query("SELECT * FROM silver.new").await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42P01", "nothing was half-applied");
}

#[test]
fn two_files_that_define_one_view_are_both_named() {
    let deployment = Deployment::small_shop()
        .catalog("views.sql", "-- Another one.\n\nCREATE VIEW silver.orders AS SELECT 1 AS one;\n");
    let ended = deployment.run(&["serve"]).failed();
    shows(&ended, &["silver.orders", "catalog/views.sql", "sql/silver/orders.sql"]);
    assert!(!deployment.path("lake").exists());
}

#[test]
fn a_port_in_use_is_named_before_the_lake_is_touched() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for flag in ["--pg-port", "--flight-port", "--http-port"] {
        let deployment = Deployment::small_shop();
        let ended = deployment.run(&["serve", flag, &port.to_string()]).failed();
        let address = format!("address 127.0.0.1:{port} is already in use");
        shows(&ended, &[&format!("ERROR:  {address}"), "HINT:", flag]);
        assert!(!deployment.path("lake").exists());
    }
}

#[test]
fn an_address_that_is_not_loopback_is_refused() {
    let deployment = Deployment::small_shop().catalog(
        "lakeport.toml",
        "name = \"test\"\n[server]\naddress = \"0.0.0.0\"\npg_port = 0\nflight_port = 0\nhttp_port = 0\n",
    );
    let ended = deployment.run(&["serve"]).failed();
    shows(&ended, &["0.0.0.0", "TLS"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_a_newer_version_is_refused_with_both_versions() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.run(&["ingest"]).ok();
    deployment.run(&["refresh"]).ok();
    let before = contents(&deployment).await;
    let mark = std::fs::read_to_string(deployment.path("lake/_lakeport/format.json")).unwrap();
    let newer = mark.replacen("\"format\":1", "\"format\":99", 1);
    assert_ne!(mark, newer, "{mark}");
    deployment.write("lake/_lakeport/format.json", &newer);
    for command in ["serve", "ingest", "refresh"] {
        let ended = deployment.run(&[command]).failed();
        shows(&ended, &["ERROR:  the lake has format 99, this server reads up to format 1"]);
    }
    deployment.write("lake/_lakeport/format.json", &mark);
    assert_eq!(contents(&deployment).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_and_doubles_nothing() {
    for at in [1, 2, 4, 7, 11, 16] {
        let deployment = Deployment::small_shop();
        deployment.deliver("2026-10-30", 1, 3);
        deployment.run(&["ingest"]).ok();
        deployment.run(&["refresh"]).ok();
        deployment.deliver("2026-10-31", 4, 2);
        for command in ["ingest", "refresh"] {
            let mut full = deployment.command(&[command]);
            let ended = crate::support::ended(full.env("LAKEPORT_FAIL_AT", at.to_string()));
            let said = format!("{}{}", ended.stdout, ended.stderr);
            // Late operations may lie behind all that the command had to do.
            let done = ended.code == Some(0);
            assert!(
                done || said.to_lowercase().contains("no space left"),
                "{at} {command}: {said}"
            );
        }
        deployment.run(&["ingest"]).ok();
        deployment.run(&["refresh"]).ok();
        let expected = ("5 rows, 5 orders".to_owned(), "52.50".to_owned());
        assert_eq!(contents(&deployment).await, expected, "full at operation {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_the_memory_limit_ends_and_the_server_goes_on() {
    let deployment = Deployment::new().catalog_append(
        "lakeport.toml",
        "\n[limits]\nmemory_bytes = 16000000\nspill_bytes = 1000000\n",
    );
    let server = deployment.serve().await;
    let client = server.client().await;
    // A list cannot be spilled.
    let list = "SELECT array_agg(repeat('x', 100) || n) FROM generate_series(1, 3000000) AS t(n)";
    let error = client.simple_query(list).await.unwrap_err();
    let shown = error.as_db_error().unwrap();
    assert_eq!(shown.code().code(), "53200", "{shown:?}");
    assert!(shown.hint().unwrap().contains("limits.memory_bytes"), "{shown:?}");
    assert_eq!(server.rows("SELECT 1").await, [[Some("1".to_owned())]]);
}
