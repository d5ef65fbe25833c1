//! What a refresh says it has read is what its store was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use lakeport::config::Paths;

use crate::oracle;
use crate::support::Deployment;

const BRONZE: &str = "
CREATE STREAMING TABLE bronze.orders
AS SELECT * FROM STREAM read_files('orders/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.customers
AS SELECT * FROM STREAM read_files('customers/*.csv', format => 'csv');
";

const LINES: &str = "
CREATE MATERIALIZED VIEW silver.lines
REFRESH POLICY INCREMENTAL
AS SELECT o.order_id, o.day, o.amount, c.country
FROM bronze.orders AS o JOIN bronze.customers AS c ON c.customer_id = o.customer_id
";

const DAYS: &str = "
CREATE MATERIALIZED VIEW silver.days
REFRESH POLICY INCREMENTAL
AS SELECT day, count(DISTINCT customer_id) AS customers FROM bronze.orders GROUP BY day
";

fn lakeport(deployment: &Deployment, command: &str, log: Option<&str>) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_lakeport"));
    process.arg(command).arg("--dir").arg(deployment.path("lake"));
    for folder in ["catalog", "sql", "landing"] {
        process.arg(format!("--{folder}")).arg(deployment.path(folder));
    }
    process.current_dir(deployment.folder());
    process.envs(log.map(|log| ("LAKEPORT_LOG_READS", deployment.path(log))));
    let output = process.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Data files that the store was asked for, by relation.
fn asked(deployment: &Deployment, of: &str, log: &str) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(deployment.path(log)).unwrap();
    let mut files: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for path in text.lines().filter(|path| path.ends_with(".parquet")) {
        let mut parts = path.rsplit('/').skip(1);
        let (relation, schema) = (parts.next().unwrap(), parts.next().unwrap());
        if schema == of {
            files.entry(format!("{schema}.{relation}")).or_default().insert(path);
        }
    }
    files.into_iter().map(|(relation, files)| (relation, files.len())).collect()
}

/// Refreshed in full after five days, by changes after a sixth, and after a late order; each with its log.
fn followed() -> Deployment {
    let deployment = Deployment::new()
        .catalog("bronze.sql", BRONZE)
        .sql("silver/lines.sql", LINES)
        .sql("silver/days.sql", DAYS);
    let customers: String = (0..50).map(|id| format!("{id},{}\n", ["DE", "GB"][id % 2])).collect();
    deployment.landing("customers/all.csv", format!("customer_id,country\n{customers}"));
    let land = |day: u32| {
        let rows: String = (0..100)
            .map(|n| format!("{day}-{n},{},2026-10-{day:02},{n}.50\n", n * 7 % 50))
            .collect();
        let header = "order_id,customer_id,day,amount\n";
        deployment.landing(&format!("orders/day{day}.csv"), format!("{header}{rows}"));
    };
    for day in 1..=5 {
        land(day);
        lakeport(&deployment, "ingest", None);
    }
    lakeport(&deployment, "refresh", Some("full"));
    land(6);
    lakeport(&deployment, "ingest", None);
    lakeport(&deployment, "refresh", Some("incremental"));
    // A late order of a day there is: that day's row is looked for in the view's own table.
    deployment
        .landing("orders/late.csv", "order_id,customer_id,day,amount\nlate,77,2026-10-03,1.50\n");
    lakeport(&deployment, "ingest", None);
    lakeport(&deployment, "refresh", Some("late"));
    deployment
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_a_refresh_says_it_read_are_those_its_store_was_asked_for() {
    let deployment = followed();
    let paths = Paths {
        catalog: deployment.path("catalog"),
        sql: deployment.path("sql"),
        dir: deployment.path("lake"),
        landing: deployment.path("landing"),
    };
    let services = oracle::open(&paths).await;
    for (strategy, log) in [("full", "full"), ("incremental", "incremental")] {
        let told = format!(
            "SELECT operator || ' ' || view_name || ' ' || files_read FROM lakeport.refresh_operators \
             NATURAL JOIN (SELECT refresh_id FROM lakeport.refreshes WHERE epoch = \
                 (SELECT min(epoch) FROM lakeport.refreshes WHERE strategy = '{strategy}')) AS r \
             WHERE operator LIKE 'scan %' ORDER BY 1"
        );
        let told = oracle::rows(&services, &told).await;
        let asked = asked(&deployment, "bronze", log);
        let (wanted_asked, wanted_told): (_, &[&str]) = match strategy {
            "full" => (
                [("bronze.customers", 1), ("bronze.orders", 5)],
                &[
                    "scan bronze.customers lines 1",
                    "scan bronze.orders days 5",
                    "scan bronze.orders lines 5",
                ],
            ),
            // Of the orders, the file that came; its day was in no other.
            _ => (
                [("bronze.customers", 1), ("bronze.orders", 1)],
                &[
                    "scan bronze.customers lines 1",
                    "scan bronze.orders days 1",
                    "scan bronze.orders lines 1",
                ],
            ),
        };
        let wanted_asked: BTreeMap<String, usize> =
            wanted_asked.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        assert_eq!(told, wanted_told, "{strategy}");
        assert_eq!(asked, wanted_asked, "{strategy}");
    }
    let told = "SELECT operator || ' ' || files_read FROM lakeport.refresh_operators \
         NATURAL JOIN (SELECT refresh_id FROM lakeport.refreshes WHERE epoch = \
             (SELECT max(epoch) FROM lakeport.refreshes)) AS r \
         WHERE operator LIKE '% in silver.days'";
    let told = oracle::rows(&services, told).await;
    assert_eq!(told, ["keyed replace in silver.days 1"]);
    assert_eq!(
        asked(&deployment, "silver", "late"),
        BTreeMap::from([("silver.days".to_owned(), 1)])
    );
}
