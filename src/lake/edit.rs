//! Rows taken out of a table and others put in, in one commit.
//!
//! Its one idea: where the rows are is found by reading only the columns that tell a row, in files whose
//! statistics allow one. A file that loses few rows has them marked as gone, if the table allows deletion
//! vectors; one that loses many is written anew without them. Refuses to guess: rows that are not there are
//! counted, and the caller decides what that means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::catalog::TableProvider as _;
use datafusion::common::DFSchema;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionContext, col};
use datafusion::scalar::ScalarValue;
use deltalake_core::kernel::{Add, Remove};
use futures::StreamExt as _;
use roaring::RoaringTreemap;

use crate::error::{Error, Result};

use super::bounds::Bounds;
use super::changes::logged_path;
use super::data_files::{DataFile, DataFileList};
use super::file_scan::{Picked, Wanted};
use super::provider::PinnedScan;
use super::store::Lake;
use super::table::Table;
use super::write::{DataFiles, Layout};
use super::{error, schema, statistics, vectors};

/// The columns that say where a row is.
const FILE_COLUMN: &str = "__lakeport_file";
const ROW_COLUMN: &str = "__lakeport_row";
/// A file that has lost up to this share of its rows keeps the others where they are, in percent.
const MARKED_PERCENT: u64 = 10;

/// Rows by file, as the log spells it.
type Places = BTreeMap<String, RoaringTreemap>;

/// Rows to take out: values of the columns that tell a row, and how often each.
struct Gone {
    columns: Vec<usize>,
    converter: RowConverter,
    left: HashMap<OwnedRow, u64>,
    filter: Vec<Expr>,
}

/// Rows that may be among the wanted ones, told apart many at a time.
struct Sieve(Option<Arc<dyn PhysicalExpr>>);

impl Sieve {
    fn new(filter: &[Expr], schema: &SchemaRef) -> Result<Self> {
        let Some(filter) = filter.iter().cloned().reduce(Expr::and) else { return Ok(Self(None)) };
        let columns = DFSchema::try_from(Arc::clone(schema)).map_err(error::datafusion)?;
        let properties = ExecutionProps::new();
        let filter = create_physical_expr(
            &filter,
            &columns,
            &properties,
            &PhysicalPlanningContext::default(),
        );
        Ok(Self(Some(filter.map_err(error::datafusion)?)))
    }

    /// The positions of the rows that pass.
    fn passing(&self, batch: &RecordBatch) -> Result<Vec<u32>> {
        let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        let Some(filter) = &self.0 else { return Ok((0..rows).collect()) };
        let passing = filter
            .evaluate(batch)
            .and_then(|value| value.into_array(batch.num_rows()))
            .map_err(error::datafusion)?;
        let Some(passing) = passing.as_boolean_opt() else {
            return Err(Error::internal("a filter that is not boolean"));
        };
        if passing.true_count() == 0 {
            return Ok(Vec::new());
        }
        let positions = (0..rows).zip(passing.iter());
        Ok(positions.filter(|(_, passes)| *passes == Some(true)).map(|(row, _)| row).collect())
    }
}

/// How an edit went.
#[derive(Debug)]
pub struct Edited {
    /// Files that came and files that went, to be committed with [`super::CommitMode::Edit`].
    pub files: DataFiles,
    /// Rows that should have gone and were not there.
    pub missing: u64,
    /// Files looked into.
    pub files_read: u64,
    /// Partitions lost all their files, and nothing else was touched.
    pub overwrites_partitions: bool,
}

impl Lake {
    /// Prepares to take the rows `gone` out of `table` and to put `came` in. A row is told by its
    /// `identity` columns; each row of `gone` takes out one. Both hold all columns of `table`, hidden
    /// ones included; only the identity columns of `gone` are looked at. New files are laid out as `layout`
    /// says.
    ///
    /// # Errors
    /// Errors of reading and writing; nothing is committed here.
    pub async fn edit(
        &self,
        table: &Table,
        identity: &[String],
        gone: &[RecordBatch],
        came: &[RecordBatch],
        layout: &Layout,
    ) -> Result<Edited> {
        let spec = table.spec();
        let mut writer = self.writer(table.location(), &spec)?.laid_out(layout)?;
        let (mut leaving, mut missing, mut files_read) = (Leaving::default(), 0, 0);
        let mut overwrites_partitions = false;
        if gone.iter().any(|batch| batch.num_rows() > 0) {
            let mut gone = Gone::new(&spec.schema, identity, gone)?;
            let places = gone.find(table).await?;
            files_read = places.len() as u64;
            leaving = Leaving::of(table, places).await?;
            overwrites_partitions = leaving.is_of_partitions(listed(table)?);
            if !leaving.kept.is_empty() {
                let only = Some(leaving.kept.keys().cloned().collect());
                let picked = Some(Arc::new(std::mem::take(&mut leaving.kept)));
                let wanted = Wanted { only, picked, ..Wanted::default() };
                let mut rows = scan(table.stored_scan(wanted)?, None, &[]).await?;
                while let Some(batch) = rows.next().await {
                    writer.write(batch.map_err(error::datafusion)?).await?;
                }
            }
            missing = gone.left.values().sum();
        }
        for batch in came {
            writer.write(batch.clone()).await?;
        }
        let files = writer.finish().await?.replacing(leaving.removed).marking(leaving.marked);
        Ok(Edited { files, missing, files_read, overwrites_partitions })
    }
}

/// What becomes of the files that lose rows.
#[derive(Default)]
struct Leaving {
    /// Files that go; the rows they keep are to be written anew.
    removed: Vec<Remove>,
    /// Those of them that keep no row.
    emptied: HashSet<String>,
    kept: Picked,
    /// Files that stay, with more rows marked as gone: as they were, and as they are.
    marked: Vec<(Remove, Add)>,
}

impl Leaving {
    /// Whether what leaves is whole partitions.
    fn is_of_partitions(&self, list: &DataFileList) -> bool {
        if list.partition_by.is_empty() || !self.kept.is_empty() || !self.marked.is_empty() {
            return false;
        }
        let leaves = |file: &DataFile| self.emptied.contains(&file.path);
        let touched: HashSet<&[ScalarValue]> =
            list.files.iter().filter(|file| leaves(file)).map(|f| f.partition.as_slice()).collect();
        !touched.is_empty()
            && list.files.iter().all(|f| leaves(f) || !touched.contains(f.partition.as_slice()))
    }

    async fn of(table: &Table, places: Places) -> Result<Self> {
        let list = listed(table)?;
        let files: HashMap<&str, &DataFile> =
            list.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let store = table.root_store();
        let marks = table.allows_vectors();
        let (mut leaving, mut vectors) = (Self::default(), Vec::new());
        let mut actions = actions_by_path(table)?;
        for (path, rows) in places {
            let (file, action) = match (files.get(path.as_str()), actions.remove(&path)) {
                (Some(file), Some(action)) => (file, action),
                _ => return Err(Error::internal(format!("{path} is no file of the table"))),
            };
            let all = file.rows.ok_or_else(|| Error::internal("a file without a row count"))?;
            let mut gone = match &file.vector {
                Some(_) => file.gone(store.as_ref(), table.location()).await?.as_ref().clone(),
                None => RoaringTreemap::new(),
            };
            gone |= rows;
            if gone.len() >= all {
                leaving.removed.push(action.remove);
                leaving.emptied.insert(path);
            } else if marks && gone.len() * 100 <= all * MARKED_PERCENT {
                vectors.push(gone);
                leaving.marked.push((action.remove, action.add));
            } else {
                let mut kept = RoaringTreemap::from_iter(0..all);
                kept -= gone;
                leaving.kept.insert(path, kept);
                leaving.removed.push(action.remove);
            }
        }
        if !vectors.is_empty() {
            let named = vectors::write(store.as_ref(), table.location(), &vectors).await?;
            for ((_, add), vector) in leaving.marked.iter_mut().zip(named) {
                add.deletion_vector = Some(vector);
            }
        }
        Ok(leaving)
    }
}

/// A file of the table in both the log's words.
pub(super) struct Actions {
    pub(super) remove: Remove,
    add: Add,
}

impl Actions {
    /// The file as it is, to be named again.
    pub(super) fn again(self) -> Add {
        Add { deletion_vector: self.remove.deletion_vector, ..self.add }
    }
}

pub(super) fn actions_by_path(table: &Table) -> Result<HashMap<String, Actions>> {
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|cause| error::delta(table.location(), cause))?;
    let mut by_path = HashMap::new();
    for file in files.iter() {
        let remove = file.remove_action(true);
        let add = Add {
            path: file.path().into_owned(),
            partition_values: file.partition_values_map(),
            size: file.size(),
            modification_time: file.modification_time(),
            data_change: true,
            stats: file.stats().map(|stats| statistics::loose(&stats)),
            ..Add::default()
        };
        by_path.insert(logged_path(remove.clone())?, Actions { remove, add });
    }
    Ok(by_path)
}

/// The files of a table that can be changed row by row: every table we write.
fn listed(table: &Table) -> Result<&Arc<DataFileList>> {
    let missing = || error::unsupported(table.location(), "changing single rows");
    table.data_files().ok_or_else(missing)
}

impl Lake {
    /// Whether `table` holds a row that agrees with one of `rows` in the `identity` columns: that one,
    /// as batch and row. `rows` hold all columns of `table`, hidden ones included.
    ///
    /// # Errors
    /// Errors of reading.
    pub async fn find(
        &self,
        table: &Table,
        identity: &[String],
        rows: &[RecordBatch],
    ) -> Result<Option<(usize, usize)>> {
        if rows.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(None);
        }
        // Rows of groups carry the hidden columns.
        let schema = table.spec().schema;
        let wanted = Gone::new(&schema, identity, rows)?;
        let mut places: HashMap<OwnedRow, (usize, usize)> = HashMap::new();
        for (number, batch) in rows.iter().enumerate() {
            for (i, row) in encoded(&wanted.converter, batch, &wanted.columns)?.iter().enumerate() {
                places.insert(row.owned(), (number, i));
            }
        }
        let provider = table.stored_scan(Wanted::default())?;
        let projection = Some(wanted.columns.clone());
        let mut found = scan(provider, projection, &wanted.filter).await?;
        let columns: Vec<usize> = (0..wanted.columns.len()).collect();
        let sieve = Sieve::new(&wanted.filter, &found.schema())?;
        while let Some(batch) = found.next().await {
            let batch = sifted(&sieve, &batch.map_err(error::datafusion)?)?;
            for row in &encoded(&wanted.converter, &batch, &columns)? {
                if let Some(place) = places.get(&row.owned()) {
                    return Ok(Some(*place));
                }
            }
        }
        Ok(None)
    }
}

impl Gone {
    fn new(schema: &SchemaRef, identity: &[String], rows: &[RecordBatch]) -> Result<Self> {
        let column = |name: &String| {
            schema.index_of(name).map_err(|error| Error::internal(name.as_str()).caused_by(error))
        };
        let columns: Vec<usize> = identity.iter().map(column).collect::<Result<_>>()?;
        let fields = columns.iter().map(|&i| SortField::new(schema.field(i).data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(compared)?;
        let mut left: HashMap<OwnedRow, u64> = HashMap::new();
        for batch in rows {
            let batch = schema::fit(batch, schema)?;
            for row in &encoded(&converter, &batch, &columns)? {
                *left.entry(row.owned()).or_default() += 1;
            }
        }
        let filter = columns.iter().map(|&i| {
            let bounds = Bounds::of(rows.iter().map(|batch| batch.column(i)))?;
            Ok(bounds.filter(&col(format!("\"{}\"", schema.field(i).name()))))
        });
        let filter = filter.collect::<datafusion::error::Result<Vec<Option<Expr>>>>();
        let filter = filter.map_err(error::datafusion)?.into_iter().flatten().collect();
        Ok(Self { columns, converter, left, filter })
    }

    /// Where the rows are, each as often as it is to go.
    async fn find(&mut self, table: &Table) -> Result<Places> {
        let (file_column, row_column) = (Some(FILE_COLUMN.into()), Some(ROW_COLUMN.into()));
        listed(table)?;
        let wanted = Wanted { file_column, row_column, ..Wanted::default() };
        let provider = table.stored_scan(wanted)?;
        let width = provider.schema().fields().len();
        let mut projection = self.columns.clone();
        projection.extend([width - 2, width - 1]);
        let mut rows = scan(provider, Some(projection), &self.filter).await?;
        let mut places = Places::new();
        let columns: Vec<usize> = (0..self.columns.len()).collect();
        let sieve = Sieve::new(&self.filter, &rows.schema())?;
        while let Some(batch) = rows.next().await {
            let batch = sifted(&sieve, &batch.map_err(error::datafusion)?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let files = cast(batch.column(columns.len()), &DataType::Utf8).map_err(compared)?;
            let numbers = batch.column(columns.len() + 1).as_primitive_opt::<Int64Type>();
            let (Some(files), Some(numbers)) = (files.as_string_opt::<i32>(), numbers) else {
                return Err(Error::internal("rows without a place"));
            };
            for (i, row) in encoded(&self.converter, &batch, &columns)?.iter().enumerate() {
                let Some(left) = self.left.get_mut(&row.owned()).filter(|left| **left > 0) else {
                    continue;
                };
                *left -= 1;
                let number = u64::try_from(numbers.value(i));
                let number = number.map_err(|_| Error::internal("a row before its file"))?;
                match places.get_mut(files.value(i)) {
                    Some(rows) => rows.insert(number),
                    None => places.entry(files.value(i).to_owned()).or_default().insert(number),
                };
            }
        }
        Ok(places)
    }
}

fn sifted(sieve: &Sieve, batch: &RecordBatch) -> Result<RecordBatch> {
    taken(batch, &sieve.passing(batch)?)
}

fn taken(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch> {
    if rows.len() == batch.num_rows() {
        return Ok(batch.clone());
    }
    take_record_batch(batch, &UInt32Array::from(rows.to_vec())).map_err(compared)
}

async fn scan(
    provider: PinnedScan,
    projection: Option<Vec<usize>>,
    filters: &[Expr],
) -> Result<SendableRecordBatchStream> {
    let session = SessionContext::new();
    let state = session.state();
    let plan = provider.scan(&state, projection.as_ref(), filters, None);
    let plan = plan.await.map_err(error::datafusion)?;
    execute_stream(plan, session.task_ctx()).map_err(error::datafusion)
}

fn encoded(
    converter: &RowConverter,
    batch: &RecordBatch,
    columns: &[usize],
) -> Result<arrow::row::Rows> {
    let values: Vec<ArrayRef> = columns.iter().map(|&i| Arc::clone(batch.column(i))).collect();
    converter.convert_columns(&values).map_err(compared)
}

fn compared(error: arrow::error::ArrowError) -> Error {
    Error::internal("compare rows").caused_by(error)
}
