//! Looking after tables over the wire: history, small files, old versions; and killed on the way.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use lakeport::clock::{Clock, ManualClock, SystemClock};
use lakeport::config::Paths;
use lakeport::ingest::IngestRequest;
use lakeport::lake::{Lake, LakeRoot};
use lakeport::matview::RefreshRequest;
use lakeport::project::{self, Overrides};
use lakeport::session::Services;

use crate::support::{Deployment, Process, TestServer, text_rows};

const HOUR: Duration = Duration::from_secs(3600);

/// A small shop whose lake was filled three weeks ago, an epoch or two an hour.
async fn old_shop(config: &str) -> (Deployment, Vec<Vec<String>>) {
    let deployment = Deployment::small_shop()
        .catalog_append("lakeport.toml", config)
        // Rebuilt whole each time, so that each version leaves files that nobody needs later.
        .sql(
            "silver/orders.sql",
            "CREATE MATERIALIZED VIEW silver.orders REFRESH POLICY FULL AS\n\
             SELECT CAST(order_id AS bigint) AS order_id, CAST(day AS date) AS day,\n\
             CAST(amount AS numeric(10, 2)) AS amount\nFROM bronze.orders;\n",
        );
    let clock = ManualClock::new(SystemClock.now() - TimeDelta::days(21));
    let services = open(&deployment, clock.clone()).await;
    project::apply_files(&services, &deployment.paths()).await.map_err(|_| "apply").unwrap();
    for day in 0..6 {
        clock.advance(HOUR);
        deployment.deliver(&format!("2026-10-1{day}"), day * 10, 10);
        services.ingester.ingest(&IngestRequest::default()).await.unwrap();
        clock.advance(HOUR);
        let request = RefreshRequest { attempt: 1, ..RefreshRequest::default() };
        services.refresher.refresh(&request).await.unwrap();
    }
    services.lake.settle().await;
    let rows = state(&services.lake).await;
    age(&deployment.path("lake"));
    (deployment, rows)
}

async fn open(deployment: &Deployment, clock: Arc<dyn Clock>) -> Arc<Services> {
    let paths: Paths = deployment.paths();
    let config = project::load_config(&paths, Overrides::default()).map_err(|_| "config").unwrap();
    project::open_at(LakeRoot::Folder(paths.dir.clone()), &paths, config, clock).await.unwrap()
}

/// Files were written just now; the lake says otherwise.
fn age(folder: &Path) {
    let then = SystemTime::now() - 24 * 20 * HOUR;
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap().is_dir() {
            true => age(&entry.path()),
            false => {
                let file = std::fs::File::options().write(true).open(entry.path()).unwrap();
                file.set_modified(then).unwrap();
            }
        }
    }
}

/// Every readable epoch: the rows of every relation in it, sorted.
async fn state(lake: &Lake) -> Vec<Vec<String>> {
    let mut epochs = Vec::new();
    for epoch in 1..=lake.epoch().epoch {
        let mut rows = vec![format!("epoch {epoch}")];
        let Ok(found) = lake.epoch_at(epoch).await else { continue };
        for relation in found.relations.values() {
            let place = lake.relative(&relation.location);
            let table = lake.at_version(&relation.location, relation.version).await.unwrap();
            for batch in table.read().await.unwrap_or_else(|e| panic!("{place} {epoch}: {e:?}")) {
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter().map(|column| {
                        arrow::util::display::array_value_to_string(column, row).unwrap()
                    });
                    rows.push(format!("{place} {}", cells.collect::<Vec<_>>().join("|")));
                }
            }
        }
        rows[1..].sort();
        epochs.push(rows);
    }
    epochs
}

fn data_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "parquet")).count()
}

async fn code(client: &tokio_postgres::Client, sql: &str) -> String {
    let error = client.simple_query(sql).await.expect_err(sql);
    error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_go_and_the_newest_stays_over_the_wire() {
    let (deployment, before) = old_shop("[retention]\nkeep = [4]\n").await;
    let services = open(&deployment, Arc::new(SystemClock)).await;
    let server = TestServer::start(services, &deployment.paths()).await;
    let client = server.client().await;
    let (bronze, silver) =
        (deployment.path("lake/bronze/orders"), deployment.path("lake/silver/orders"));
    assert_eq!((data_files(&bronze), data_files(&silver)), (6, 6));
    // Views are rebuilt whole, so each version has its own file; all but the newest and the kept go.
    let told = text_rows(&client, "VACUUM silver.orders DRY RUN").await.unwrap();
    assert_eq!((told.len(), data_files(&silver)), (4, 6));
    client.simple_query("VACUUM silver.orders").await.unwrap();
    assert_eq!(data_files(&silver), 2);
    client.simple_query("OPTIMIZE bronze.orders").await.unwrap();
    assert_eq!(data_files(&bronze), 7);
    // The view was computed from the files before, and so were the epochs.
    client.simple_query("VACUUM bronze.orders").await.unwrap();
    assert_eq!(data_files(&bronze), 7);
    assert_eq!(
        server.rows("SELECT count(*) FROM silver.orders").await[0][0].as_deref(),
        Some("60")
    );
    assert_eq!(
        server.rows("SELECT count(*) FROM bronze.orders").await[0][0].as_deref(),
        Some("60")
    );

    let kept = before.iter().find(|epoch| epoch[0] == "epoch 4").unwrap().len() - 1;
    assert!(kept > 0);
    client.simple_query("SET lakeport.as_of = '4'").await.unwrap();
    let then = text_rows(&client, "SELECT count(*) FROM bronze.orders").await.unwrap();
    assert_eq!(then[0][0].as_deref(), Some("20"));
    client.simple_query("RESET lakeport.as_of").await.unwrap();
    assert_eq!(code(&client, "SET lakeport.as_of = '3'").await, "72000");
    assert_eq!(code(&client, "SELECT * FROM silver.orders VERSION AS OF 1").await, "72000");
    let now: Vec<_> = state(&server.services.lake).await;
    for epoch in &now {
        if let Some(same) = before.iter().find(|old| old[0] == epoch[0]) {
            assert_eq!(same, epoch);
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn history_says_who_wrote_what_and_which_epoch_has_it() {
    let deployment = Deployment::small_shop();
    let server = deployment.serve().await;
    for day in 0..3 {
        deployment.deliver(&format!("2026-10-1{day}"), day * 10, 10);
        server.services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    }
    let client = server.client().await;
    client.simple_query("OPTIMIZE bronze.orders").await.unwrap();
    let rows = server.rows("DESCRIBE HISTORY bronze.orders").await;
    let column = |index: usize| -> Vec<&str> {
        rows.iter().map(|row| row[index].as_deref().unwrap_or("NULL")).collect()
    };
    assert_eq!(column(0), ["3", "2", "1", "0"], "newest first");
    assert_eq!(column(2)[0], "OPTIMIZE");
    assert_eq!(column(4), ["2", "1", "0", "NULL"]);
    assert!(column(6)[0].contains("numRemovedFiles"), "{rows:?}");
    assert!(column(7).iter().all(|engine| engine.starts_with("lakeport:")));
    let epochs = server
        .rows("SELECT epoch, run_id FROM lakeport.epochs WHERE relation_name = 'orders' AND schema_name = 'bronze' ORDER BY epoch DESC")
        .await;
    let told: Vec<_> = rows.iter().map(|row| vec![row[9].clone(), row[8].clone()]).collect();
    assert_eq!(told, epochs);
    let one = server.rows("DESCRIBE HISTORY bronze.orders LIMIT 1").await;
    assert_eq!(one, rows[..1]);
    // The other protocol says the same.
    let mut flight = server.flight().await;
    let batches = flight.query("DESCRIBE HISTORY bronze.orders").await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 4);
    assert_eq!(flight.update("OPTIMIZE bronze.orders").await.unwrap(), 0);
    let names: Vec<String> =
        batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names[..3], ["version", "timestamp", "operation"]);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_killed_anywhere_leaves_everything_readable() {
    const SCRIPT: [&str; 4] = [
        "VACUUM silver.orders",
        "OPTIMIZE bronze.orders",
        "VACUUM bronze.orders",
        "VACUUM gold_finance.revenue",
    ];
    let (deployment, before) = old_shop("").await;
    let base = deployment.path("base");
    std::fs::rename(deployment.path("lake"), &base).unwrap();
    let newest = before.last().unwrap()[1..].to_vec();
    let mut reached = 0;
    for at in 1.. {
        let lake = deployment.path("lake");
        let _ = std::fs::remove_dir_all(&lake);
        copy(&base, &lake);
        let mut command = deployment.command(&["serve", "--follow"]);
        command.env("LAKEPORT_CRASH_WHEN", if at % 2 == 0 { "before" } else { "after" });
        let server = Process::start(command.env("LAKEPORT_CRASH_AT", at.to_string()));
        let killed = script(server.postgres, &SCRIPT).await.is_err();
        drop(server);
        let lake = || async {
            let root = LakeRoot::Folder(deployment.path("lake"));
            Lake::open(root, Arc::new(SystemClock)).await.unwrap()
        };
        let seen = state(&lake().await).await;
        assert_eq!(without_number(seen.last().unwrap()), newest, "killed at {at}");
        for epoch in &seen {
            if let Some(same) = before.iter().find(|old| old[0] == epoch[0]) {
                assert_eq!(same, epoch, "killed at {at}");
            }
        }
        let server = Process::start(&mut deployment.command(&["serve", "--follow"]));
        script(server.postgres, &SCRIPT).await.unwrap();
        assert_eq!(server.terminate(), Some(0));
        let healed = state(&lake().await).await;
        assert_eq!(without_number(healed.last().unwrap()), newest, "after {at}");
        assert_eq!(data_files(&deployment.path("lake/silver/orders")), 1, "after {at}");
        if !killed {
            break;
        }
        reached += 1;
    }
    assert!(reached > 10, "only {reached} kills");
}

fn without_number(epoch: &[String]) -> Vec<String> {
    epoch[1..].to_vec()
}

/// Runs statements until one fails, or the server is gone.
async fn script(
    address: std::net::SocketAddr,
    statements: &[&str],
) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::Config::new()
        .host(address.ip().to_string())
        .port(address.port())
        .user("lakeport")
        .dbname("test")
        .connect(tokio_postgres::NoTls)
        .await?;
    tokio::spawn(connection);
    for statement in statements {
        client.simple_query(statement).await?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                std::fs::copy(entry.path(), &target).unwrap();
                let then = entry.metadata().unwrap().modified().unwrap();
                let file = std::fs::File::options().write(true).open(&target).unwrap();
                file.set_modified(then).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_others_took_the_place_of_go_with_their_epochs() {
    let deployment = Deployment::new();
    let folders = || {
        let found = std::fs::read_dir(deployment.path("lake/sandbox")).unwrap().flatten();
        let is_table = |folder: &std::fs::DirEntry| {
            std::fs::read_dir(folder.path().join("_delta_log")).is_ok_and(|log| log.count() > 0)
        };
        found.filter(is_table).count()
    };
    {
        let server = deployment.serve().await;
        let client = server.client().await;
        client.simple_query("CREATE TABLE sandbox.t AS SELECT 0 AS a").await.unwrap();
        for round in 1..4 {
            let sql = format!(
                "BEGIN; CREATE TABLE sandbox.t__new AS SELECT {round} AS a; \
                 ALTER TABLE sandbox.t RENAME TO t__old; ALTER TABLE sandbox.t__new RENAME TO t; \
                 DROP TABLE sandbox.t__old; COMMIT"
            );
            client.simple_query(&sql).await.unwrap();
        }
    }
    assert_eq!(folders(), 4);
    // Epochs that can be read have them all.
    let services = open(&deployment, Arc::new(SystemClock)).await;
    services.maintenance.sweep().await.unwrap();
    assert_eq!(folders(), 4);
    age(&deployment.path("lake/sandbox"));
    let later = ManualClock::new(SystemClock.now() + TimeDelta::days(8));
    let services = open(&deployment, later).await;
    services.maintenance.sweep().await.unwrap();
    // What has the folder of its own name is left: the name goes on there.
    assert_eq!(folders(), 2);
    let server = deployment.serve().await;
    let client = server.client().await;
    let rows = text_rows(&client, "SELECT a FROM sandbox.t").await.unwrap();
    assert_eq!(rows, [[Some("3".to_owned())]]);
}
