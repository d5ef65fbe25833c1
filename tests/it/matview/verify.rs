//! Views compared with their queries: what is planted is found, said, and healed.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Float64Type, Int64Type, Schema};
use lakeport::config::Config;
use lakeport::error::ErrorKind;
use lakeport::lake::{Commit, CommitMode, CommitOutcome, Run, RunKind, Table, TableSpec};
use lakeport::matview::{Verified, VerifyReport, VerifyRequest, VerifyState};

use super::world::{World, name, orders, rates};

const ORDERS: &str = "CREATE MATERIALIZED VIEW silver.orders (
    CONSTRAINT has_id EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT euro EXPECT (currency <> 'XXX') ON VIOLATION DROP ROW
) AS SELECT o.order_id, o.currency, o.amount, o.amount / r.rate AS amount_eur
FROM bronze.orders o LEFT JOIN bronze.rates r ON r.currency = o.currency";
const TOTAL: &str = "CREATE MATERIALIZED VIEW gold_finance.total
AS SELECT currency, sum(amount_eur) AS total, count(*) AS orders FROM silver.orders GROUP BY currency";

async fn verify(world: &World, views: &[&str], sample_percent: f64) -> VerifyReport {
    let views = (!views.is_empty()).then(|| views.iter().map(|view| name(view)).collect());
    world.refresher.verify(&VerifyRequest { views, sample_percent }).await.unwrap()
}

/// `silver.orders verified 4 0 0`: rows checked, missing, surplus.
fn summary(report: &VerifyReport) -> Vec<String> {
    let one = |v: &Verified| {
        let word = match &v.state {
            VerifyState::Failed(error) => format!("failed: {error}"),
            state => state.word().to_owned(),
        };
        let (checked, missing, surplus) = (v.rows_checked, v.rows_missing, v.rows_surplus);
        format!("{} {word} {checked} {missing} {surplus}", v.relation)
    };
    report.relations.iter().map(one).collect()
}

async fn shop() -> World {
    let world = World::new(&[("silver/orders", ORDERS), ("gold/finance/total", TOTAL)]).await;
    world.arrive("bronze.rates", rates(&[("EUR", 1.0), ("USD", 3.0)])).await;
    let rows = [
        (Some(1), "EUR", Some(10.0)),
        (Some(2), "USD", Some(10.0)),
        (Some(2), "USD", Some(10.0)),
        (Some(3), "GBP", None),
        (Some(4), "XXX", Some(1.0)),
        (None, "EUR", Some(f64::NAN)),
    ];
    world.arrive("bronze.orders", orders(&rows)).await;
    world.refresh().await;
    world
}

const CLEAN: [&str; 3] = [
    "silver.orders verified 4 0 0",
    "quarantine.silver__orders verified 1 0 0",
    "gold_finance.total verified 3 0 0",
];

async fn newest(world: &World, relation: &str) -> Table {
    world.lake.newest(&world.lake.location(&name(relation))).await.unwrap().unwrap()
}

/// Puts other rows into a table, as a wrong refresh would: with a run's mark, and published.
async fn plant(world: &World, relation: &str, spec: TableSpec, rows: Vec<RecordBatch>) {
    let base = newest(world, relation).await;
    let mut writer = world.lake.writer(base.location(), &spec).unwrap();
    for batch in rows {
        writer.write(batch).await.unwrap();
    }
    let run = Run::start(RunKind::Refresh);
    let commit = Commit {
        location: base.location().clone(),
        base: Some(base),
        spec,
        mode: CommitMode::Overwrite,
        files: writer.finish().await.unwrap(),
        progress: Vec::new(),
        run: Some(run.id),
        operation: "REFRESH",
    };
    match world.lake.commit(commit).await.unwrap() {
        CommitOutcome::Committed(table) => world.publish(&run, relation, &table).await,
        CommitOutcome::Conflict(why) => panic!("conflict: {why}"),
    }
}

/// Rewrites a table's rows.
async fn rewrite(world: &World, relation: &str, change: impl Fn(RecordBatch) -> RecordBatch) {
    let table = newest(world, relation).await;
    let rows = table.read().await.unwrap().into_iter().map(change).collect();
    plant(world, relation, table.spec(), rows).await;
}

fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let index = batch.schema().index_of(name).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[index] = column;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

fn scaled(batch: &RecordBatch, name: &str, factor: f64) -> RecordBatch {
    let column = batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    let scaled: Float64Array = column.iter().map(|value| value.map(|v| v * factor)).collect();
    with_column(batch, name, Arc::new(scaled))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refresh_made_is_verified_at_the_versions_it_read() {
    let world = shop().await;
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
    // Sources that have moved on since change nothing of what the view was computed from.
    world.arrive("bronze.orders", orders(&[(Some(9), "EUR", Some(1.0))])).await;
    let epoch = world.epoch();
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
    assert_eq!(world.epoch(), epoch);
    let recorded = world
        .rows(
            "SELECT relation_name, state, version, rows_checked, source_versions, example
             FROM lakeport.verifications WHERE relation_name = 'total'",
        )
        .await;
    let row = "total|verified|0|3|{\"silver.orders\":0}|";
    assert_eq!(recorded, [row, row]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_too_many_too_few_and_wrong_are_found_and_healed_with_the_views_below() {
    let world = shop().await;
    let before = world.rows("SELECT * FROM silver.orders").await;
    rewrite(&world, "silver.orders", |batch| {
        let last = batch.num_rows() - 1;
        let batch = batch.slice(0, last);
        let currencies = batch.column_by_name("currency").unwrap().as_string::<i32>();
        let changed = currencies.iter().map(|c| c.map(|c| c.replace("EUR", "CHF")));
        let changed: StringArray = changed.collect();
        with_column(&batch, "currency", Arc::new(changed))
    })
    .await;
    world.refresh_only(&["gold_finance.total"]).await;
    assert_ne!(world.rows("SELECT * FROM silver.orders").await, before);
    let report = verify(&world, &[], 100.0).await;
    let found = &report.relations[0];
    assert!(matches!(found.state, VerifyState::Mismatch), "{report:#?}");
    // What was computed from wrong rows is what they give: only its source is to blame.
    assert_eq!(
        summary(&report)[1..],
        ["quarantine.silver__orders verified 1 0 0", "gold_finance.total verified 2 0 0"],
        "{report:#?}"
    );
    assert!(found.rows_missing >= 1 && found.rows_missing == found.rows_surplus + 1, "{found:?}");
    assert!(report.refresh_run.is_some() && !report.is_clean());
    assert_eq!(world.rows("SELECT * FROM silver.orders").await, before);
    let totals = world.rows("SELECT currency, orders FROM gold_finance.total").await;
    assert_eq!(totals, ["EUR|1", "GBP|1", "USD|2"]);
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
    let recorded = world
        .rows(
            "SELECT v.state, r.strategy, r.view_name FROM lakeport.verifications v
             JOIN lakeport.refreshes r ON r.run_id = v.refresh_run_id",
        )
        .await;
    assert_eq!(recorded, ["mismatch|full|orders"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_there_once_too_often_is_shown_with_both_counts() {
    let world = shop().await;
    let extra = "SELECT * FROM silver.orders WHERE order_id = 2 LIMIT 1";
    let more = world.batches(extra).await;
    let table = newest(&world, "silver.orders").await;
    let mut rows = table.read().await.unwrap();
    rows.extend(more);
    plant(&world, "silver.orders", table.spec(), rows).await;
    let report = verify(&world, &["silver.orders"], 100.0).await;
    assert_eq!(summary(&report)[0], "silver.orders mismatch 4 0 1");
    assert_eq!(
        report.relations[0].examples,
        ["order_id=2, currency=USD, amount=10, amount_eur=3.3333333333333335: \
          3 in the view, 2 in the query"]
    );
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_is_compared_with_what_the_expectations_refuse() {
    let world = shop().await;
    let table = newest(&world, "quarantine.silver__orders").await;
    plant(&world, "quarantine.silver__orders", table.spec(), Vec::new()).await;
    let report = verify(&world, &["silver.orders"], 100.0).await;
    assert_eq!(
        summary(&report),
        ["silver.orders verified 4 0 0", "quarantine.silver__orders mismatch 1 1 0"]
    );
    let example = &report.relations[1].examples[0];
    assert!(example.contains("_constraints=[has_id]: 0 in the view, 1 in the query"), "{example}");
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_may_differ_in_their_last_digits_and_no_more() {
    let world = shop().await;
    rewrite(&world, "silver.orders", |batch| scaled(&batch, "amount_eur", 1.0 + 5e-10)).await;
    let report = verify(&world, &["silver.orders"], 100.0).await;
    assert_eq!(summary(&report)[0], "silver.orders verified 4 0 0");
    rewrite(&world, "silver.orders", |batch| scaled(&batch, "amount_eur", 1.0 + 1e-8)).await;
    let report = verify(&world, &["silver.orders"], 100.0).await;
    assert_eq!(summary(&report)[0], "silver.orders mismatch 4 3 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_the_servers_own_are_left_out_and_others_are_not() {
    let world = shop().await;
    for (column, state) in [("__lakeport_rows", "verified 3 0 0"), ("more", "mismatch 0 0 0")] {
        let table = newest(&world, "gold_finance.total").await;
        let mut fields: Vec<_> = table.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(column, arrow::datatypes::DataType::Int64, true)));
        let spec = TableSpec { schema: Arc::new(Schema::new(fields)), ..table.spec() };
        let widened = |batch: RecordBatch| {
            let mut columns = batch.columns().to_vec();
            columns.push(Arc::new(arrow::array::Int64Array::from(vec![7; batch.num_rows()])));
            RecordBatch::try_new(spec.schema.clone(), columns).unwrap()
        };
        let rows = table.read().await.unwrap().into_iter().map(widened).collect();
        plant(&world, "gold_finance.total", spec.clone(), rows).await;
        let report = verify(&world, &["gold_finance.total"], 100.0).await;
        assert_eq!(summary(&report), [format!("gold_finance.total {state}")]);
    }
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
}

/// `bronze.orders` with so many rows, ids from 0.
fn many(count: i64) -> RecordBatch {
    let row = |id: i64| (Some(id), if id % 3 == 0 { "EUR" } else { "USD" }, Some(id as f64 / 7.0));
    orders(&(0..count).map(row).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_the_same_rows_on_both_sides() {
    let world = World::new(&[("silver/orders", ORDERS)]).await;
    world.arrive("bronze.rates", rates(&[("EUR", 1.0)])).await;
    world.arrive("bronze.orders", many(20_000)).await;
    world.refresh().await;
    for _ in 0..3 {
        let report = verify(&world, &[], 10.0).await;
        let found = &report.relations[0];
        assert!((1500..2500).contains(&found.rows_checked), "{found:?}");
        assert!(matches!(found.state, VerifyState::Verified), "{found:?}");
    }
    rewrite(&world, "silver.orders", |batch| scaled(&batch, "amount", 2.0)).await;
    let found = &verify(&world, &[], 10.0).await.relations[0];
    assert!((1500..2500).contains(&found.rows_missing), "{found:?}");
    assert_eq!(found.rows_missing, found.rows_surplus);
    assert_eq!(found.examples.len(), 10, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_memory_is_compared_in_several_passes() {
    let mut config = Config::default();
    config.limits.memory_bytes = 16 << 20;
    let world = World::configured(&[("silver/orders", ORDERS)], config).await;
    world.arrive("bronze.rates", rates(&[("EUR", 1.5)])).await;
    world.arrive("bronze.orders", many(30_000)).await;
    world.refresh().await;
    // Every row differs in its bits, which takes some eight passes of a mebibyte.
    rewrite(&world, "silver.orders", |batch| scaled(&batch, "amount", 1.0 + 1e-12)).await;
    let report = verify(&world, &[], 100.0).await;
    assert_eq!(summary(&report)[0], "silver.orders verified 30000 0 0");
    rewrite(&world, "silver.orders", |batch| {
        let ids = batch.column_by_name("order_id").unwrap().as_primitive::<Int64Type>();
        let amounts = batch.column_by_name("amount").unwrap().as_primitive::<Float64Type>();
        let more = |row: usize| if ids.value(row) == 7 { 1.0 } else { 0.0 };
        let changed = (0..batch.num_rows()).map(|row| Some(amounts.value(row) + more(row)));
        let changed: Float64Array = changed.collect();
        with_column(&batch, "amount", Arc::new(changed))
    })
    .await;
    let report = verify(&world, &[], 100.0).await;
    assert_eq!(summary(&report)[0], "silver.orders mismatch 30000 1 1");
    assert!(report.relations[0].examples[0].starts_with("order_id=7, currency=USD, amount="));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_that_of_the_refresh_and_chance_cannot_be_verified() {
    let clock = "CREATE MATERIALIZED VIEW silver.moment AS SELECT now() AS a, current_date AS b";
    let dice = "CREATE MATERIALIZED VIEW silver.dice REFRESH POLICY FULL AS SELECT random() AS a";
    let world = World::new(&[("silver/moment", clock), ("silver/dice", dice)]).await;
    let unbuilt = verify(&world, &[], 100.0).await;
    assert!(unbuilt.relations.iter().any(|v| matches!(v.state, VerifyState::Skipped)));
    let report = verify(&world, &["silver.moment"], 100.0).await;
    let VerifyState::Failed(error) = &report.relations[0].state else { panic!("{report:?}") };
    assert_eq!(error.kind(), ErrorKind::ObjectNotInPrerequisiteState);
    world.refresh().await;
    world.wait(3 * 86_400);
    assert_eq!(
        summary(&verify(&world, &[], 100.0).await),
        [
            "silver.dice failed: verifying a view that gives other rows each time is not supported 0 0 0",
            "silver.moment verified 1 0 0",
        ]
    );
    let request = VerifyRequest { views: Some(vec![name("bronze.orders")]), sample_percent: 1.0 };
    let error = world.refresher.verify(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongObjectType);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_died_between_its_commits_is_no_mismatch() {
    let world = shop().await;
    world
        .arrive("bronze.orders", orders(&[(Some(9), "EUR", Some(1.0)), (None, "EUR", None)]))
        .await;
    world.refresh().await;
    // The quarantine is one commit ahead of the view, and neither is published.
    world.undo("_lakeport/epochs", 1);
    world.undo("silver/orders", 1);
    world.undo("gold_finance/total", 1);
    let world = world.second().await;
    assert_eq!(summary(&verify(&world, &[], 100.0).await), CLEAN);
}
