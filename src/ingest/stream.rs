//! The files of a batch as a relation that the table's query reads.
//!
//! Several readers at once, each with its share of the files, behind bounded channels. It can be read
//! once: a second reading would count every row twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::telemetry::Steps;

use super::layout::Layout;
use super::listing::FoundFile;
use super::load::{FileOutcome, Loader, Refused, Sink};

/// Batches that may wait between a reader and the query.
const WAITING_MAX: usize = 2;

/// The files of one batch, being read.
#[derive(Debug)]
pub(crate) struct FileStream {
    layout: Layout,
    schema: SchemaRef,
    outcomes: Mutex<HashMap<String, FileOutcome>>,
    refused: mpsc::Sender<Option<Refused>>,
    steps: Steps,
}

#[derive(Debug)]
struct Share {
    stream: Arc<FileStream>,
    files: Vec<Arc<FoundFile>>,
    started: AtomicBool,
}

impl FileStream {
    /// Refused lines go to `refused`; `steps` hears how many files are done.
    pub(crate) fn new(
        layout: Layout,
        refused: mpsc::Sender<Option<Refused>>,
        steps: Steps,
    ) -> Arc<Self> {
        let schema = layout.schema();
        Arc::new(Self { layout, schema, outcomes: Mutex::default(), refused, steps })
    }

    /// The relation over `files`, for one reading.
    pub(crate) fn provider(
        self: &Arc<Self>,
        files: Vec<Arc<FoundFile>>,
    ) -> Result<Arc<dyn TableProvider>> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let mut shares: Vec<(u64, Vec<Arc<FoundFile>>)> =
            vec![(0, Vec::new()); cores.min(files.len()).max(1)];
        for file in files {
            // The least loaded takes the next, so that files stay roughly in their order.
            if let Some((bytes, share)) = shares.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += file.size.max(1);
                share.push(file);
            }
        }
        let partitions = shares
            .into_iter()
            .map(|(_, files)| -> Arc<dyn PartitionStream> {
                let stream = Arc::clone(self);
                Arc::new(Share { stream, files, started: AtomicBool::new(false) })
            })
            .collect();
        let table = StreamingTable::try_new(Arc::clone(&self.schema), partitions)
            .map_err(|error| Error::internal("the stream's schema differs").caused_by(error))?;
        Ok(Arc::new(table))
    }

    /// What became of each file, by its path.
    pub(crate) fn outcomes(&self) -> HashMap<String, FileOutcome> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, file: &FoundFile, outcome: FileOutcome) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.insert(file.path.clone(), outcome);
        self.steps.tell("", outcomes.len() as u64, 0);
    }
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.stream.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let again = self.started.swap(true, Ordering::SeqCst);
        let mut builder =
            RecordBatchReceiverStream::builder(Arc::clone(&self.stream.schema), WAITING_MAX);
        let mut sink = Channels { batches: builder.tx(), refused: self.stream.refused.clone() };
        let (stream, files) = (Arc::clone(&self.stream), self.files.clone());
        builder.spawn_blocking(move || {
            if again {
                return Err(external(Error::unsupported("reading a stream twice in one query")));
            }
            read(&stream, &files, &mut sink).map_err(external)
        });
        builder.build()
    }
}

fn read(stream: &FileStream, files: &[Arc<FoundFile>], sink: &mut Channels) -> Result<()> {
    let mut loader = Loader::new(&stream.layout, sink);
    for file in files {
        match loader.read(file)? {
            Some(outcome) => stream.note(file, outcome),
            None => return Ok(()),
        }
    }
    loader.finish().map(|_| ())
}

struct Channels {
    batches: mpsc::Sender<datafusion::error::Result<RecordBatch>>,
    refused: mpsc::Sender<Option<Refused>>,
}

impl Sink for Channels {
    fn batch(&mut self, batch: RecordBatch) -> bool {
        self.batches.blocking_send(Ok(batch)).is_ok()
    }

    fn refused(&mut self, refused: Refused) -> bool {
        self.refused.blocking_send(Some(refused)).is_ok()
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
