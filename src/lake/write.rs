//! Rows to data files, several writers at once.
//!
//! Its one idea: a lane is one Parquet writer behind a bounded channel; another lane is opened only
//! when the others are full and enough has been written, so that few rows make one file. Files are
//! part of nothing until a commit names them.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::row::{OwnedRow, RowConverter, SortField};
use deltalake_core::datafile::writer::{DeltaWriter, WriterConfig};
use deltalake_core::kernel::{Add, Remove};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

use super::store::{Lake, Location};
use super::table::TableSpec;
use super::{error, schema, statistics};

/// Writers at once, at most.
const LANES_MAX: usize = 4;
/// Rows that one writer takes alone before another is opened.
const LANE_ROWS: u64 = 200_000;
/// Batches waiting for one writer.
const LANE_QUEUE: usize = 4;
/// Parquet bytes at which a file is closed and the next one begun.
const FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Rows of a row group: a reader holds one of each file it reads, and gives its first row when it has it.
const ROW_GROUP_ROWS: usize = 16 * 8192;

/// Data files written, not yet part of any version.
#[derive(Debug, Default, Clone)]
pub struct DataFiles {
    pub(super) adds: Vec<Add>,
    /// Files whose place they take; only an edit looks at them.
    pub(super) removes: Vec<Remove>,
    /// Files that stay with more rows marked as gone: as they were, and as they are.
    pub(super) marked: Vec<(Remove, Add)>,
    rows: u64,
}

impl DataFiles {
    /// Takes in the new files of `other`.
    pub fn append(&mut self, other: Self) {
        self.adds.extend(other.adds);
        self.rows += other.rows;
    }

    /// Rows in all.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Files that go when these come.
    pub fn replaced(&self) -> u64 {
        self.removes.len() as u64
    }

    /// Files that stay with more of their rows marked as gone.
    pub fn marked(&self) -> u64 {
        self.marked.len() as u64
    }

    pub(super) fn marking(mut self, marked: Vec<(Remove, Add)>) -> Self {
        self.marked = marked;
        self
    }

    pub(super) fn replacing(mut self, removes: Vec<Remove>) -> Self {
        self.removes = removes;
        self
    }

    /// Files and their bytes.
    pub fn files(&self) -> (u64, u64) {
        self.adds.iter().fold((0, 0), |(count, bytes), add| {
            (count + 1, bytes + u64::try_from(add.size).unwrap_or_default())
        })
    }
}

/// How rows are spread over files.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Rows that are near each other in this column go to the same file where that costs nothing: each
    /// writer goes on where it left off.
    pub by: Option<String>,
    /// Parquet bytes at which a file is closed; `None` for 128 MB.
    pub file_bytes: Option<u64>,
}

/// Takes batches, spreads them over several Parquet writers behind bounded channels.
pub struct TableWriter {
    location: Location,
    schema: SchemaRef,
    partition_by: Vec<String>,
    config: WriterConfig,
    store: Arc<dyn object_store::ObjectStore>,
    lanes: Vec<Lane>,
    lanes_max: usize,
    next: usize,
    rows: u64,
    by: Option<By>,
}

/// The column rows lie by.
struct By {
    column: usize,
    converter: RowConverter,
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("location", &self.location)
            .field("lanes", &self.lanes.len())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

struct Lane {
    sender: mpsc::Sender<Message>,
    /// Where it left off.
    last: Option<OwnedRow>,
    task: JoinHandle<Result<Vec<Add>>>,
}

enum Message {
    Rows(RecordBatch),
    /// Without it a lane whose channel closes throws its files away.
    Finish,
}

impl Lake {
    /// Starts writing rows of `spec` under `location`. Dropping the writer aborts it.
    ///
    /// # Errors
    /// `FeatureNotSupported` for a column type that tables do not keep; `InvalidName`;
    /// `UndefinedColumn` for a partition column that is none.
    pub fn writer(&self, location: &Location, spec: &TableSpec) -> Result<TableWriter> {
        let schema = schema::stored(&spec.schema)?;
        schema::check_partitions(&schema, &spec.partition_by)?;
        let bare = schema::without_metadata(&schema);
        let config = config(&bare, spec.partition_by.clone(), FILE_BYTES);
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Ok(TableWriter {
            location: location.clone(),
            schema: bare,
            partition_by: spec.partition_by.clone(),
            config,
            store: self.held(location)?.log().object_store(None),
            lanes: Vec::new(),
            lanes_max: cores.clamp(1, LANES_MAX),
            next: 0,
            rows: 0,
            by: None,
        })
    }
}

impl TableWriter {
    /// With one lane: rows stay in their order, in as few files as they fit.
    pub(super) fn alone(mut self) -> Self {
        self.lanes_max = 1;
        self
    }

    /// Adds a batch whose columns match the spec by position; types are cast where that loses
    /// nothing (view types to plain ones, for example; times to microseconds). Waits while all
    /// writers are busy.
    ///
    /// # Errors
    /// `DatatypeMismatch` for another number of columns, `NotNullViolation`,
    /// `NumericValueOutOfRange`; errors of writing, after which the writer is of no more use.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = schema::fit(&batch, &self.schema)?;
        self.rows += batch.num_rows() as u64;
        if let Some(index) = self.lane_by(&batch)? {
            let Some(lane) = self.lanes.get(index) else {
                return Err(Error::internal("a writer without lanes"));
            };
            return match lane.sender.send(Message::Rows(batch)).await {
                Ok(()) => Ok(()),
                Err(_) => Err(self.failure().await),
            };
        }
        let mut message = Message::Rows(batch);
        for offset in 0..self.lanes.len() {
            let index = (self.next + offset) % self.lanes.len();
            let Some(lane) = self.lanes.get(index) else { continue };
            message = match lane.sender.try_send(message) {
                Ok(()) => {
                    self.next = index + 1;
                    return Ok(());
                }
                Err(mpsc::error::TrySendError::Full(message)) => message,
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.failure().await),
            };
        }
        let lanes = self.lanes.len();
        if self.wants_lane() {
            self.open_lane();
            self.next = lanes;
        }
        let index = self.next % self.lanes.len();
        self.next = index + 1;
        let Some(lane) = self.lanes.get(index) else {
            return Err(Error::internal("a writer without lanes"));
        };
        match lane.sender.send(message).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// From now on spreads rows as `layout` says.
    ///
    /// # Errors
    /// `InternalError` for a column that is none.
    pub fn laid_out(mut self, layout: &Layout) -> Result<Self> {
        let internal = |error| Error::internal("lay rows out").caused_by(error);
        if let Some(bytes) = layout.file_bytes {
            self.config = config(&self.schema, self.partition_by.clone(), bytes);
        }
        if let Some(name) = &layout.by {
            let column = self.schema.index_of(name).map_err(internal)?;
            let field = SortField::new(self.schema.field(column).data_type().clone());
            let converter = RowConverter::new(vec![field]).map_err(internal)?;
            self.by = Some(By { column, converter });
        }
        Ok(self)
    }

    /// The lane whose rows end nearest before the batch's first; a new one where none does. Streams
    /// that come interleaved, as those of several readers do, so part again.
    fn lane_by(&mut self, batch: &RecordBatch) -> Result<Option<usize>> {
        let Some(by) = &self.by else { return Ok(None) };
        let values = batch.column(by.column);
        let ends = [values.slice(0, 1), values.slice(values.len() - 1, 1)].map(|value| {
            let rows = by.converter.convert_columns(&[value]);
            rows.map(|rows| rows.row(0).owned())
        });
        let [first, last] = ends;
        let internal = |error| Error::internal("lay rows out").caused_by(error);
        let (first, last) = (first.map_err(internal)?, last.map_err(internal)?);
        let before = |lane: &Lane| lane.last.as_ref().is_some_and(|last| *last <= first);
        let behind = (0..self.lanes.len()).filter(|&i| before(&self.lanes[i]));
        let nearest = behind.max_by(|&a, &b| self.lanes[a].last.cmp(&self.lanes[b].last));
        let index = match nearest {
            Some(index) => index,
            None if self.wants_lane() => {
                self.open_lane();
                self.lanes.len() - 1
            }
            None => {
                self.next = (self.next + 1) % self.lanes.len();
                self.next
            }
        };
        self.lanes[index].last = Some(last);
        Ok(Some(index))
    }

    /// Finishes the files. No rows, no files.
    pub async fn finish(mut self) -> Result<DataFiles> {
        let lanes = std::mem::take(&mut self.lanes);
        for lane in &lanes {
            // A lane that has failed says why when it is joined.
            let _ = lane.sender.send(Message::Finish).await;
        }
        let mut files = DataFiles { rows: self.rows, ..DataFiles::default() };
        let mut failure = None;
        for lane in lanes {
            match lane.task.await {
                Ok(Ok(adds)) => files.adds.extend(adds),
                Ok(Err(error)) => failure = Some(error),
                Err(error) => {
                    failure = Some(Error::internal("a writer's task ended").caused_by(error));
                }
            }
        }
        for add in &mut files.adds {
            statistics::exact(add, &self.config.file_schema());
        }
        match failure {
            None => Ok(files),
            Some(error) => Err(error),
        }
    }

    /// Few rows make one file.
    fn wants_lane(&self) -> bool {
        let lanes = self.lanes.len();
        lanes == 0 || lanes < self.lanes_max && self.rows > LANE_ROWS * lanes as u64
    }

    fn open_lane(&mut self) {
        let (sender, receiver) = mpsc::channel(LANE_QUEUE);
        let writer = DeltaWriter::new(Arc::clone(&self.store), self.config.clone());
        let task = tokio::spawn(run_lane(self.location.clone(), writer, receiver));
        self.lanes.push(Lane { sender, last: None, task });
    }

    /// Why a lane stopped taking rows.
    async fn failure(&mut self) -> Error {
        let mut failure = None;
        for lane in std::mem::take(&mut self.lanes) {
            drop(lane.sender);
            if let Ok(Err(error)) = lane.task.await
                && error.message() != DROPPED
            {
                failure = Some(error);
            }
        }
        failure.unwrap_or_else(|| Error::internal("a writer stopped taking rows"))
    }
}

fn config(schema: &SchemaRef, partition_by: Vec<String>, file_bytes: u64) -> WriterConfig {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    WriterConfig::new(
        Arc::clone(schema),
        partition_by,
        Some(properties),
        NonZeroU64::new(file_bytes),
        Some(8192),
        Default::default(),
        None,
    )
}

const DROPPED: &str = "the writer was dropped";

async fn run_lane(
    location: Location,
    mut writer: DeltaWriter,
    mut receiver: mpsc::Receiver<Message>,
) -> Result<Vec<Add>> {
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Rows(batch) => {
                if let Err(error) = writer.write(&batch).await {
                    abort(writer).await;
                    return Err(error::delta(&location, error));
                }
            }
            Message::Finish => {
                return writer.close().await.map_err(|error| error::delta(&location, error));
            }
        }
    }
    abort(writer).await;
    Err(Error::internal(DROPPED))
}

async fn abort(writer: DeltaWriter) {
    if let Err(error) = writer.abort().await {
        tracing::warn!(%error, "an unfinished data file is left for clean-up");
    }
}
