//! What a refresh holds in memory does not depend on how large its sources are.
//!
//! A server of its own, because the peak of a process is what counts: nothing it holds escapes that.

use std::ops::Range;

use tokio_postgres::{Client, NoTls};

use crate::support::{Deployment, Process};

const LIMIT_MB: f64 = 256.0;
const ROWS: u32 = 1_000_000;

/// Joined, grouped, and kept by key: everything that an operator could hold whole.
const VIEW: &str = "-- One row a customer.
CREATE MATERIALIZED VIEW silver.customers (PRIMARY KEY (customer)) REFRESH POLICY INCREMENTAL AS
SELECT s.customer, c.name, count(*) AS sales, sum(s.amount) AS amount, max(s.note) AS note
FROM bronze.sales AS s JOIN bronze.customers AS c ON c.customer = s.customer
GROUP BY s.customer, c.name;";

const BRONZE: &str = "
CREATE STREAMING TABLE bronze.sales (sale bigint, customer bigint, amount bigint, note text)
AS SELECT * FROM STREAM read_files('sales/*.csv', format => 'csv');
CREATE STREAMING TABLE bronze.customers (customer bigint, name text)
AS SELECT * FROM STREAM read_files('customers/*.csv', format => 'csv');";

const SALE: &str = "sale,customer,amount,note";

fn sale(n: u32) -> String {
    format!("{n},{},{},some words about sale {n}", n % 200_000, n % 97)
}

fn lines(header: &str, numbers: Range<u32>, line: impl Fn(u32) -> String) -> String {
    let mut text = header.to_owned();
    for n in numbers {
        text.push('\n');
        text.push_str(&line(n));
    }
    text.push('\n');
    text
}

/// Megabytes: what the process holds, and the most it has held since its peak was cleared.
fn memory_mb(process: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

async fn connect(server: &Process) -> Client {
    let config = format!(
        "host={} port={} user=lakeport dbname=test",
        server.postgres.ip(),
        server.postgres.port()
    );
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_stays_within_its_limit_however_large_the_base() {
    let deployment = Deployment::new()
        .catalog_append("lakeport.toml", "\n[limits]\nmemory_bytes = 268435456\n")
        .catalog("bronze.sql", BRONZE)
        .sql("silver/customers.sql", VIEW);
    deployment.landing(
        "customers/1.csv",
        lines("customer,name", 0..200_000, |n| format!("{n},customer {n}")),
    );
    deployment.landing("sales/1.csv", lines(SALE, 0..ROWS, sale));
    deployment.run(&["ingest"]).ok();
    let server = deployment.spawn(&[]);
    let client = connect(&server).await;
    let refresh = "REFRESH MATERIALIZED VIEW silver.customers";
    let mut peaks = Vec::new();
    for change in [None, Some(ROWS..ROWS + 1000)] {
        if let Some(more) = change {
            deployment.landing("sales/2.csv", lines(SALE, more, sale));
            deployment.run(&["ingest"]).ok();
            // The server learns of it within its freshness.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        let (before, _) = memory_mb(server.id());
        // 5 clears the peak: proc(5), clear_refs.
        std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
        client.simple_query(refresh).await.unwrap();
        peaks.push(memory_mb(server.id()).1 - before);
    }
    println!("peaks of the full and the incremental refresh: {peaks:?} MB");
    assert!(peaks.iter().all(|peak| *peak < LIMIT_MB), "{peaks:?} MB");
    let strategies = "SELECT strategy FROM lakeport.refreshes WHERE view_name = 'customers' \
                      ORDER BY started_at";
    let strategies = client.query(strategies, &[]).await.unwrap();
    let strategies: Vec<String> = strategies.iter().map(|row| row.get(0)).collect();
    assert_eq!(strategies.last().map(String::as_str), Some("incremental"), "{strategies:?}");
    server.terminate();
}
