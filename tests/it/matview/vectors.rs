//! Rows marked as gone instead of written out of their files, and what others read of them.

use lakeport::lake::{Commit, CommitMode, CommitOutcome};

use super::world::{World, name, orders, states};
use crate::support::python;

const COUNTS: &str = "-- How often an order came.
CREATE MATERIALIZED VIEW silver.counts (PRIMARY KEY (order_id))
REFRESH POLICY INCREMENTAL
TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')
AS SELECT order_id, count(*) AS times FROM bronze.orders GROUP BY order_id;";

/// A view over a table whose rows are marked.
const AGAIN: &str = "-- How often an order came again.
CREATE MATERIALIZED VIEW silver.again REFRESH POLICY INCREMENTAL
AS SELECT order_id, times - 1 AS again FROM silver.counts;";

/// Another reader of the format: count and sum over the table in the folder.
const DELTA_RS: &str = "
import sys, deltalake
table = deltalake.DeltaTable(sys.argv[1])
rows = deltalake.QueryBuilder().register('counts', table).execute(
    'SELECT count(*) AS rows, sum(times) AS times, max(times) AS most FROM counts').read_all()
print(*(column[0].as_py() for column in rows.columns))
";

async fn again(world: &World, ids: impl Iterator<Item = i64>) {
    world.wait(60);
    let rows: Vec<_> = ids.map(|id| (Some(id), "EUR", None)).collect();
    world.arrive("bronze.orders", orders(&rows)).await;
    let report = world.refresh().await;
    assert!(report.views.iter().all(|view| view.state.is_current()), "{:?}", states(&report));
}

/// How rows were put into the view's table, newest first.
async fn ways(world: &World) -> Vec<String> {
    let mut ways = world
        .rows(
            "SELECT r.started_at, o.operator FROM lakeport.refresh_operators AS o \
             JOIN lakeport.refreshes AS r ON r.refresh_id = o.refresh_id \
             WHERE o.operator LIKE '% in silver.counts' ORDER BY 1 DESC",
        )
        .await;
    ways.sort();
    ways.reverse();
    ways.iter().map(|row| row.split_once('|').unwrap().1.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn few_rows_are_marked_and_many_are_written_out() {
    let world = World::new(&[("silver/counts", COUNTS), ("silver/again", AGAIN)]).await;
    again(&world, 0..1000).await;
    again(&world, (0..1000).step_by(200)).await;
    assert_eq!(ways(&world).await[0], "deletion vectors in silver.counts");
    assert_eq!(world.rows("SELECT count(*), sum(times) FROM silver.counts").await, ["1000|1005"]);
    assert_eq!(world.rows("SELECT count(*), sum(again) FROM silver.again").await, ["1000|5"]);
    // The reader of the view read what was marked, not the file it is in.
    let read = world
        .rows(
            "SELECT max(actual_rows) FROM lakeport.refresh_operators NATURAL JOIN (SELECT refresh_id \
             FROM lakeport.refreshes WHERE strategy = 'incremental' AND view_name = 'again') AS n \
             WHERE operator = 'scan silver.counts'",
        )
        .await;
    assert_eq!(read, ["10"]);
    // Marks on marks, and a filter over a file that has them.
    again(&world, [201, 203].into_iter()).await;
    assert_eq!(ways(&world).await[0], "deletion vectors in silver.counts");
    let some = "SELECT order_id, times FROM silver.counts WHERE order_id BETWEEN 199 AND 203";
    assert_eq!(world.rows(some).await, ["199|1", "200|2", "201|2", "202|1", "203|2"]);
    if let Some(python) = python(&["deltalake"]) {
        let folder = world.lake.location(&name("silver.counts")).local_path().unwrap();
        let ran = std::process::Command::new(python)
            .args(["-c", DELTA_RS, folder.to_str().unwrap()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert_eq!(said.trim(), "1000 1007 2", "{}", String::from_utf8_lossy(&ran.stderr));
    }
    again(&world, 300..600).await;
    assert!(ways(&world).await[0].starts_with("keyed replace"), "{:?}", ways(&world).await);
    let wanted = "SELECT count(*), sum(times), max(times) FROM silver.counts";
    assert_eq!(world.rows(wanted).await, ["1000|1307|3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_brought_back_to_what_its_files_held() {
    let world = World::new(&[("silver/counts", COUNTS)]).await;
    let location = world.lake.location(&name("silver.counts"));
    let held = async || {
        let table = world.lake.newest(&location).await.unwrap().unwrap();
        let mut rows: Vec<String> = Vec::new();
        for batch in table.read().await.unwrap() {
            let shown = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap().to_string();
            rows.extend(shown.lines().filter(|line| line.starts_with("| ")).map(str::to_owned));
        }
        rows.sort();
        rows.dedup();
        (table, rows)
    };
    let mut was = Vec::new();
    for ids in
        [(0..1000).step_by(1), (0..1000).step_by(200), (300..600).step_by(1), (5..6).step_by(1)]
    {
        again(&world, ids).await;
        was.push(held().await);
    }
    // Rows marked anew, files written anew, marks upon marks: back and forth.
    for (then, rows) in was.iter().rev().chain(was.iter()) {
        let (now, _) = held().await;
        let commit = Commit {
            location: location.clone(),
            spec: now.spec(),
            files: world.lake.restored(&now, then).unwrap(),
            base: Some(now),
            mode: CommitMode::Edit,
            progress: Vec::new(),
            run: None,
            operation: "RESTORE",
        };
        let CommitOutcome::Committed(table) = world.lake.commit(commit).await.unwrap() else {
            panic!("nobody else is here");
        };
        assert_eq!(&held().await.1, rows, "version {}", then.version());
        assert_eq!(table.rows(), then.rows());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_rows_are_all_gone_goes() {
    let world = World::new(&[("silver/counts", COUNTS)]).await;
    again(&world, 0..3).await;
    again(&world, 0..3).await;
    assert_eq!(world.rows("SELECT count(*), sum(times) FROM silver.counts").await, ["3|6"]);
    let table = world.lake.newest(&world.lake.location(&name("silver.counts"))).await.unwrap();
    assert_eq!(table.unwrap().files().0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_whose_rows_all_change_is_overwritten() {
    const PARTITIONED: &str = "-- How often an order came, by currency.
CREATE MATERIALIZED VIEW silver.counts PARTITIONED BY (currency)
REFRESH POLICY INCREMENTAL
AS SELECT currency, order_id, count(*) AS times FROM bronze.orders GROUP BY currency, order_id;";
    let world = World::new(&[("silver/counts", PARTITIONED)]).await;
    world.arrive("bronze.orders", orders(&[(Some(7), "GBP", None), (Some(8), "GBP", None)])).await;
    again(&world, 0..3).await;
    again(&world, 0..3).await;
    assert_eq!(ways(&world).await[0], "partition overwrite in silver.counts");
    again(&world, 0..2).await;
    assert_eq!(ways(&world).await[0], "keyed replace in silver.counts");
    let rows = "SELECT currency, order_id, times FROM silver.counts";
    let wanted = ["EUR|0|3", "EUR|1|3", "EUR|2|2", "GBP|7|1", "GBP|8|1"];
    assert_eq!(world.rows(rows).await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_that_are_none_are_refused() {
    let create = |property: &str| {
        format!("CREATE MATERIALIZED VIEW silver.v TBLPROPERTIES ({property}) AS SELECT 1 AS one")
    };
    for (property, wanted) in [
        ("'delta.appendOnly' = 'true'", "unrecognized table property \"delta.appendOnly\""),
        (
            "'delta.enableDeletionVectors' = 'maybe'",
            "invalid value for \"delta.enableDeletionVectors\": \"maybe\"",
        ),
    ] {
        let refused = lakeport::syntax::parse_one(&create(property)).unwrap_err();
        assert_eq!(refused.kind(), lakeport::error::ErrorKind::InvalidParameterValue);
        assert_eq!(refused.message(), wanted);
    }
}
