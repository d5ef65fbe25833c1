//! External tables over files: Parquet, CSV and JSON, read where they lie.
//!
//! Its one idea: nothing is kept. Each statement lists the files anew and reads them as they are; their
//! columns are those declared, else what their beginnings say. Which folders may be read is for the module to
//! know that finds them.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::session_state::SessionState;
use futures::future::BoxFuture;
use url::Url;

use crate::catalog::{ExternalFiles, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{FileKind, Query};

use super::error;
use super::planner::{self, ResolvedTables};
use super::runtime::Sealed;

/// Files whose beginnings say what columns there are; more are taken to be like them.
const LOOKED_AT_MAX: usize = 64;
/// Rows of each of them.
const ROWS_LOOKED_AT_MAX: usize = 10_000;

/// Who knows which files may be read. The inverted edge: declared here, implemented above.
pub trait FileFinder: Send + Sync {
    /// The files of a path or pattern, by name, and where they really are.
    ///
    /// # Errors
    /// `UndefinedFile` where the folder does not exist; `InvalidParameterValue` for what lies, or leads,
    /// outside the folders that may be read.
    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>>;
}

/// The table a statement reads.
///
/// # Errors
/// As [`FileFinder::find`]; `UndefinedFile` where no file is; `DatatypeMismatch` where files do not fit
/// together.
pub(crate) fn table<'a>(
    finder: Arc<dyn FileFinder>,
    state: &'a Sealed<SessionState>,
    relation: &'a Relation,
    files: &'a ExternalFiles,
) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
    Box::pin(async move {
        let pattern = files.location.clone();
        let found = tokio::task::spawn_blocking(move || finder.find(&pattern)).await;
        let found =
            found.map_err(|error| Error::internal("listing files ended").caused_by(error))??;
        if found.is_empty() {
            let message = format!("no file matches \"{}\"", files.location);
            return Err(Error::new(ErrorKind::UndefinedFile, message)
                .hint("Names that begin with _ or . or end in .tmp are passed over."));
        }
        let urls = found.iter().map(|file| address(file)).collect::<Result<Vec<_>>>()?;
        let options = ListingOptions::new(format(files, &found)?).with_file_extension("");
        let schema = match relation.columns.is_empty() {
            true => inferred(state, &options, &urls).await?,
            false => declared(state, relation)?,
        };
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options)
            .with_schema(schema);
        let table = ListingTable::try_new(config).map_err(error::convert)?;
        Ok(Arc::new(table) as Arc<dyn TableProvider>)
    })
}

fn address(file: &std::path::Path) -> Result<ListingTableUrl> {
    let url = Url::from_file_path(file).map_err(|()| Error::internal("a file without a path"))?;
    ListingTableUrl::try_new(url, None).map_err(error::convert)
}

/// How the files are read.
fn format(files: &ExternalFiles, found: &[PathBuf]) -> Result<Arc<dyn FileFormat>> {
    let is_packed = |file: &PathBuf| {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        ["gz", "zst", "bz2", "xz"].iter().any(|packed| ending.eq_ignore_ascii_case(packed))
    };
    if let Some(packed) = found.iter().find(|file| is_packed(file)) {
        return Err(Error::unsupported("a compressed file in an external table")
            .detail(format!("It is \"{}\".", packed.display()))
            .hint("A streaming table reads compressed files."));
    }
    Ok(match files.format {
        FileKind::Parquet => Arc::new(ParquetFormat::default().with_force_view_types(false)),
        FileKind::Json => Arc::new(
            JsonFormat::default()
                .with_schema_infer_max_rec(ROWS_LOOKED_AT_MAX)
                .with_newline_delimited(!is_array(found)?),
        ),
        FileKind::Csv => {
            let form = &files.csv;
            Arc::new(
                CsvFormat::default()
                    .with_schema_infer_max_rec(ROWS_LOOKED_AT_MAX)
                    .with_newlines_in_values(true)
                    .with_has_header(form.header)
                    .with_delimiter(form.delimiter)
                    .with_quote(form.quote)
                    .with_escape(form.escape),
            )
        }
    })
}

/// Whether JSON files hold arrays, by the first of them that holds anything.
fn is_array(found: &[PathBuf]) -> Result<bool> {
    use std::io::Read;
    for file in found {
        let mut beginning = Vec::new();
        let read = std::fs::File::open(file).and_then(|f| f.take(4096).read_to_end(&mut beginning));
        read.map_err(|error| {
            let message = format!("could not read \"{}\": {error}", file.display());
            Error::new(ErrorKind::IoError, message).caused_by(error)
        })?;
        if let Some(first) = beginning.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(*first == b'[');
        }
    }
    Ok(false)
}

/// The columns as declared.
fn declared(state: &Sealed<SessionState>, relation: &Relation) -> Result<SchemaRef> {
    let columns = relation.columns.iter().map(|column| {
        let name = crate::name::quote_identifier(&column.name);
        format!("CAST(NULL AS {}) AS {name}", column.sql_type)
    });
    let text = format!("SELECT {}", columns.collect::<Vec<_>>().join(", "));
    let nothing = ResolvedTables::new();
    let plan = planner::plan_query(state, &nothing, &Query::parse(&text)?, Vec::new());
    let schema = Arc::clone(plan.map_err(error::convert)?.schema().inner());
    Ok(Arc::new(plain(&schema)))
}

/// The columns that the files themselves have.
async fn inferred(
    state: &Sealed<SessionState>,
    options: &ListingOptions,
    urls: &[ListingTableUrl],
) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::new();
    for url in urls.iter().take(LOOKED_AT_MAX) {
        let schema = options
            .infer_schema(&***state, url)
            .await
            .map_err(|error| error::convert(error).within(format!("file \"{}\"", url.prefix())))?;
        for field in plain(&schema).fields() {
            match fields.iter_mut().find(|known| known.name() == field.name()) {
                None => fields.push(field.as_ref().clone().with_nullable(true)),
                Some(known) => {
                    let both = common(known.data_type(), field.data_type()).ok_or_else(|| {
                        let message = format!("column \"{}\" has two types", field.name());
                        Error::new(ErrorKind::DatatypeMismatch, message)
                            .detail(format!(
                                "It is {} in one file and {} in another.",
                                known.data_type(),
                                field.data_type()
                            ))
                            .hint("Declare the columns: CREATE EXTERNAL TABLE name (column type, ...).")
                    })?;
                    *known = known.clone().with_data_type(both);
                }
            }
        }
    }
    if fields.is_empty() {
        let message = "the files have no columns";
        return Err(Error::new(ErrorKind::InvalidObjectDefinition, message)
            .hint("Declare the columns: CREATE EXTERNAL TABLE name (column type, ...)."));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The type that holds both.
fn common(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{Boolean, Date32, Float32, Float64, Int16, Int32, Int64, Null, Utf8};
    match (one, other) {
        (one, other) if one == other => Some(one.clone()),
        (Null, some) | (some, Null) => Some(some.clone()),
        (Int16 | Int32 | Int64, Int16 | Int32 | Int64) => Some(Int64),
        (Int16 | Int32 | Int64 | Float32 | Float64, Int16 | Int32 | Int64 | Float32 | Float64) => {
            Some(Float64)
        }
        // What one file's beginning takes for something, another's says is only text.
        (Utf8, Boolean | Date32 | Int64 | Float64 | DataType::Timestamp(..))
        | (Boolean | Date32 | Int64 | Float64 | DataType::Timestamp(..), Utf8) => Some(Utf8),
        _ => None,
    }
}

/// Types as Postgres has them.
fn plain(schema: &Schema) -> Schema {
    let fields = schema
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), plain_type(field.data_type()), field.is_nullable()));
    Schema::new(fields.collect::<Vec<_>>())
}

fn plain_type(data_type: &DataType) -> DataType {
    let element = |field: &Arc<Field>| {
        Arc::new(field.as_ref().clone().with_data_type(plain_type(field.data_type())))
    };
    match data_type {
        DataType::UInt8 | DataType::Int8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| Arc::from("UTC")))
        }
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::List(field) | DataType::LargeList(field) => DataType::List(element(field)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(element).collect()),
        other => other.clone(),
    }
}
