//! One company's sales as three spreadsheets deliver them: the same tables, whichever comes, in whatever order.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lakeport::config::Paths;
use lakeport::session::Services;
use tempfile::TempDir;

use crate::oracle;
use crate::support::shared_data;

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

/// A date as m/d/yyyy, written otherwise.
type Form = fn(u32, u32, u32) -> String;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const FORMS: [(&str, Form); 6] = [
    ("iso", |m, d, y| format!("{y}-{m:02}-{d:02}")),
    ("words", |m, d, y| format!("{d}-{}-{y}", MONTHS[m as usize - 1])),
    ("words first", |m, d, y| format!("{} {d}, {y}", MONTHS[m as usize - 1])),
    ("day first", |m, d, y| format!("{d:02}/{m:02}/{y}")),
    ("time of day", |m, d, y| format!("{y}-{m:02}-{d:02} 00:00:00")),
    // What a spreadsheet with years of two digits makes of those it takes for dates.
    ("short years", |m, d, y| match d {
        13.. => format!("{m}/{d}/{y}"),
        _ => format!("{m:02}-{d:02}-{:02}", y % 100),
    }),
];

/// A delivery's files with every m/d/yyyy written in another form.
fn rewritten(delivery: &Path, rows: usize, form: Form) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, content) in files(delivery, rows) {
        let mut text = String::new();
        for byte in &content {
            // Latin 1 keeps every byte apart, whatever it means.
            write!(text, "{}", char::from(*byte)).unwrap();
        }
        let dated: Vec<String> = text
            .split(',')
            .map(|field| {
                let (value, rest) = field.split_at(field.find('\r').unwrap_or(field.len()));
                let parts: Vec<u32> =
                    value.split('/').filter_map(|part| part.parse().ok()).collect();
                match parts.as_slice() {
                    [month, day, year] => quoted(&form(*month, *day, *year)) + rest,
                    _ => match rest
                        .split_once('\n')
                        .map(|(end, next)| (end, next.split('/').collect::<Vec<_>>()))
                    {
                        // The first field of the next line may be a date as well.
                        Some((end, next)) if next.len() == 3 => {
                            let numbers: Vec<u32> =
                                next.iter().filter_map(|part| part.parse().ok()).collect();
                            match numbers.as_slice() {
                                [month, day, year] => {
                                    format!("{value}{end}\n{}", quoted(&form(*month, *day, *year)))
                                }
                                _ => field.to_owned(),
                            }
                        }
                        _ => field.to_owned(),
                    },
                }
            })
            .collect();
        let bytes = dated.join(",").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        all.push((name, bytes));
    }
    all
}

fn quoted(value: &str) -> String {
    if value.contains(',') { format!("\"{value}\"") } else { value.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_with_another_form_of_dates_is_right() {
    let Some([us, _]) = deliveries() else { return };
    let rows = 1500;
    let original = Lake::open().await;
    original.deliver(&us, "a", rows).await;
    let expected = original.silver().await;
    for (name, form) in FORMS {
        let lake = Lake::open().await;
        for (file, content) in rewritten(&us, rows, form) {
            lake.write("third", &file, &content);
        }
        lake.refresh().await;
        assert_same(&expected, &lake.silver().await, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_cannot_be_told_is_in_quarantine() {
    let Some([us, _]) = deliveries() else { return };
    let lake = Lake::open().await;
    for (name, content) in files(&us, 5) {
        if !name.starts_with("Sales") && !name.starts_with("Customers") {
            lake.write("a", &name, &content);
        }
    }
    let sales = "Order Number,Line Item,Order Date,Delivery Date,CustomerKey,StoreKey,ProductKey,Quantity,Currency Code\n\
                 366000,1,2/1/2016,,301,10,1304,1,CAD\n\
                 399001,1,3/2/2016,03-02-2016,301,0,1304,1,CAD\n\
                 399002,1,03-02-2016,tomorrow,301,0,1304,1,CAD\n\
                 400001,1,04.02.16,5-Feb-16,301,0,1304,1,CAD\n\
                 400002,1,42404,2016-02-30,301,0,1304,1,CAD\n";
    lake.write("a", "Sales.csv", sales.as_bytes());
    let customers = "CustomerKey,Gender,Name,City,State Code,State,Zip Code,Country,Continent,Birthday\n\
                     1,Male,\"Line\nBreak\",X,X,X,1,Italy,Europe,13/1/1990\n\
                     2,Male,Both,X,X,X,1,Italy,Europe,1/13/1990\n\
                     3,Male,Neither,X,X,X,1,Italy,Europe,1/2/1990\n\
                     4,Male,Short,X,X,X,1,Italy,Europe,13-Jan-39\n";
    // Of two habits in one delivery neither proves anything; the other delivery has its own.
    lake.write("b", "Customers.csv", customers.as_bytes());
    lake.refresh().await;
    let lines = "SELECT order_number, order_date, delivery_date FROM silver.order_lines ORDER BY 1";
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
