//! Lines and rows a streaming table refused, on their way to its quarantine table.
//!
//! Written while the files are read, so memory stays bounded however much is refused.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::lake::{DataFiles, Lake, Location, TableSpec};

use super::load::Refused;

/// Refused lines in one batch.
const BATCH_ROWS: usize = 1024;

/// Files of refused lines being written.
#[derive(Debug)]
pub(crate) struct QuarantineWriter {
    sender: mpsc::Sender<Option<Refused>>,
    task: JoinHandle<Result<DataFiles>>,
}

/// The shape of a streaming table's quarantine.
pub(crate) fn spec(table: &str) -> TableSpec {
    let mut spec = TableSpec::of(schema());
    spec.comment = Some(format!("Lines and rows that {table} refused."));
    spec
}

fn schema() -> SchemaRef {
    let field = |name: &str, kind: DataType, comment: &str| {
        let metadata = [("comment".to_owned(), comment.to_owned())];
        Field::new(name, kind, true).with_metadata(metadata.into())
    };
    Arc::new(Schema::new(vec![
        field("file_path", DataType::Utf8, "The file, as _metadata.file_path has it."),
        field("line", DataType::Int64, "From 1; NULL where it concerns the file or a row."),
        field("raw", DataType::Utf8, "The line as it came, at most its first 4096 bytes."),
        field("reason", DataType::Utf8, "Why it was refused."),
        field("batch", DataType::Int64, "The batch of the table that met it."),
    ]))
}

impl QuarantineWriter {
    /// Starts writing.
    pub(crate) fn start(lake: &Lake, location: &Location, batch: i64) -> Result<Self> {
        let mut writer = lake.writer(location, &spec(""))?;
        let (sender, mut receiver) = mpsc::channel::<Option<Refused>>(BATCH_ROWS);
        let task = tokio::spawn(async move {
            let mut waiting = Vec::new();
            while let Some(Some(refused)) = receiver.recv().await {
                waiting.push(refused);
                if waiting.len() == BATCH_ROWS {
                    writer.write(rows(&std::mem::take(&mut waiting), batch)?).await?;
                }
            }
            if !waiting.is_empty() {
                writer.write(rows(&waiting, batch)?).await?;
            }
            writer.finish().await
        });
        Ok(Self { sender, task })
    }

    /// Where refused lines are sent; `None` ends the writing.
    pub(crate) fn sender(&self) -> mpsc::Sender<Option<Refused>> {
        self.sender.clone()
    }

    /// Ends the writing; nobody may send any more.
    pub(crate) async fn finish(self) -> Result<DataFiles> {
        // A closed channel means that writing has failed already; the task says how.
        let _ = self.sender.send(None).await;
        drop(self.sender);
        self.task
            .await
            .map_err(|error| Error::internal("the quarantine's writer died").caused_by(error))?
    }
}

fn rows(refused: &[Refused], batch: i64) -> Result<RecordBatch> {
    let text = |of: fn(&Refused) -> &str| -> StringArray {
        refused.iter().map(|line| Some(of(line))).collect()
    };
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(text(|line| &line.file_path)),
            Arc::new(refused.iter().map(|l| l.line.map(|n| n as i64)).collect::<Int64Array>()),
            Arc::new(text(|line| &line.raw)),
            Arc::new(text(|line| &line.reason)),
            Arc::new(Int64Array::from(vec![batch; refused.len()])),
        ],
    )
    .map_err(|error| Error::internal("refused lines do not make a batch").caused_by(error))
}
