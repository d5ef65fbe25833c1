//! Rows taken out of a table and others put in, in one commit.
//!
//! Its one idea: the files that hold the rows are found by reading only the columns that tell a row,
//! in files whose statistics allow one; only these files are written anew. Refuses to guess: rows that
//! are not there are counted, and the caller decides what that means.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray, UInt32Array,
};
use arrow::compute::{cast, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
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
use deltalake_core::kernel::Remove;
use futures::StreamExt as _;

use crate::error::{Error, Result};

use super::bounds::Bounds;
use super::changes::logged_path;
use super::provider::PinnedScan;
use super::store::Lake;
use super::table::Table;
use super::write::{DataFiles, Layout};
use super::{error, schema};

/// The column a scan names files in.
const FILE_COLUMN: &str = "__lakeport_file";

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
        let (mut removes, mut missing, mut files_read) = (Vec::new(), 0, 0);
        if gone.iter().any(|batch| batch.num_rows() > 0) {
            let mut gone = Gone::new(&spec.schema, identity, gone)?;
            let touched = gone.find(table).await?;
            files_read = touched.len() as u64;
            if !touched.is_empty() {
                let urls = touched.keys().cloned().collect();
                let mut rows = scan(table.edited_scan(Some(urls), None)?, None, &[]).await?;
                let sieve = Sieve::new(&gone.filter, &rows.schema())?;
                while let Some(batch) = rows.next().await {
                    let batch = gone.take_out(&sieve, &batch.map_err(error::datafusion)?)?;
                    writer.write(batch).await?;
                }
            }
            removes = touched.into_values().collect();
            missing = gone.left.values().sum();
        }
        for batch in came {
            writer.write(batch.clone()).await?;
        }
        let files = writer.finish().await?.replacing(removes);
        Ok(Edited { files, missing, files_read })
    }
}

impl Lake {
    /// Whether `table` holds a row that agrees with one of `rows` in the `identity` columns: that one,
    /// as batch and row.
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
        let schema = table.schema();
        let wanted = Gone::new(&schema, identity, rows)?;
        let mut places: HashMap<OwnedRow, (usize, usize)> = HashMap::new();
        for (number, batch) in rows.iter().enumerate() {
            for (i, row) in encoded(&wanted.converter, batch, &wanted.columns)?.iter().enumerate() {
                places.insert(row.owned(), (number, i));
            }
        }
        let provider = table.edited_scan(None, None)?;
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

    /// The files that hold any of the rows, by URL.
    async fn find(&self, table: &Table) -> Result<BTreeMap<String, Remove>> {
        let provider = table.edited_scan(None, Some(FILE_COLUMN))?;
        let width = provider.schema().fields().len();
        let mut projection = self.columns.clone();
        projection.push(width - 1);
        let mut rows = scan(provider, Some(projection), &self.filter).await?;
        let mut touched: BTreeMap<String, Remove> = BTreeMap::new();
        let mut files = files_by_url(table)?;
        let columns: Vec<usize> = (0..self.columns.len()).collect();
        let sieve = Sieve::new(&self.filter, &rows.schema())?;
        while let Some(batch) = rows.next().await {
            let batch = sifted(&sieve, &batch.map_err(error::datafusion)?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let names = cast(batch.column(columns.len()), &DataType::Utf8).map_err(compared)?;
            let Some(names) = names.as_any().downcast_ref::<StringArray>() else {
                return Err(Error::internal("files without names"));
            };
            for (i, row) in encoded(&self.converter, &batch, &columns)?.iter().enumerate() {
                if touched.contains_key(names.value(i)) || !self.left.contains_key(&row.owned()) {
                    continue;
                }
                let name = names.value(i);
                let file = files.remove(name).ok_or_else(|| {
                    Error::internal(format!("a scan of {} names a strange file", table.location()))
                })?;
                touched.insert(name.to_owned(), file);
            }
        }
        Ok(touched)
    }

    /// The batch without rows that go.
    fn take_out(&mut self, sieve: &Sieve, batch: &RecordBatch) -> Result<RecordBatch> {
        let passing = sieve.passing(batch)?;
        if passing.is_empty() {
            return Ok(batch.clone());
        }
        let suspects = taken(batch, &passing)?;
        let mut kept = vec![true; batch.num_rows()];
        for (row, at) in encoded(&self.converter, &suspects, &self.columns)?.iter().zip(passing) {
            if let Some(left) = self.left.get_mut(&row.owned())
                && *left > 0
            {
                *left -= 1;
                kept[at as usize] = false;
            }
        }
        filter_record_batch(batch, &BooleanArray::from(kept)).map_err(compared)
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

/// A table's files by the URL a scan gives them.
fn files_by_url(table: &Table) -> Result<HashMap<String, Remove>> {
    let root = table.location().url()?;
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|cause| error::delta(table.location(), cause))?;
    let mut by_url = HashMap::new();
    for file in files.iter() {
        let remove = file.remove_action(true);
        let path = logged_path(remove.clone())?;
        let url = root.join(&path).map_err(|error| Error::internal(path).caused_by(error))?;
        by_url.insert(url.to_string(), remove);
    }
    Ok(by_url)
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
