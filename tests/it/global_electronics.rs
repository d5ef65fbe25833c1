//! One company's sales as three spreadsheets deliver them: the same tables, whichever comes, in whatever order.

mod forms;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lakeport::config::Paths;
use lakeport::session::Services;
use tempfile::TempDir;

use crate::oracle;
use crate::support::shared_data;

use forms::{Delivery, FORMS, Form, Outcome, ROWS, base, delivery, form};

const SILVER: [&str; 5] = ["order_lines", "products", "stores", "customers", "exchange_rates"];

/// A lake of the deployment with an empty landing folder.
struct Lake {
    folder: TempDir,
    services: Arc<Services>,
}

impl Lake {
    async fn open() -> Self {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/global_electronics");
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            catalog: root.join("catalog"),
            sql: root.join("sql"),
            dir: folder.path().join("lake"),
            landing: folder.path().join("landing"),
        };
        fs::create_dir_all(paths.landing.join("global_electronics")).unwrap();
        Self { folder, services: oracle::open(&paths).await }
    }

    fn write(&self, delivery: &str, file: &str, content: &[u8]) {
        let folder = self.folder.path().join("landing/global_electronics").join(delivery);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), content).unwrap();
    }

    /// Lands a delivery, some rows of each of its files, and refreshes everything.
    async fn deliver(&self, from: &Path, as_name: &str, rows: usize) {
        for (name, content) in files(from, rows) {
            self.write(as_name, &name, &content);
        }
        self.refresh().await;
    }

    fn land(&self, as_name: &str, delivery: &Delivery) {
        for (name, content) in &delivery.files {
            self.write(as_name, name, content.as_bytes());
        }
    }

    async fn refresh(&self) {
        oracle::ingest(&self.services).await;
        oracle::refresh(&self.services).await;
    }

    /// Every silver table, row by row, as text.
    async fn silver(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut tables = Vec::new();
        for table in SILVER {
            let mut rows =
                oracle::rows(&self.services, &format!("SELECT * FROM silver.{table}")).await;
            rows.sort();
            tables.push((table, rows));
        }
        tables
    }

    async fn quarantined(&self) -> Vec<String> {
        let mut counts = Vec::new();
        for table in SILVER {
            let sql = format!("SELECT count(*) FROM quarantine.silver__{table}");
            counts.push(oracle::rows(&self.services, &sql).await.remove(0));
        }
        counts
    }
}

/// The first rows of each file of a delivery; all products and rates, which sales refer to.
fn files(delivery: &Path, rows: usize) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(delivery).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let content = fs::read(&path).unwrap();
        let whole = name.starts_with("Products") || name.starts_with("Exchange");
        let lines = content.split_inclusive(|byte| *byte == b'\n');
        let kept = lines.take(if whole { usize::MAX } else { rows.saturating_add(1) });
        files.push((name, kept.collect::<Vec<_>>().concat()));
    }
    files
}

fn deliveries() -> Option<[PathBuf; 2]> {
    Some([
        shared_data("global_electronics/delivery_us")?,
        shared_data("global_electronics/delivery_in")?,
    ])
}

fn assert_same(left: &[(&str, Vec<String>)], right: &[(&str, Vec<String>)], what: &str) {
    for ((table, left), (_, right)) in left.iter().zip(right) {
        let differs = left.iter().zip(right).find(|(left, right)| left != right);
        assert!(
            left == right,
            "{what}: {table}: {} and {} rows, {differs:?}",
            left.len(),
            right.len()
        );
        assert!(!left.is_empty(), "{what}: {table} is empty");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn either_delivery_alone_is_what_duckdb_makes_of_the_original() {
    let Some([us, india]) = deliveries() else { return };
    for delivery in [&us, &india] {
        let lake = Lake::open().await;
        lake.deliver(delivery, "2026-01", usize::MAX).await;
        oracle::compare(&lake.services, "global_electronics.py", &us).await;
        assert_eq!(lake.quarantined().await, ["0", "0", "0", "0", "0"]);
        let totals = "SELECT count(*), sum(revenue_usd) FROM silver.order_lines";
        assert_eq!(oracle::rows(&lake.services, totals).await, ["62884|55755479.59"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_in_any_order_and_twice_change_nothing() {
    let Some([us, india]) = deliveries() else { return };
    let rows = 4000;
    let alone = Lake::open().await;
    alone.deliver(&us, "a", rows).await;
    let expected = alone.silver().await;
    for order in [[&us, &india, &us], [&india, &us, &india]] {
        let lake = Lake::open().await;
        for (number, delivery) in order.into_iter().enumerate() {
            lake.deliver(delivery, &format!("delivery-{number}"), rows).await;
            assert_same(&expected, &lake.silver().await, "after another delivery");
        }
    }
}

/// What is there of what a delivery says, and what is there besides.
fn compared(
    delivery: &Delivery,
    found: &[String],
    others: &BTreeSet<String>,
) -> (usize, Vec<String>) {
    let found: BTreeSet<&String> = found.iter().collect();
    let there = delivery.rows.iter().filter(|row| found.contains(row)).count();
    let wrong = |row: &&&String| !delivery.rows.contains(**row) && !others.contains(**row);
    (there, found.iter().filter(wrong).map(|row| (**row).clone()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_in_any_form_of_dates_is_right_or_in_quarantine_and_never_wrong() {
    let lake = Lake::open().await;
    let base = base(999);
    lake.land("base", &base);
    let mut all = base.rows.clone();
    let mut deliveries = Vec::new();
    for (number, (name, outcome, form)) in (1..).zip(FORMS) {
        let delivery = delivery(number, *form, *form);
        lake.land(name, &delivery);
        all.extend(delivery.rows.iter().cloned());
        deliveries.push((name, outcome, delivery));
    }
    lake.refresh().await;
    let found = oracle::rows(&lake.services, ROWS).await;
    for (name, outcome, delivery) in &deliveries {
        let (there, wrong) = compared(delivery, &found, &all);
        assert!(wrong.is_empty(), "{name}: {} wrong, {:?}", wrong.len(), wrong.first());
        let complete = there == delivery.rows.len();
        assert_eq!(
            complete,
            **outcome == Outcome::Right,
            "{name}: {there} of {}",
            delivery.rows.len()
        );
    }
    let (there, _) = compared(&base, &found, &all);
    assert_eq!(there, base.rows.len());

    // What some of them said, said once more in a form that is understood, is there.
    for (number, (name, outcome, _)) in (1..).zip(FORMS) {
        if *outcome == Outcome::Apart {
            let form: Form = |day| form(day, "%-m/%-d/%Y");
            lake.land(&format!("{name}, again"), &delivery(number, form, form));
        }
    }
    lake.refresh().await;
    let found = oracle::rows(&lake.services, ROWS).await;
    assert_eq!(found.into_iter().collect::<BTreeSet<String>>(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_proves_no_habit_for_another_that_contradicts_it() {
    // Sales month first, all else day first; then all else without any sales.
    let month_first: Form = |day| form(day, "%-m/%-d/%Y");
    let day_first: Form = |day| form(day, "%-d/%-m/%Y");
    for (what, with_sales) in [("beside sales", true), ("alone", false)] {
        let lake = Lake::open().await;
        let base = base(999);
        lake.land("base", &base);
        let mut delivery = delivery(1, month_first, day_first);
        if !with_sales {
            delivery.files.remove(0);
        }
        lake.land("a", &delivery);
        lake.refresh().await;
        let found = oracle::rows(&lake.services, ROWS).await;
        let (there, wrong) = compared(&delivery, &found, &base.rows);
        assert!(wrong.is_empty(), "{what}: {} wrong, {:?}", wrong.len(), wrong[0]);
        assert!(there < delivery.rows.len(), "{what}: {there}");
        let unmistakable = "SELECT count(*) > 5 FROM silver.customers \
                            WHERE customer_key < 2000 AND extract(day FROM born_on) > 12";
        assert_eq!(oracle::rows(&lake.services, unmistakable).await, ["true"], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_cannot_be_told_is_in_quarantine() {
    let Some([us, _]) = deliveries() else { return };
    let lake = Lake::open().await;
    for (name, content) in files(&us, 5) {
        if !name.starts_with("Customers") {
            lake.write("a", &name, &content);
        }
    }
    let sales = "Order Number,Line Item,Order Date,Delivery Date,CustomerKey,StoreKey,ProductKey,Quantity,Currency Code\n\
                 366900,1,2/1/2016,,301,10,1304,1,CAD\n\
                 399001,1,3/2/2016,03-02-2016,301,0,1304,1,CAD\n\
                 399002,1,03-02-2016,tomorrow,301,0,1304,1,CAD\n\
                 400001,1,04.02.16,5-Feb-16,301,0,1304,1,CAD\n\
                 400002,1,42404,2016-02-30,301,0,1304,1,CAD\n";
    lake.write("c", "Sales.csv", sales.as_bytes());
    let customers = "CustomerKey,Gender,Name,City,State Code,State,Zip Code,Country,Continent,Birthday\n\
                     1,Male,\"Line\nBreak\",X,X,X,1,Italy,Europe,13/1/1990\n\
                     2,Male,Both,X,X,X,1,Italy,Europe,1/13/1990\n\
                     3,Male,Neither,X,X,X,1,Italy,Europe,1/2/1990\n\
                     4,Male,Short,X,X,X,1,Italy,Europe,13-Jan-39\n";
    // Of two habits in one delivery neither proves anything; the other delivery has its own.
    lake.write("b", "Customers.csv", customers.as_bytes());
    lake.refresh().await;
    let lines = "SELECT order_number, order_date, delivery_date FROM silver.order_lines \
                 WHERE order_number >= 366900 ORDER BY 1";
    assert_eq!(
        oracle::rows(&lake.services, lines).await,
        ["399001|2016-02-03|2016-02-03", "400001|2016-02-04|2016-02-05"]
    );
    let refused =
        "SELECT order_number, _constraints FROM quarantine.silver__order_lines ORDER BY 1";
    let refused = oracle::rows(&lake.services, refused).await;
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().all(|row| row.contains("dates_are_certain")), "{refused:?}");
    let people = "SELECT name, born_on FROM silver.customers ORDER BY customer_key";
    assert_eq!(
        oracle::rows(&lake.services, people).await,
        ["Line Break|1990-01-13", "Both|1990-01-13", "Short|1939-01-13"]
    );
}
