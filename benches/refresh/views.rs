//! The views that are refreshed, and how long DuckDB takes for the same.

use std::path::Path;
use std::process::Command;

/// A view's name and query.
pub(crate) struct View {
    pub(crate) name: &'static str,
    pub(crate) query: &'static str,
}

/// Views that nothing happens to, so that there are fifty.
pub(crate) const SMALL: usize = 44;

/// One of them: its name and query.
pub(crate) fn small(number: usize) -> (String, String) {
    let query = format!("SELECT c_custkey FROM bronze.customer WHERE c_nationkey = {number}");
    (format!("nation_{number}"), query)
}

/// The SQL is the same for both engines but for the schema.
pub(crate) const VIEWS: [View; 6] = [
    View {
        name: "filtered",
        query: "SELECT l_orderkey, l_partkey, l_shipdate, l_extendedprice * (1 - l_discount) AS revenue \
                FROM bronze.lineitem WHERE l_quantity > 25",
    },
    View {
        name: "joined",
        query: "SELECT c_nationkey AS nation, date_trunc('month', l_shipdate) AS month, \
                       sum(l_extendedprice) AS revenue, count(*) AS lines \
                FROM bronze.lineitem \
                JOIN bronze.orders ON o_orderkey = l_orderkey \
                JOIN bronze.customer ON c_custkey = o_custkey \
                GROUP BY c_nationkey, date_trunc('month', l_shipdate)",
    },
    View {
        name: "windowed",
        query: "SELECT l_suppkey, l_shipdate, l_orderkey, l_extendedprice, \
                       sum(l_extendedprice) OVER (PARTITION BY l_shipdate, l_suppkey) AS of_day \
                FROM bronze.lineitem",
    },
    View { name: "distinct", query: "SELECT DISTINCT l_shipdate, l_partkey FROM bronze.lineitem" },
    View {
        name: "summed",
        query: "SELECT l_returnflag, l_linestatus, sum(l_quantity) AS quantity, \
                       sum(l_extendedprice) AS price, count(*) AS lines \
                FROM bronze.lineitem GROUP BY l_returnflag, l_linestatus",
    },
    View {
        name: "by_day",
        query: "SELECT l_shipdate, max(l_extendedprice) AS most, count(DISTINCT l_suppkey) AS suppliers \
                FROM bronze.lineitem GROUP BY l_shipdate",
    },
];

const SCRIPT: &str = r#"
import sys, time, duckdb
folder, out = sys.argv[1], sys.argv[2]
db = duckdb.connect()
db.sql("create schema bronze")
for table in ("lineitem", "orders", "customer"):
    db.sql(f"create view bronze.{table} as select * from read_parquet('{folder}/{table}.parquet')")
for query in sys.argv[3:]:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        db.sql(f"copy ({query}) to '{out}' (format parquet)")
        times.append((time.perf_counter() - started) * 1000)
    print(sorted(times)[1])
"#;

/// Milliseconds DuckDB takes to compute each view from Parquet to Parquet; empty without DuckDB.
pub(crate) fn duckdb(tables: &Path) -> Vec<f64> {
    let Ok(python) = std::env::var("LAKEPORT_PYTHON") else { return Vec::new() };
    let out = tables.join("copy.parquet");
    let mut command = Command::new(python);
    command.arg("-c").arg(SCRIPT).arg(tables).arg(&out);
    let output = command.args(VIEWS.iter().map(|view| view.query)).output();
    let Ok(output) = output else { return Vec::new() };
    if !output.status.success() {
        println!("duckdb: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}
