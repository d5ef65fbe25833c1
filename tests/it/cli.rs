//! The binary as a person or a program uses it: flags, output, exit codes, signals.

use futures::TryStreamExt as _;
use lakeport::project::{self, Reporter};
use serde_json::Value;

use crate::support::{Deployment, ended, http_get, skip};

#[test]
fn every_command_explains_itself() {
    let deployment = Deployment::new();
    for arguments in [
        &["--help"][..],
        &["demo", "--help"],
        &["serve", "--help"],
        &["check", "--help"],
        &["refresh", "--help"],
        &["ingest", "--help"],
        &["verify", "--help"],
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lakeport"));
        let help = ended(command.args(arguments)).ok();
        assert!(help.stdout.contains("Usage: lakeport"), "{}", help.stdout);
        assert!(help.stdout.contains("--catalog"), "{}", help.stdout);
    }
    assert_eq!(deployment.run(&["nonsense"]).code, Some(2));
}

#[test]
fn check_needs_no_lake_and_makes_none() {
    let deployment = Deployment::small_shop();
    let checked = deployment.run(&["check"]).ok();
    assert!(
        checked.stdout.starts_with("ok: 1 streaming tables, 2 materialized views"),
        "{}",
        checked.stdout
    );
    let checked = deployment.run(&["check", "--json"]).ok();
    let value: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(value["materialized_views"], 2);
    assert!(!deployment.path("lake").exists());
}

#[test]
fn check_reports_every_mistake_with_its_place() {
    let deployment = Deployment::small_shop()
        .sql(
            "silver/one.sql",
            "-- A typo.\nCREATE MATERIALIZED VIEW silver.one AS\nSELECT 1 FRM x;\n",
        )
        .sql(
            "silver/two.sql",
            "CREATE MATERIALIZED VIEW silver.two AS\nSELECT * FROM bronze.ordres;\n",
        )
        .sql(
            "silver/three.sql",
            "CREATE MATERIALIZED VIEW silver.three AS\nSELECT amont FROM silver.orders;\n",
        );
    let checked = deployment.run(&["check"]).failed();
    for place in ["sql/silver/one.sql:3:", "sql/silver/two.sql:2:15: "] {
        assert!(checked.stderr.contains(place), "{place}:\n{}", checked.stderr);
    }
    assert!(
        checked.stderr.contains("bronze.orders"),
        "a hint names the nearest: {}",
        checked.stderr
    );
    let checked = deployment.run(&["check", "--json"]).failed();
    let value: Value = serde_json::from_str(&checked.stderr).unwrap();
    let errors = value["errors"].as_array().unwrap();
    assert!(errors.iter().any(|error| error["code"] == "42601" && error["line"] == 3), "{value}");
    assert!(errors.iter().any(|error| error["code"] == "42P01"), "{value}");
}

#[test]
fn check_types_every_view() {
    let deployment = Deployment::small_shop()
        .sql("silver/one.sql", "CREATE MATERIALIZED VIEW silver.one AS\nSELECT amont FROM silver.orders;\n")
        .sql("silver/two.sql", "CREATE MATERIALIZED VIEW silver.two AS\nSELECT amount || 1 + 'x' AS x FROM silver.orders WHERE day;\n");
    let checked = deployment.run(&["check"]).failed();
    assert!(
        checked.stderr.contains("sql/silver/one.sql:2:8: ERROR:  column \"amont\" does not exist"),
        "{}",
        checked.stderr
    );
    assert!(checked.stderr.contains("sql/silver/two.sql:"), "{}", checked.stderr);
    assert!(!deployment.path("lake").exists());
}

#[test]
fn ingest_and_refresh_do_what_is_new_and_then_nothing() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    let first = deployment.run(&["ingest"]).ok();
    assert!(first.stdout.contains("bronze.orders"), "{}", first.stdout);
    let first: Value = serde_json::from_str(
        deployment.run(&["refresh", "--json"]).ok().stdout.lines().last().unwrap(),
    )
    .unwrap();
    assert_eq!(first["views"].as_array().unwrap().len(), 2, "{first}");
    assert!(first["epoch"].is_u64(), "{first}");
    for command in ["ingest", "refresh"] {
        let again = deployment.run(&[command, "--json"]).ok();
        let again: Value = serde_json::from_str(again.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(again["epoch"], Value::Null, "{again}");
    }
    let full = deployment.run(&["refresh", "gold_finance.revenue", "--full", "--json"]).ok();
    let full: Value = serde_json::from_str(full.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(full["views"][0]["state"], "refreshed", "{full}");
}

#[test]
fn a_name_that_is_no_view_is_an_error() {
    let deployment = Deployment::small_shop();
    let ended = deployment.run(&["refresh", "silver.nothing"]).failed();
    assert!(ended.stderr.contains("silver.nothing"), "{}", ended.stderr);
    let ended = deployment.run(&["ingest", "nothing"]).failed();
    assert!(ended.stderr.contains("schema.relation"), "{}", ended.stderr);
}

#[test]
fn folders_come_from_the_environment_too() {
    let deployment = Deployment::small_shop();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lakeport"));
    command.arg("check").current_dir(deployment.folder());
    command.env("LAKEPORT_CATALOG", "catalog").env("LAKEPORT_SQL", "sql");
    ended(&mut command).ok();
    command.env("LAKEPORT_SQL", "elsewhere");
    let missing = ended(&mut command).failed();
    assert!(missing.stderr.contains("elsewhere"), "{}", missing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_it_is_well_and_counts() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.run(&["ingest"]).ok();
    let server = deployment.spawn(&[]);
    assert_eq!(http_get(server.http, "/healthz").await, (200, "ok\n".to_owned()));
    let (status, body) = http_get(server.http, "/readyz").await;
    assert_eq!(status, 200, "{body}");
    let config =
        format!("host=127.0.0.1 port={} user=lakeport dbname=test", server.postgres.port());
    let (client, connection) =
        tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.simple_query("SELECT * FROM bronze.orders").await.unwrap();
    client.simple_query("SELECT nonsense").await.unwrap_err();
    let (status, metrics) = http_get(server.http, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "lakeport_sessions{protocol=\"postgres\"} 1",
        "lakeport_statements_total{state=\"succeeded\"} 1",
        "lakeport_statements_total{state=\"failed\"} 1",
        "lakeport_rows_sent_total 3",
        "lakeport_statement_duration_seconds_count 2",
        "lakeport_lake_reachable 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    assert_eq!(http_get(server.http, "/nothing").await.0, 404);
    drop(client);
    assert_eq!(server.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_lets_statements_end_and_takes_no_more() {
    let deployment = Deployment::new();
    let server = deployment.spawn(&[]);
    let config =
        format!("host=127.0.0.1 port={} user=lakeport dbname=test", server.postgres.port());
    let (client, connection) =
        tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // Far more than the pipes between hold: the statement runs until somebody reads its rows.
    let wide = "SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 50000) AS t(n)";
    let no_parameters: [&str; 0] = [];
    let rows = client.query_raw(wide, no_parameters).await.unwrap();
    let (watcher, connection) =
        tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // The watching statement is one of those that run.
    let under_way = "SELECT count(*) > 1 FROM lakeport.queries WHERE state = 'running'";
    assert!(watcher.query_one(under_way, &[]).await.unwrap().get::<_, bool>(0));
    server.signal("TERM");
    let address = server.postgres;
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(rows.len(), 50_000);
    // A second signal would stop it at once, with exit code 1.
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_follower_reads_the_catalog_from_the_lake_alone() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.run(&["ingest"]).ok();
    let deployment = deployment.sql("silver/broken.sql", "CREATE NONSENSE");
    let mut all = deployment.command(&["serve", "--follow"]);
    let server = crate::support::Process::start(&mut all);
    assert_eq!(server.terminate(), Some(0));
    deployment.run(&["serve"]).failed();
}

#[test]
fn the_demo_runs_anywhere_and_twice_alike() {
    let folder = tempfile::tempdir().unwrap();
    let demo = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lakeport"));
        command.current_dir(folder.path());
        ended(command.args(["demo", "--no-serve", "--scale", "0.002", "--days", "3", "--json"]))
            .ok()
    };
    let first = demo();
    assert!(
        first.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{}",
        first.stdout
    );
    let again = demo();
    let refreshed: Value = serde_json::from_str(again.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(refreshed["epoch"], Value::Null, "nothing is new: {refreshed}");
    let mut entries: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, [".lakeport"]);
}

/// A process of its own, as far as background work goes: what still runs at its end is dropped.
fn as_a_command<T>(command: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}

#[test]
fn a_lake_run_by_commands_only_gets_checkpoints() {
    let deployment = Deployment::small_shop();
    let (paths, reporter) = (deployment.paths(), Reporter::new(true));
    for day in 1..=22 {
        deployment.deliver(&format!("2026-10-{day:02}"), 100 * day, 3);
        as_a_command(project::ingest(&paths, &[], &reporter)).unwrap();
        as_a_command(project::refresh(&paths, &[], false, &reporter)).unwrap();
    }
    for table in ["bronze/orders", "silver/orders", "_lakeport/epochs", "_lakeport/refreshes"] {
        let last = deployment.path("lake").join(table).join("_delta_log/_last_checkpoint");
        assert!(last.exists(), "{table} has no checkpoint after 22 commits");
    }
}

/// What a person at a terminal sees of a command.
fn on_a_terminal(deployment: &Deployment, arguments: &[&str]) -> Option<String> {
    let command = deployment.command(arguments);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let mut terminal = std::process::Command::new("script");
    terminal
        .env("TERM", "xterm")
        .args(["-qefc", &words.join(" "), "/dev/null"])
        .stdin(std::process::Stdio::null());
    match terminal.output() {
        Ok(output) => {
            let seen = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{seen}");
            Some(seen)
        }
        Err(error) => {
            skip(&format!("script: {error}"));
            None
        }
    }
}

#[test]
fn bars_are_for_terminals() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.deliver("2026-10-31", 4, 3);
    let Some(seen) = on_a_terminal(&deployment, &["ingest"]) else { return };
    assert!(seen.contains("/2 bronze.orders"), "{seen:?}");
    let seen = on_a_terminal(&deployment, &["refresh"]).unwrap();
    assert!(seen.contains("/2 silver.orders"), "{seen:?}");
    for (n, arguments) in [["ingest", "--json"], ["refresh", "--json"]].iter().enumerate() {
        deployment.deliver(&format!("2026-11-0{}", n + 1), 10, 3);
        let seen = on_a_terminal(&deployment, arguments).unwrap();
        assert!(!seen.contains("/1 ") && !seen.contains('\u{1b}'), "{seen:?}");
        let piped = deployment.run(&arguments[..1]).ok();
        assert_eq!(piped.stderr, "", "nothing but results where nobody watches");
    }
}
