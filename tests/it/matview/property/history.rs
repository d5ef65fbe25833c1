//! Random histories: rows that come, go, change, move, and columns that are added.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::compute::{concat_batches, filter_record_batch};
use lakeport::lake::{
    Commit, CommitMode, CommitOutcome, Due, Layout, Run, RunKind, Table, TableSpec,
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::super::world::{World, name};
use crate::support::{ended, python};

/// The tables views read.
pub(super) const TABLES: [&str; 3] = ["bronze.facts", "bronze.things", "bronze.groups"];

/// Their declarations.
pub(super) fn bronze() -> String {
    let tables = TABLES.map(|table| {
        format!(
            "CREATE STREAMING TABLE {table}\nAS SELECT * FROM STREAM read_files('x/*.csv', format => 'csv');"
        )
    });
    format!("CREATE SCHEMA bronze;\nCREATE SCHEMA silver;\n{}", tables.join("\n"))
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) struct Step {
    table: usize,
    what: What,
    seed: u64,
    refresh: bool,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Append(usize),
    Delete,
    Update,
    Overwrite(usize),
    Empty,
    Restore,
    NewColumn,
    Wait(u64),
    /// Small files brought together; no row changes.
    Optimize,
    /// By delta-rs, from Python.
    Foreign(Foreign),
    Nothing,
}

/// What another writer does, in its own way.
#[derive(Debug, Clone, Copy)]
enum Foreign {
    Append,
    Delete,
    Update,
    Merge,
    Overwrite,
    Optimize,
    ZOrder,
    Restore,
    Checkpoint,
    Vacuum,
}

const FOREIGN: [Foreign; 10] = [
    Foreign::Append,
    Foreign::Delete,
    Foreign::Update,
    Foreign::Merge,
    Foreign::Overwrite,
    Foreign::Optimize,
    Foreign::ZOrder,
    Foreign::Restore,
    Foreign::Checkpoint,
    Foreign::Vacuum,
];

/// What happens, in order; with `foreign`, some of it by another writer.
pub(super) fn steps(random: &mut ChaCha8Rng, foreign: bool) -> Vec<Step> {
    let length = random.random_range(3..8);
    (0..length)
        .map(|_| {
            let what = match random.random_range(0..if foreign { 22 } else { 19 }) {
                0..=5 => What::Append(random.random_range(1..6)),
                6..=8 => What::Delete,
                9..=11 => What::Update,
                12 => What::Overwrite(random.random_range(0..12)),
                13 => What::Restore,
                14 => What::NewColumn,
                15..=16 => What::Wait(random.random_range(1..40)),
                17 => What::Optimize,
                18..=21 if foreign => What::Foreign(FOREIGN[random.random_range(0..FOREIGN.len())]),
                _ if random.random_ratio(1, 3) => What::Empty,
                _ => What::Nothing,
            };
            Step {
                table: random.random_range(0..TABLES.len()),
                what,
                seed: random.random(),
                refresh: random.random_ratio(2, 3),
            }
        })
        .collect()
}

/// A table's first rows.
pub(super) async fn begin(world: &World, table: &str) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let rows = rows(&mut random, table, 12);
    commit(world, table, None, CommitMode::Append, &[], vec![rows]).await;
}

impl Step {
    /// Whether the views are refreshed afterwards.
    pub(super) fn refreshes(&self) -> bool {
        self.refresh
    }

    /// Lets it happen.
    pub(super) async fn take(&self, world: &World) {
        let table = TABLES[self.table];
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let location = world.lake.location(&name(table));
        let head = world.lake.newest(&location).await.unwrap().unwrap();
        match self.what {
            What::Optimize => return optimize(world, &head).await,
            What::Foreign(what) => return foreign(world, &head, what, self.seed).await,
            _ => {}
        }
        let held = head.read().await.unwrap();
        let held = concat_batches(&head.schema(), &held).unwrap();
        let (mode, gone, came) = match self.what {
            What::Nothing | What::Optimize | What::Foreign(_) => return,
            What::Wait(days) => return world.wait(days * 86_400),
            What::Append(count) => {
                (CommitMode::Append, None, vec![rows(&mut random, table, count)])
            }
            What::Delete => (CommitMode::Edit, Some(some_of(&mut random, &held)), Vec::new()),
            What::Update => {
                let gone = some_of(&mut random, &held);
                let came = rows(&mut random, table, gone.num_rows());
                (CommitMode::Edit, Some(gone), vec![came])
            }
            What::Overwrite(count) => {
                (CommitMode::Overwrite, None, vec![rows(&mut random, table, count)])
            }
            What::Empty => (CommitMode::Overwrite, None, Vec::new()),
            What::Restore => {
                let version = random.random_range(0..=head.version());
                let Ok(then) = world.lake.at_version(&location, version).await else { return };
                // Another writer may have vacuumed it away.
                let Ok(rows) = then.read().await else { return };
                (CommitMode::Overwrite, None, rows)
            }
            What::NewColumn => (CommitMode::Append, None, vec![widened(&mut random, table)]),
        };
        let gone: Vec<RecordBatch> = gone.into_iter().collect();
        let came = came.into_iter().map(|batch| fitted(&batch, &head)).collect();
        commit(world, table, Some(head), mode, &gone, came).await;
    }
}

async fn optimize(world: &World, table: &Table) {
    let run = Run::start(RunKind::Maintenance);
    let done = world.lake.optimize(table, Due::ALWAYS, Some(run.id)).await.unwrap();
    if let Some(table) = done.table {
        world.publish(&run, "", &table).await;
    }
}

/// delta-rs from Python; `None` (said by name) where there is none.
pub(super) fn delta_rs() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    PYTHON.get_or_init(|| python(&["deltalake", "pyarrow"])).as_deref()
}

async fn foreign(world: &World, table: &Table, what: Foreign, seed: u64) {
    let Some(python) = delta_rs() else { return };
    let path = world.path("lake").join(
        TABLES
            .iter()
            .find(|name| world.lake.location(&self::name(name)) == *table.location())
            .unwrap()
            .replace('.', "/"),
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/foreign_writer.py");
    let mut command = std::process::Command::new(python);
    command.arg("-B").arg(script).arg(path).arg(format!("{what:?}")).arg(seed.to_string());
    let ended = tokio::task::block_in_place(|| ended(&mut command));
    assert_eq!(ended.code, Some(0), "{what:?}: {}", ended.stderr);
    let newest = world.lake.newest(table.location()).await.unwrap().unwrap();
    if newest.version() > table.version() {
        world.publish(&Run::start(RunKind::Ingest), "", &newest).await;
    }
}

/// Rows with a column more.
fn widened(random: &mut ChaCha8Rng, table: &str) -> RecordBatch {
    let batch = rows(random, table, 2);
    let extra: ArrayRef = Arc::new(Int64Array::from(vec![random.random_range(0..9); 2]));
    let schema = batch.schema();
    let mut columns: Vec<(String, ArrayRef, bool)> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), column.clone(), true))
        .collect();
    columns.push(("extra".to_owned(), extra, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The batch with the columns the table has beside its own as nulls.
fn fitted(batch: &RecordBatch, head: &Table) -> RecordBatch {
    let mut columns: Vec<(String, ArrayRef, bool)> = Vec::new();
    for field in head.schema().fields() {
        let column = batch.column_by_name(field.name()).cloned();
        let column = column
            .unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), batch.num_rows()));
        columns.push((field.name().clone(), column, true));
    }
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if head.schema().index_of(field.name()).is_err() {
            columns.push((field.name().clone(), column.clone(), true));
        }
    }
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

async fn commit(
    world: &World,
    table: &str,
    base: Option<Table>,
    mode: CommitMode,
    gone: &[RecordBatch],
    came: Vec<RecordBatch>,
) {
    let location = world.lake.location(&name(table));
    let run = Run::start(RunKind::Ingest);
    let mut spec = match (&base, came.first()) {
        (_, Some(batch)) => TableSpec::of(batch.schema()),
        (Some(base), None) => base.spec(),
        (None, None) => unreachable!("a table begins with rows"),
    };
    let files = match (&base, mode) {
        (Some(base), CommitMode::Edit) => {
            spec = base.spec();
            let columns: Vec<String> =
                spec.schema.fields().iter().map(|field| field.name().clone()).collect();
            let edited =
                world.lake.edit(base, &columns, gone, &came, &Layout::default()).await.unwrap();
            assert_eq!(edited.missing, 0);
            edited.files
        }
        _ => {
            let mut writer = world.lake.writer(&location, &spec).unwrap();
            for batch in came {
                writer.write(batch).await.unwrap();
            }
            writer.finish().await.unwrap()
        }
    };
    let commit = Commit {
        location,
        base,
        spec,
        mode,
        files,
        progress: Vec::new(),
        run: Some(run.id),
        operation: "WRITE",
    };
    match world.lake.commit(commit).await.unwrap() {
        CommitOutcome::Committed(table) => world.publish(&run, "", &table).await,
        CommitOutcome::Conflict(why) => panic!("{why}"),
    }
}

/// About a third of the rows.
fn some_of(random: &mut ChaCha8Rng, rows: &RecordBatch) -> RecordBatch {
    let mask: Vec<bool> = (0..rows.num_rows()).map(|_| random.random_ratio(1, 3)).collect();
    filter_record_batch(rows, &BooleanArray::from(mask)).unwrap()
}

/// Random rows, with many values in common and many nulls.
fn rows(random: &mut ChaCha8Rng, table: &str, count: usize) -> RecordBatch {
    let mut number = |most: i64| -> ArrayRef {
        let one = |_| (!random.random_ratio(1, 7)).then(|| random.random_range(-1..most));
        Arc::new((0..count).map(one).collect::<Int64Array>())
    };
    let (first, second, third) = (number(5), number(4), number(60));
    let mut text = || -> ArrayRef {
        let letters = ["a", "b", "c", "a b/c%"];
        let one = |_| (!random.random_ratio(1, 6)).then(|| letters[random.random_range(0..4)]);
        Arc::new((0..count).map(one).collect::<StringArray>())
    };
    let (word, other) = (text(), text());
    let numbers = third.as_any().downcast_ref::<Int64Array>().unwrap();
    let price: Decimal128Array = numbers.iter().map(|n| n.map(i128::from)).collect();
    let price: ArrayRef = Arc::new(price.with_precision_and_scale(10, 2).unwrap());
    let day: Date32Array = numbers.iter().map(|n| n.map(|n| 20_000 + n as i32)).collect();
    let columns: Vec<(&str, ArrayRef, bool)> = match table {
        "bronze.facts" => vec![
            ("id", third.clone(), true),
            ("k", first, true),
            ("g", word, true),
            ("v", second, true),
            ("p", price, true),
            ("day", Arc::new(day), true),
        ],
        "bronze.things" => {
            vec![("k", first, true), ("name", other, true), ("w", second, true)]
        }
        _ => vec![("g", word, true), ("x", first, true)],
    };
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}
