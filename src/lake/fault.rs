//! Faults on demand: the process killed, or the disk full, at the n-th storage operation.
//!
//! Debug builds only. `LAKEPORT_CRASH_AT=n` kills the process with SIGKILL after (or, with
//! `LAKEPORT_CRASH_WHEN=before`, before) the n-th operation that changes storage;
//! `LAKEPORT_FAIL_AT=n` answers "no space left" from there on; `LAKEPORT_LIE_AT=n` does the n-th and says
//! that it failed; `LAKEPORT_COUNT_OPS=<file>` gets one line an operation, `LAKEPORT_LOG_READS=<file>` one a
//! read. Refuses to know what the operations mean.

/// A release build has no faults on demand.
#[cfg(not(debug_assertions))]
pub(super) fn wrap(
    store: std::sync::Arc<dyn object_store::ObjectStore>,
) -> std::sync::Arc<dyn object_store::ObjectStore> {
    store
}

#[cfg(debug_assertions)]
pub(super) use on_demand::wrap;

#[cfg(debug_assertions)]
mod on_demand {
    use std::fmt;
    use std::io::Write as _;
    use std::ops::Range;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use bytes::Bytes;
    use futures::StreamExt as _;
    use futures::stream::BoxStream;
    use object_store::path::Path;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
        PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
    };

    /// Wraps `store` when the environment asks for faults.
    pub(in crate::lake) fn wrap(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let faults = Faults {
            crash_at: number("LAKEPORT_CRASH_AT"),
            crash_before: std::env::var("LAKEPORT_CRASH_WHEN").is_ok_and(|when| when == "before"),
            fail_at: number("LAKEPORT_FAIL_AT"),
            lie_at: number("LAKEPORT_LIE_AT"),
            reads_to: std::env::var_os("LAKEPORT_LOG_READS").map(PathBuf::from),
            count_to: std::env::var_os("LAKEPORT_COUNT_OPS").map(PathBuf::from),
            done: AtomicU64::new(0),
        };
        let numbers = [faults.crash_at, faults.fail_at, faults.lie_at];
        let files = [&faults.count_to, &faults.reads_to];
        if numbers.iter().all(Option::is_none) && files.iter().all(|file| file.is_none()) {
            return store;
        }
        Arc::new(FaultStore { inner: store, faults: Arc::new(faults) })
    }

    #[derive(Debug)]
    struct Faults {
        crash_at: Option<u64>,
        crash_before: bool,
        fail_at: Option<u64>,
        lie_at: Option<u64>,
        reads_to: Option<PathBuf>,
        count_to: Option<PathBuf>,
        done: AtomicU64,
    }

    impl Faults {
        /// Numbers an operation about to start; kills, or fails it, where that is asked for.
        fn begin(&self, what: &str, path: &str) -> Result<u64> {
            let number = self.done.fetch_add(1, Ordering::SeqCst) + 1;
            note(self.count_to.as_ref(), &format!("{number} {what} {path}"));
            if self.crash_before && self.crash_at == Some(number) {
                kill();
            }
            match self.fail_at {
                Some(at) if number >= at => Err(object_store::Error::Generic {
                    store: "LocalFileSystem",
                    source: Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull)),
                }),
                _ => Ok(number),
            }
        }

        /// Ends an operation that was done; kills, or denies it, where that is asked for.
        fn end(&self, number: u64) -> Result<()> {
            if !self.crash_before && self.crash_at == Some(number) {
                kill();
            }
            match self.lie_at == Some(number) {
                true => Err(object_store::Error::Generic {
                    store: "LocalFileSystem",
                    source: Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                }),
                false => Ok(()),
            }
        }

        fn read(&self, path: &Path) {
            note(self.reads_to.as_ref(), path.as_ref());
        }
    }

    /// A line in a file that a test reads: one that is missing shows there.
    /// One write a line: `writeln!` makes two of a file, and lines of threads that read at once would run into
    /// one another.
    fn note(file: Option<&PathBuf>, line: &str) {
        let Some(file) = file else { return };
        let log = std::fs::OpenOptions::new().create(true).append(true).open(file);
        let _ = log.and_then(|mut log| log.write_all(format!("{line}\n").as_bytes()));
    }

    /// SIGKILL to ourselves: nothing is flushed, no destructor runs.
    fn kill() -> ! {
        let command = format!("kill -9 {}", std::process::id());
        let _ = std::process::Command::new("/bin/sh").args(["-c", &command]).status();
        loop {
            std::thread::park();
        }
    }

    #[derive(Debug)]
    struct FaultStore {
        inner: Arc<dyn ObjectStore>,
        faults: Arc<Faults>,
    }

    impl fmt::Display for FaultStore {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "FaultStore({})", self.inner)
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for FaultStore {
        async fn put_opts(
            &self,
            location: &Path,
            payload: PutPayload,
            opts: PutOptions,
        ) -> Result<PutResult> {
            let number = self.faults.begin("put", location.as_ref())?;
            let result = self.inner.put_opts(location, payload, opts).await?;
            self.faults.end(number)?;
            Ok(result)
        }

        async fn put_multipart_opts(
            &self,
            location: &Path,
            opts: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            let number = self.faults.begin("multipart", location.as_ref())?;
            let inner = self.inner.put_multipart_opts(location, opts).await?;
            self.faults.end(number)?;
            Ok(Box::new(FaultUpload {
                inner,
                path: location.to_string(),
                faults: Arc::clone(&self.faults),
            }))
        }

        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            self.faults.read(location);
            self.inner.get_opts(location, options).await
        }

        async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
            self.faults.read(location);
            self.inner.get_ranges(location, ranges).await
        }

        fn delete_stream(
            &self,
            locations: BoxStream<'static, Result<Path>>,
        ) -> BoxStream<'static, Result<Path>> {
            let (inner, faults) = (Arc::clone(&self.inner), Arc::clone(&self.faults));
            locations
                .then(move |location| {
                    let (inner, faults) = (Arc::clone(&inner), Arc::clone(&faults));
                    async move {
                        let location = location?;
                        let number = faults.begin("delete", location.as_ref())?;
                        let one = futures::stream::iter([Ok(location.clone())]).boxed();
                        let deleted =
                            inner.delete_stream(one).next().await.unwrap_or(Ok(location))?;
                        faults.end(number)?;
                        Ok(deleted)
                    }
                })
                .boxed()
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.inner.list(prefix)
        }

        fn list_with_offset(
            &self,
            prefix: Option<&Path>,
            offset: &Path,
        ) -> BoxStream<'static, Result<ObjectMeta>> {
            self.inner.list_with_offset(prefix, offset)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.inner.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            let number = self.faults.begin("copy", to.as_ref())?;
            self.inner.copy_opts(from, to, options).await?;
            self.faults.end(number)
        }

        async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
            let number = self.faults.begin("rename", to.as_ref())?;
            self.inner.rename_opts(from, to, options).await?;
            self.faults.end(number)
        }
    }

    #[derive(Debug)]
    struct FaultUpload {
        inner: Box<dyn MultipartUpload>,
        path: String,
        faults: Arc<Faults>,
    }

    #[async_trait::async_trait]
    impl MultipartUpload for FaultUpload {
        fn put_part(&mut self, data: PutPayload) -> UploadPart {
            let number = match self.faults.begin("part", &self.path) {
                Ok(number) => number,
                Err(error) => return Box::pin(async move { Err(error) }),
            };
            let part = self.inner.put_part(data);
            let faults = Arc::clone(&self.faults);
            Box::pin(async move {
                part.await?;
                faults.end(number)
            })
        }

        async fn complete(&mut self) -> Result<PutResult> {
            let number = self.faults.begin("complete", &self.path)?;
            let result = self.inner.complete().await?;
            self.faults.end(number)?;
            Ok(result)
        }

        async fn abort(&mut self) -> Result<()> {
            self.inner.abort().await
        }
    }
}
