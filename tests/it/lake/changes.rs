//! What happened to a table between two versions is the difference of its rows, whoever wrote it.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;
use lakeport::lake::{ChangesOutcome, Lake, Table, WEIGHT_COLUMN};

use super::memory;

/// Rows as text, and how often each is there.
type Bag = HashMap<String, i64>;

/// Adds rows; the weight is a column of its own, or everywhere `times`.
fn add(bag: &mut Bag, batches: &[RecordBatch], columns: &[String], times: i64) {
    for batch in batches {
        let weight = batch.schema().index_of(WEIGHT_COLUMN).ok();
        for row in 0..batch.num_rows() {
            let value = |name: &String| match batch.column_by_name(name) {
                Some(column) => array_value_to_string(column, row).unwrap(),
                None => String::new(),
            };
            let text: Vec<String> = columns.iter().map(value).collect();
            let weight = weight.map_or(times, |at| {
                times
                    * array_value_to_string(batch.column(at), row).unwrap().parse::<i64>().unwrap()
            });
            *bag.entry(text.join("|")).or_default() += weight;
        }
    }
    bag.retain(|_, weight| *weight != 0);
}

fn columns(table: &Table) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// The changes between two versions, summed up; `None` where they cannot be told.
async fn changes(lake: &Lake, from: &Table, to: &Table) -> Option<Bag> {
    let ChangesOutcome::Readable(changes) = lake.changes(from, to).await.unwrap() else {
        return None;
    };
    let session = SessionContext::new();
    let rows = session.read_table(changes.provider()).unwrap().collect().await.ok()?;
    let mut bag = Bag::new();
    add(&mut bag, &rows, &columns(to), 1);
    Some(bag)
}

/// The versions of a table whose rows can be read.
async fn readable(lake: &Lake, newest: &Table) -> Vec<(Table, Vec<RecordBatch>)> {
    let mut versions = Vec::new();
    for version in newest.version().saturating_sub(12)..=newest.version() {
        let Ok(table) = lake.at_version(newest.location(), version).await else { continue };
        if table.rows().is_some_and(|rows| rows > 20_000) {
            continue;
        }
        let Ok(rows) = table.read().await else { continue };
        versions.push((table, rows));
    }
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_other_writers_tables_are_the_difference_of_their_versions() {
    let lake = memory().await;
    let (mut tables, mut pairs, mut untold) = (0, 0, Vec::new());
    for set in ["delta_rs", "delta_spark_golden"] {
        let Some(data) = crate::support::shared_data(set) else { return };
        let data = data.canonicalize().unwrap();
        let mut below = vec![data];
        while let Some(entry) = below.pop() {
            // Some lie in a folder of their own inside another.
            if !entry.join("_delta_log").is_dir() {
                let inner = std::fs::read_dir(entry).unwrap().map(|entry| entry.unwrap().path());
                below.extend(inner.filter(|path| path.is_dir()));
                continue;
            }
            let Ok(location) = lake.external_location(entry.to_str().unwrap()) else { continue };
            let Ok(Some(newest)) = lake.newest(&location).await else { continue };
            let versions = readable(&lake, &newest).await;
            tables += usize::from(versions.len() > 1);
            for pair in versions.windows(2) {
                let [(before, had), (after, has)] = pair else { continue };
                let Some(found) = changes(&lake, before, after).await else {
                    untold.push(format!("{} {}", entry.display(), after.version()));
                    continue;
                };
                let mut wanted = Bag::new();
                add(&mut wanted, has, &columns(after), 1);
                add(&mut wanted, had, &columns(after), -1);
                assert_eq!(found, wanted, "{} {}", entry.display(), after.version());
                pairs += 1;
            }
            // What happened over several versions is what happened over each of them.
            if let ([(first, _), ..], [.., (last, _)]) = (versions.as_slice(), versions.as_slice())
                && let Some(whole) = changes(&lake, first, last).await
            {
                let mut stepwise = Bag::new();
                add(&mut stepwise, &versions[versions.len() - 1].1, &columns(last), 1);
                add(&mut stepwise, &versions[0].1, &columns(last), -1);
                assert_eq!(whole, stepwise, "{}", entry.display());
            }
        }
    }
    println!("{tables} tables, {pairs} pairs of versions; not told: {untold:#?}");
    assert!(tables > 25 && pairs > 130, "{tables} tables, {pairs} pairs");
}
