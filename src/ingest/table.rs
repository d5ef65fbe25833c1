//! One table's turn in a run: unfinished lists first, then new files, batch by batch.
//!
//! Its one idea: the table's own progress and the newest list say what is left to do; nothing else
//! is asked, so a restart and a second server go on as if nothing had happened.

use crate::catalog::{RelationKind, StreamingTable};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Published, Table};
use crate::matview::expectations::ExpectationCount;
use crate::name::RelationId;
use chrono::{DateTime, Utc};

use super::batch::{BatchReport, BatchRun, progress_id};
use super::blocking::{blocking, in_runs};
use super::history::{self, FileRow, FileState};
use super::infer::Sample;
use super::ledger::{FileList, Ledger, ListedFile, Verdict};
use super::listing::{self, FoundFile};
use super::options::ReadOptions;
use super::sample;

/// What a table's turn came to.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) quarantined: u64,
    /// The last batch committed.
    pub(crate) batch: Option<i64>,
    pub(crate) history: Vec<FileRow>,
    pub(crate) expectations: Vec<ExpectationCount>,
    /// What is to be published.
    pub(crate) published: Vec<Published>,
}

impl Turn {
    fn add(&mut self, batch: i64, report: BatchReport) {
        self.files += report.files;
        self.rows += report.rows;
        self.quarantined += report.quarantined;
        self.batch = Some(batch);
        self.history.extend(report.history);
        for count in report.expectations {
            match self.expectations.iter_mut().find(|known| known.name == count.name) {
                Some(known) => {
                    known.failed += count.failed;
                    known.checked += count.checked;
                }
                None => self.expectations.push(count),
            }
        }
    }
}

/// A table's turn.
pub(crate) struct TableTurn<'a> {
    pub(crate) batch: BatchRun<'a>,
    pub(crate) batch_files_max: usize,
    pub(crate) ledger: &'a mut Ledger,
}

impl TableTurn<'_> {
    /// Finishes what was begun, then takes in what is new. What was done before an error is in
    /// `turn` all the same.
    pub(crate) async fn run(&mut self, turn: &mut Turn) -> Result<()> {
        let table = self.streaming()?;
        let options = ReadOptions::of(&table, &self.batch.relation.columns)?;
        let objects = self.batch.lake.objects();
        let mut fresh = None;
        let mut listed_all = false;
        loop {
            self.ledger.catch_up(&objects).await?;
            let done = self.done().await?;
            self.compare(done, turn).await?;
            let last = self.ledger.last_batch();
            if done < last {
                let list = self.ledger.read(&objects, done + 1).await?.ok_or_else(|| {
                    Error::new(
                        ErrorKind::DataCorrupted,
                        format!("file list {} of {} is gone", done + 1, self.batch.relation.name),
                    )
                })?;
                let verify = fresh != Some(list.batch);
                if let Some(report) = self.complete(list, verify, &table).await? {
                    for row in report.history.iter().filter(|r| r.state == FileState::Changed) {
                        self.ledger.report(&row.file.path, &row.file.hash);
                    }
                    turn.add(done + 1, report);
                }
                continue;
            }
            if done > last {
                return Err(Error::new(
                    ErrorKind::DataCorrupted,
                    format!(
                        "{} has batch {done} but its file list is gone",
                        self.batch.relation.name
                    ),
                ));
            }
            if listed_all {
                break;
            }
            match self.next_list(&table, &options, turn, &mut listed_all).await? {
                None => break,
                Some(list) => {
                    let number = list.batch;
                    if self.ledger.write(&objects, list).await? {
                        fresh = Some(number);
                    } else {
                        // Another server's list has that number, and perhaps not all of our files.
                        listed_all = false;
                    }
                }
            }
        }
        turn.published = self.to_publish().await?;
        Ok(())
    }

    fn streaming(&self) -> Result<StreamingTable> {
        match &self.batch.relation.kind {
            RelationKind::Streaming(table) => Ok(table.clone()),
            other => Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("\"{}\" is a {}", self.batch.relation.name, other.noun()),
            )
            .hint("Files are ingested into streaming tables.")),
        }
    }

    /// The last batch the table has; 0 when none.
    async fn done(&self) -> Result<i64> {
        match self.newest().await? {
            Some(table) => self.progress(&table).await,
            None => Ok(0),
        }
    }

    async fn newest(&self) -> Result<Option<Table>> {
        self.batch.lake.newest(&self.batch.lake.location(&self.batch.relation.name)).await
    }

    async fn progress(&self, table: &Table) -> Result<i64> {
        Ok(table.progress(&progress_id(self.batch.relation.id)).await?.unwrap_or(0))
    }

    /// Runs a list under its own definition. One that fails on its data for good under a definition
    /// that has been corrected since runs under the new one: otherwise it would fail for ever.
    async fn complete(
        &self,
        mut list: FileList,
        verify: bool,
        table: &StreamingTable,
    ) -> Result<Option<BatchReport>> {
        let relation = self.batch.relation;
        let failed = match self.batch.run(&list, verify).await {
            Err(error)
                if !error.kind().retryable()
                    && list.definition_hash != relation.definition_hash =>
            {
                error
            }
            other => return other,
        };
        tracing::warn!(
            relation = %relation.name, batch = list.batch, error = %failed,
            "batch fails under the definition it was listed with, trying the present one"
        );
        list.definition = table.clone();
        list.declared = relation.columns.clone();
        list.definition_hash = relation.definition_hash.clone();
        let options = ReadOptions::of(&list.definition, &list.declared)?;
        list.columns = Sample::default().resolve(&list.columns, &options);
        self.batch.run(&list, verify).await
    }

    /// The list of what is new, or `None` when nothing is. Sets `all` when it is all there was.
    async fn next_list(
        &mut self,
        table: &StreamingTable,
        options: &ReadOptions,
        turn: &mut Turn,
        all: &mut bool,
    ) -> Result<Option<FileList>> {
        let (roots, path) = (self.batch.roots.clone(), table.files.path.clone());
        let found = blocking(move || roots.reach().find(&path)).await?;
        let mut candidates: Vec<(FoundFile, Verdict)> = found
            .into_iter()
            .map(|file| {
                let verdict = self.ledger.judge(&file);
                (file, verdict)
            })
            .filter(|(_, verdict)| *verdict != Verdict::Known)
            .collect();
        let max = options.batch_files_max.unwrap_or(usize::MAX).min(self.batch_files_max);
        *all = candidates.len() <= max;
        candidates.truncate(max);
        let files = self.hashed(candidates, options, turn).await?;
        let first = self.ledger.last_batch() == 0;
        if files.is_empty() && (!first || options.declared.is_empty()) {
            return Ok(None);
        }
        self.list(table, options, files).await.map(Some)
    }

    /// Files with their hashes; of the touched ones those that are to be read again.
    async fn hashed(
        &mut self,
        candidates: Vec<(FoundFile, Verdict)>,
        options: &ReadOptions,
        turn: &mut Turn,
    ) -> Result<Vec<(FoundFile, String)>> {
        let hashed = in_runs(candidates, |files| {
            files.into_iter().map(|(file, verdict)| hash(file, verdict)).collect::<Result<Vec<_>>>()
        })
        .await?;
        let mut files = Vec::new();
        for (file, verdict, hash) in hashed.into_iter().flatten() {
            // Gone between listing and reading: it was never there.
            let Some(hash) = hash else { continue };
            match verdict {
                Verdict::New => files.push((file, hash)),
                _ if !self.ledger.has_changed(&file, &hash) => {}
                _ if options.allow_overwrites => files.push((file, hash)),
                _ => {
                    if self.ledger.report(&file.path, &hash) {
                        turn.history.push(self.changed(&file, hash));
                    }
                    self.ledger.tolerate(&file);
                }
            }
        }
        Ok(files)
    }

    fn changed(&self, file: &FoundFile, hash: String) -> FileRow {
        let relation = self.batch.relation;
        tracing::warn!(
            relation = %relation.name, path = %file.path,
            "landing file changed after it was taken in; it is not read again"
        );
        FileRow {
            table: relation.name.clone(),
            table_id: relation.id,
            file: listed(file, hash),
            batch: 0,
            state: FileState::Changed,
            rows: Some(0),
            quarantined: Some(0),
            error: Some("the file changed after it was taken in; it is not read again".to_owned()),
            ingested_at: self.now(),
            run_id: self.batch.run.id,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.batch.lake.clock().now()
    }

    async fn list(
        &self,
        table: &StreamingTable,
        options: &ReadOptions,
        files: Vec<(FoundFile, String)>,
    ) -> Result<FileList> {
        let relation = self.batch.relation;
        let known = self.ledger.last().map(|list| list.columns.clone()).unwrap_or_default();
        let max = self.batch.line_bytes_max;
        let sampled = files.iter().map(|(file, _)| file.clone()).collect();
        let columns = sample::columns(sampled, known, options.clone(), max).await?;
        Ok(FileList {
            format: FileList::FORMAT,
            table: relation.name.clone(),
            table_id: relation.id,
            batch: self.ledger.last_batch() + 1,
            run_id: self.batch.run.id,
            listed_at: self.now(),
            definition_hash: relation.definition_hash.clone(),
            definition: table.clone(),
            declared: relation.columns.clone(),
            columns,
            files: files.iter().map(|(file, hash)| listed(file, hash.clone())).collect(),
        })
    }

    /// Adds rows that `lakeport.files` lacks for batches that are committed; once a process.
    async fn compare(&mut self, done: i64, turn: &mut Turn) -> Result<()> {
        if self.ledger.compared {
            return Ok(());
        }
        let recorded = history::recorded(self.batch.lake, self.batch.relation.id).await?;
        for (path, hash) in &recorded.changed {
            self.ledger.report(path, hash);
        }
        let objects = self.batch.lake.objects();
        for batch in (1..=done).filter(|batch| !recorded.batches.contains(batch)) {
            if let Some(list) = self.ledger.read(&objects, batch).await? {
                turn.history.extend(history::recovered(&list, self.batch.run));
            }
        }
        self.ledger.compared = true;
        Ok(())
    }

    /// The newest versions of the table and its quarantine that belong together.
    async fn to_publish(&self) -> Result<Vec<Published>> {
        let lake = self.batch.lake;
        let Some(table) = self.newest().await? else { return Ok(Vec::new()) };
        self.warn_of_foreign_commits(&table).await;
        let mut published = vec![self.published(self.batch.relation.id, &table)];
        let location = lake.location(&self.batch.quarantine.name);
        if let Some(quarantine) = lake.newest(&location).await? {
            // Another server is between the two commits of a batch: its run publishes both.
            if self.progress(&quarantine).await? > self.progress(&table).await? {
                return Ok(Vec::new());
            }
            published.push(self.published(self.batch.quarantine.id, &quarantine));
        }
        Ok(published)
    }

    fn published(&self, relation_id: RelationId, table: &Table) -> Published {
        Published {
            relation_id,
            location: table.location().clone(),
            version: table.version(),
            read_only: false,
        }
    }

    async fn warn_of_foreign_commits(&self, table: &Table) {
        let epoch = self.batch.lake.epoch();
        let Some(published) = epoch.relations.get(&self.batch.relation.id) else { return };
        if published.version < table.version()
            && matches!(table.foreign_since(published.version).await, Ok(true))
        {
            tracing::warn!(
                relation = %self.batch.relation.name,
                "somebody else has written to this streaming table; it goes on from there"
            );
        }
    }
}

fn listed(file: &FoundFile, hash: String) -> ListedFile {
    ListedFile { path: file.path.clone(), size: file.size, modified: file.modified, hash }
}

/// A file's hash; none when it is gone by now.
fn hash(file: FoundFile, verdict: Verdict) -> Result<(FoundFile, Verdict, Option<String>)> {
    match listing::hash(&file.absolute) {
        Ok((hash, size)) => Ok((FoundFile { size, ..file }, verdict, Some(hash))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((file, verdict, None)),
        Err(error) => Err(listing::io_error(&format!("could not read \"{}\"", file.path), error)),
    }
}
