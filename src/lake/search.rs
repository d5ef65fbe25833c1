//! Where rows of a table are, told by some of their columns.
//!
//! Its one idea: the columns that tell a row are read, and no others, of files whose statistics allow one; hashes
//! tell most rows apart that are not wanted. A row that is not found exactly may be found by what is close to it
//! in its floats, where all columns tell it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::catalog::TableProvider as _;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionContext, col};
use futures::StreamExt as _;
use roaring::RoaringTreemap;

use crate::error::{Error, Result};

use super::bounds::Bounds;
use super::edit::listed;
use super::file_scan::Wanted;
use super::near::Near;
use super::provider::PinnedScan;
use super::sieve::Sieve;
use super::store::Lake;
use super::table::Table;
use super::{error, schema};

/// The columns that say where a row is.
const FILE_COLUMN: &str = "__lakeport_file";
const ROW_COLUMN: &str = "__lakeport_row";

/// Rows by file, as the log spells it.
pub(super) type Places = BTreeMap<String, RoaringTreemap>;

/// Files that rows were looked for in.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// By path, the bytes that were read.
    files: BTreeMap<String, u64>,
}

impl Looked {
    /// How many files, and the bytes read of them.
    #[must_use]
    pub fn total(&self) -> (u64, u64) {
        (self.files.len() as u64, self.files.values().sum())
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (file, bytes) in other.files {
            *self.files.entry(file).or_default() += bytes;
        }
        self
    }

    /// Takes in what a scan that has ended has read.
    pub(super) fn take(&mut self, plan: &dyn ExecutionPlan) {
        for metric in plan.metrics().iter().flat_map(MetricsSet::iter) {
            let file = metric.labels().iter().find(|label| label.name() == "filename");
            let bytes = metric.value().as_usize() as u64;
            if metric.value().name() == "bytes_scanned"
                && let (Some(file), 1..) = (file, bytes)
            {
                *self.files.entry(file.value().to_owned()).or_default() += bytes;
            }
        }
        for child in plan.children() {
            self.take(child.as_ref());
        }
    }
}

/// Rows to take out: values of the columns that tell a row, and how often each.
pub(super) struct Gone {
    columns: Vec<usize>,
    converter: RowConverter,
    left: HashMap<OwnedRow, u64>,
    filter: Vec<Expr>,
    sieve: Sieve,
    pub(super) looked: Looked,
}

impl Lake {
    /// Whether `table` holds a row that agrees with one of `rows` in the `identity` columns: that one,
    /// as batch and row; and where it was looked for, if there is none. `rows` hold all columns of `table`, hidden ones included.
    ///
    /// # Errors
    /// Errors of reading.
    pub async fn find(
        &self,
        table: &Table,
        identity: &[String],
        rows: &[RecordBatch],
    ) -> Result<std::result::Result<Looked, (usize, usize)>> {
        let mut looked = Looked::default();
        if rows.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(Ok(looked));
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
        let (plan, mut found) = scan(provider, projection, &wanted.filter).await?;
        let columns: Vec<usize> = (0..wanted.columns.len()).collect();
        while let Some(batch) = found.next().await {
            let batch = wanted.sieve.sifted(&batch.map_err(error::datafusion)?)?;
            for row in &encoded(&wanted.converter, &batch, &columns)? {
                if let Some(place) = places.get(&row.owned()) {
                    return Ok(Err(*place));
                }
            }
        }
        looked.take(plan.as_ref());
        Ok(Ok(looked))
    }
}

impl Gone {
    /// Where the rows are that are to go, and how many are nowhere.
    pub(super) async fn places(&mut self, table: &Table) -> Result<(Places, u64)> {
        let mut places = Places::new();
        self.find(table, &mut places, None).await?;
        let missing = self.left.values().sum();
        if missing > 0
            && self.columns.len() == table.spec().schema.fields().len()
            && let Some(mut near) = self.near()?
        {
            self.find(table, &mut places, Some(&mut near)).await?;
            return Ok((places, near.left()));
        }
        Ok((places, missing))
    }

    pub(super) fn new(
        schema: &SchemaRef,
        identity: &[String],
        rows: &[RecordBatch],
    ) -> Result<Self> {
        let column = |name: &String| {
            schema.index_of(name).map_err(|error| Error::internal(name.as_str()).caused_by(error))
        };
        let columns: Vec<usize> = identity.iter().map(column).collect::<Result<_>>()?;
        let fields = columns.iter().map(|&i| SortField::new(schema.field(i).data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(compared)?;
        let mut left: HashMap<OwnedRow, u64> = HashMap::new();
        let types = columns.iter().map(|&i| schema.field(i).data_type().clone());
        let mut sieve = Sieve::new(types, rows.iter().map(RecordBatch::num_rows).sum());
        for batch in rows {
            let batch = schema::fit(batch, schema)?;
            sieve.add(batch.project(&columns).map_err(compared)?.columns())?;
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
        let looked = Looked::default();
        Ok(Self { columns, converter, left, filter, sieve, looked })
    }

    /// The rows that were not found, to be looked for again by what is close to them.
    fn near(&self) -> Result<Option<Near>> {
        let left = self.left.iter().filter(|(_, left)| **left > 0);
        let (rows, times): (Vec<_>, Vec<u64>) = left.map(|(row, left)| (row.row(), *left)).unzip();
        Near::new(&self.converter.convert_rows(rows).map_err(compared)?, &times)
    }

    /// Adds where the rows are, each as often as it is to go, or else those that are `near` to one.
    async fn find(
        &mut self,
        table: &Table,
        places: &mut Places,
        mut near: Option<&mut Near>,
    ) -> Result<()> {
        let (file_column, row_column) = (Some(FILE_COLUMN.into()), Some(ROW_COLUMN.into()));
        listed(table)?;
        let wanted = Wanted { file_column, row_column, ..Wanted::default() };
        let provider = table.stored_scan(wanted)?;
        let width = provider.schema().fields().len();
        let mut projection = self.columns.clone();
        projection.extend([width - 2, width - 1]);
        let (plan, mut rows) = scan(provider, Some(projection), &self.filter).await?;
        let columns: Vec<usize> = (0..self.columns.len()).collect();
        while let Some(batch) = rows.next().await {
            let batch = self.sieve.sifted(&batch.map_err(error::datafusion)?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let rows = Placed::of(&batch, columns.len())?;
            let found = match &mut near {
                None => self.exactly(&batch, &columns)?,
                Some(near) => nearly(near, &batch, &rows, places)?,
            };
            for row in found {
                rows.add(row, places)?;
            }
        }
        self.looked.take(plan.as_ref());
        Ok(())
    }

    /// The rows of a batch that are to go, which are wanted once less then.
    fn exactly(&mut self, batch: &RecordBatch, columns: &[usize]) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for (i, row) in encoded(&self.converter, batch, columns)?.iter().enumerate() {
            if let Some(left) = self.left.get_mut(&row.owned()).filter(|left| **left > 0) {
                *left -= 1;
                found.push(i);
            }
        }
        Ok(found)
    }
}

/// As [`Gone::exactly`], but by what is close, and of rows that do not go yet.
fn nearly(
    near: &mut Near,
    batch: &RecordBatch,
    rows: &Placed,
    places: &Places,
) -> Result<Vec<usize>> {
    let compared = near.compared(batch.columns())?;
    let mut found = Vec::new();
    for i in 0..batch.num_rows() {
        if !rows.is_in(i, places)? && near.take(&compared, i) {
            found.push(i);
        }
    }
    Ok(found)
}

/// Where the rows of a batch are.
struct Placed {
    files: StringArray,
    numbers: Int64Array,
}

impl Placed {
    /// By the two columns from `at` on.
    fn of(batch: &RecordBatch, at: usize) -> Result<Self> {
        let files = cast(batch.column(at), &DataType::Utf8).map_err(compared)?;
        let numbers = batch.column(at + 1).as_primitive_opt::<Int64Type>().cloned();
        match (files.as_string_opt::<i32>().cloned(), numbers) {
            (Some(files), Some(numbers)) => Ok(Self { files, numbers }),
            _ => Err(Error::internal("rows without a place")),
        }
    }

    fn number(&self, row: usize) -> Result<u64> {
        u64::try_from(self.numbers.value(row)).map_err(|_| Error::internal("a row before its file"))
    }

    fn is_in(&self, row: usize, places: &Places) -> Result<bool> {
        let number = self.number(row)?;
        Ok(places.get(self.files.value(row)).is_some_and(|rows| rows.contains(number)))
    }

    fn add(&self, row: usize, places: &mut Places) -> Result<()> {
        let number = self.number(row)?;
        match places.get_mut(self.files.value(row)) {
            Some(rows) => rows.insert(number),
            None => places.entry(self.files.value(row).to_owned()).or_default().insert(number),
        };
        Ok(())
    }
}

pub(super) async fn scan(
    provider: PinnedScan,
    projection: Option<Vec<usize>>,
    filters: &[Expr],
) -> Result<(Arc<dyn ExecutionPlan>, SendableRecordBatchStream)> {
    let session = SessionContext::new();
    let state = session.state();
    let plan = provider.scan(&state, projection.as_ref(), filters, None);
    let plan = plan.await.map_err(error::datafusion)?;
    let rows = execute_stream(Arc::clone(&plan), session.task_ctx()).map_err(error::datafusion)?;
    Ok((plan, rows))
}

fn encoded(
    converter: &RowConverter,
    batch: &RecordBatch,
    columns: &[usize],
) -> Result<arrow::row::Rows> {
    let values: Vec<ArrayRef> = columns.iter().map(|&i| Arc::clone(batch.column(i))).collect();
    converter.convert_columns(&values).map_err(compared)
}

pub(super) fn compared(error: arrow::error::ArrowError) -> Error {
    Error::internal("compare rows").caused_by(error)
}
