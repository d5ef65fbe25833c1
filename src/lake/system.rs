//! Appending to the lake's own tables.
//!
//! Its one idea: many processes append at once and no row is lost; a table is made by the first row
//! and grows columns as they come.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RunId;

use super::commit::{Commit, CommitMode, CommitOutcome};
use super::store::Lake;
use super::table::TableSpec;

/// Races lost before an append gives up.
const ATTEMPTS_MAX: u32 = 100;

impl Lake {
    /// Appends rows to `_lakeport/<name>`: makes the table when there is none, adds columns it does
    /// not have yet, tries again when it loses a race.
    ///
    /// # Errors
    /// `DatatypeMismatch` where a column is of another type in the table; `SerializationFailure`
    /// when the race is lost again and again.
    pub async fn append_system(
        &self,
        name: &str,
        batch: RecordBatch,
        run: Option<RunId>,
    ) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let location = self.system_location(name);
        // Rows of another time may lack any column.
        let fields = batch.schema_ref().fields().iter();
        let nullable = fields.map(|field| field.as_ref().clone().with_nullable(true));
        let spec = TableSpec::of(Arc::new(Schema::new(nullable.collect::<Vec<_>>())));
        let mut writer = self.writer(&location, &spec)?;
        writer.write(batch).await?;
        let files = writer.finish().await?;
        let mut lost = String::new();
        for attempt in 0..ATTEMPTS_MAX {
            // What others have appended since is stepped over; only a lost race makes it worth asking.
            let base = match attempt {
                0 => self.newest_held(&location).await?,
                _ => self.newest(&location).await?,
            };
            let commit = Commit {
                location: location.clone(),
                base,
                spec: spec.clone(),
                mode: CommitMode::Append,
                files: files.clone(),
                progress: Vec::new(),
                run,
                operation: "WRITE",
            };
            match self.commit(commit).await? {
                CommitOutcome::Committed(_) => return Ok(()),
                CommitOutcome::Conflict(why) => lost = why,
            }
        }
        Err(Error::new(
            ErrorKind::SerializationFailure,
            format!("lakeport.{name} could not be appended to"),
        )
        .detail(format!("{lost}.")))
    }
}
