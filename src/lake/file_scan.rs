//! A version's rows read as plain Parquet files.
//!
//! Its one idea: everything the engine can make use of is told to it: what each file holds at least and at
//! most, which rows of it are gone, which value a partition column has in it. Files that cannot hold wanted
//! rows are left out here, others while the query runs. A row can say where it is from. Refuses to read a
//! log: [`super::data_files`] has.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetRowSelection,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::future::BoxFuture;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::RowNumber;
use roaring::RoaringTreemap;

use super::data_files::{DataFile, DataFileList};
use super::store::Location;
use super::vectors;

/// Values of an IN list that are compared with what files hold; more are taken for a maybe.
const LISTED_MAX: usize = 1024;

/// Rows of single files to read, by the file's path as the log spells it.
pub(super) type Picked = HashMap<String, RoaringTreemap>;

/// What of a version is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// These files only, as the log spells them.
    pub(super) only: Option<Vec<String>>,
    /// Of these files only these rows, gone or not.
    pub(super) picked: Option<Arc<Picked>>,
    /// A column with the path of each row's file, as the log spells it.
    pub(super) file_column: Option<String>,
    /// A column with each row's number in its file.
    pub(super) row_column: Option<String>,
}

/// Plain Parquet files for DataFusion to scan.
pub(super) struct FileScan {
    location: Location,
    list: Arc<DataFileList>,
    wanted: Wanted,
    /// What a query sees: stored columns, then those of [`Wanted`].
    schema: SchemaRef,
    table: TableSchema,
    /// Where each column of `table` is among the stored ones; the others have none.
    stored: Vec<Option<usize>>,
    store_url: ObjectStoreUrl,
    store: Arc<dyn ObjectStore>,
}

impl fmt::Debug for FileScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileScan").field("location", &self.location).finish_non_exhaustive()
    }
}

impl FileScan {
    /// `columns` are the first of the stored ones, by position.
    pub(super) fn new(
        location: &Location,
        list: Arc<DataFileList>,
        columns: &SchemaRef,
        wanted: Wanted,
        store_url: ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
    ) -> Self {
        let is_partition = |field: &Field| list.partition_by.contains(field.name());
        let in_files: Vec<_> =
            columns.fields().iter().filter(|f| !is_partition(f)).cloned().collect();
        let find = |name: &String| columns.field_with_name(name).ok().cloned().map(Arc::new);
        let mut constant: Vec<_> = list.partition_by.iter().filter_map(find).collect();
        let mut fields: Vec<_> = columns.fields().iter().cloned().collect();
        if let Some(name) = &wanted.file_column {
            let field = Arc::new(Field::new(name, DataType::Utf8, false));
            fields.push(Arc::clone(&field));
            constant.push(field);
        }
        let mut builder = TableSchema::builder(Arc::new(Schema::new(in_files)))
            .with_table_partition_cols(constant);
        if let Some(name) = &wanted.row_column {
            let field = Field::new(name, DataType::Int64, true).with_extension_type(RowNumber);
            fields.push(Arc::new(field.clone()));
            builder = builder.with_virtual_columns(vec![Arc::new(field)]);
        }
        let table = builder.build();
        let stored = |field: &Arc<Field>| columns.index_of(field.name()).ok();
        Self {
            location: location.clone(),
            stored: table.table_schema().fields().iter().map(stored).collect(),
            list,
            wanted,
            schema: Arc::new(Schema::new(fields)),
            table,
            store_url,
            store,
        }
    }

    /// The files asked for that may hold rows passing the filters.
    fn kept(&self, filters: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<usize>> {
        let mut keep = vec![true; self.list.files.len()];
        if let Some(only) = &self.wanted.only {
            let only: std::collections::HashSet<&String> = only.iter().collect();
            for (keep, file) in keep.iter_mut().zip(&self.list.files) {
                *keep = only.contains(&file.path);
            }
        }
        for filter in filters {
            let builder = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(self.table.schema_without_virtual_columns()))
                .with_max_in_list_size(LISTED_MAX);
            let Some(predicate) = builder.build(Arc::clone(filter)) else { continue };
            // What cannot be told of files is told of rows.
            let Ok(may) = predicate.prune(self.list.as_ref()) else { continue };
            for (keep, may) in keep.iter_mut().zip(may) {
                *keep &= may;
            }
        }
        Ok((0..keep.len()).filter(|&index| keep[index]).collect())
    }

    /// Files whose partition passes `filter`, which looks at partition columns only.
    fn passing(&self, filter: &Arc<dyn PhysicalExpr>) -> Result<BooleanArray> {
        let schema = self.table.schema_without_virtual_columns();
        let mut columns = Vec::new();
        for field in schema.fields() {
            let at = self.list.partition_by.iter().position(|name| name == field.name());
            columns.push(match at {
                Some(at) => Arc::clone(&self.list.partitions[at]),
                None => arrow::array::new_null_array(field.data_type(), self.list.files.len()),
            });
        }
        let nullable = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(nullable.collect::<Vec<_>>()));
        let rows = RecordBatchOptions::new().with_row_count(Some(self.list.files.len()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &rows)?;
        let passing = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let passing = passing.as_boolean_opt().cloned();
        passing.ok_or_else(|| DataFusionError::Internal("a filter that is not boolean".to_owned()))
    }

    /// A file as the engine is told of it.
    async fn partitioned(&self, file: &DataFile) -> Result<PartitionedFile> {
        let mut values = file.partition.clone();
        if self.wanted.file_column.is_some() {
            values.push(ScalarValue::Utf8(Some(file.path.clone())));
        }
        let mut read = PartitionedFile::new_from_meta(ObjectMeta {
            location: file.location.clone(),
            last_modified: file.modified,
            size: file.bytes,
            e_tag: None,
            version: None,
        })
        .with_partition_values(values);
        let picked = self.wanted.picked.as_ref().and_then(|picked| picked.get(&file.path));
        let rows = file.rows.unwrap_or_default();
        if let Some(picked) = picked {
            let selection = vectors::only(picked, rows);
            read = read.with_extension(ParquetRowSelection::new(selection));
        } else {
            if file.vector.is_some() {
                let gone = file.gone(self.store.as_ref(), &self.location).await;
                let gone = gone.map_err(|error| DataFusionError::External(Box::new(error)))?;
                let selection = vectors::without(&gone, rows);
                read = read.with_extension(ParquetRowSelection::new(selection));
            }
            read.statistics = Some(Arc::new(self.statistics_of(file)));
        }
        Ok(read)
    }

    fn statistics_of(&self, file: &DataFile) -> Statistics {
        let columns: Vec<usize> =
            self.stored.iter().map(|stored| stored.unwrap_or(usize::MAX)).collect();
        DataFileList::statistics_of(file, &columns)
    }

    /// The scan of these files, one after the other in as many groups as there are readers.
    async fn plan(
        &self,
        files: Vec<usize>,
        source: ParquetSource,
        projection: Vec<usize>,
        readers: usize,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.table.table_schema();
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(Arc::new(schema.project(&projection)?))));
        }
        let mut read = Vec::with_capacity(files.len());
        for index in files {
            read.push(self.partitioned(&self.list.files[index]).await?);
        }
        let known: Option<Vec<&Statistics>> =
            read.iter().map(|file| file.statistics.as_deref()).collect();
        let statistics = match known {
            Some(known) => Statistics::try_merge_iter(known, schema)?,
            None => Statistics::new_unknown(schema),
        };
        let groups = FileGroup::new(read).split_files(readers.max(1));
        let config = FileScanConfigBuilder::new(self.store_url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(projection))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[async_trait::async_trait]
impl TableProvider for FileScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // Not an `async fn`: its future would hold the filters, and proving those `Send` walks every type
    // of an expression.
    fn scan<'s, 'e, 'p, 'f, 'r>(
        &'s self,
        session: &'e dyn Session,
        projection: Option<&'p Vec<usize>>,
        filters: &'f [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'r, Result<Arc<dyn ExecutionPlan>>>
    where
        's: 'r,
        'e: 'r,
        'p: 'r,
        'f: 'r,
        Self: 'r,
    {
        match self.prepared(session, projection, filters) {
            Ok((files, source, projection)) => {
                let readers = session.config().target_partitions();
                let limit = limit.filter(|_| filters.is_empty());
                Box::pin(self.plan(files, source, projection, readers, limit))
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| {
            if self.is_of_partitions(filter) {
                TableProviderFilterPushDown::Exact
            } else if self.is_of_table(filter) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(of).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let columns: Vec<usize> = (0..self.schema.fields().len()).collect();
        let files = self.list.files.iter();
        let each: Vec<_> = files.map(|file| DataFileList::statistics_of(file, &columns)).collect();
        match each.is_empty() {
            true => None,
            false => Statistics::try_merge_iter(each.iter(), &self.schema).ok(),
        }
    }
}

impl FileScan {
    /// Everything of a scan that needs no waiting: which files, how they are read, which columns.
    fn prepared(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<(Vec<usize>, ParquetSource, Vec<usize>)> {
        let known = self.table.schema_without_virtual_columns();
        let names = DFSchema::try_from(Arc::clone(known))?;
        let (mut tests, mut passing) = (Vec::new(), Vec::new());
        for filter in filters.iter().filter(|filter| self.is_of_table(filter)) {
            let test = session.create_physical_expr(filter.clone(), &names)?;
            if self.is_of_partitions(filter) {
                passing.push(self.passing(&test)?);
            } else {
                tests.push(test);
            }
        }
        let mut files = self.kept(&tests)?;
        files.retain(|&file| passing.iter().all(|p| p.is_valid(file) && p.value(file)));
        let mut options = TableParquetOptions {
            global: session.config().options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        // Spark's old way of times reaches beyond what nanoseconds can say.
        options.global.coerce_int96 = Some("us".to_owned());
        // Of parts of files as of files: what they hold at most is said without NaN, which is greater. Filters on
        // what is read come while the query runs, too.
        if self.looks_at_floats(projection, filters) {
            options.global.pruning = false;
            options.global.enable_page_index = false;
        }
        let footers = session.runtime_env().cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(Arc::clone(&self.store), footers);
        let mut source = ParquetSource::new(self.table.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        if !tests.is_empty() {
            source = source.with_predicate(conjunction(tests)).with_pushdown_filters(true);
        }
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let place = |&column: &usize| -> Result<usize> {
            Ok(self.table.table_schema().index_of(self.schema.field(column).name())?)
        };
        let projection = projection.iter().map(place).collect::<Result<_>>()?;
        Ok((files, source, projection))
    }

    fn looks_at_floats(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> bool {
        let is_float = |field: &Field| field.data_type().is_floating();
        let reads = |&column: &usize| is_float(self.schema.field(column));
        let tests = |filter: &Expr| {
            let columns = filter.column_refs();
            columns.iter().any(|c| self.schema.field_with_name(&c.name).is_ok_and(is_float))
        };
        let of_rows = match projection {
            Some(projection) => projection.iter().any(reads),
            None => self.schema.fields().iter().any(|field| is_float(field)),
        };
        of_rows || filters.iter().any(tests)
    }

    fn is_of_table(&self, filter: &Expr) -> bool {
        let added = [&self.wanted.file_column, &self.wanted.row_column];
        let added = |name: &str| added.iter().any(|a| a.as_deref() == Some(name));
        !filter.is_volatile() && !filter.column_refs().iter().any(|column| added(&column.name))
    }

    fn is_of_partitions(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let of = |name: &String| self.list.partition_by.contains(name);
        !filter.is_volatile() && !columns.is_empty() && columns.iter().all(|c| of(&c.name))
    }
}
