//! One connection from its first byte to its last: messages in order, each answered before the next.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::FieldRef;
use datafusion::scalar::ScalarValue;
use futures::FutureExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Limits;
use crate::error::{Error, ErrorKind, Result};
use crate::server::tls::Tls;
use crate::session::{Forgets, Outcome, Prepared, Services, Session};
use crate::syntax;

use super::answer::{
    Severity, complete, empty_query, error_response, notice_response, parameter_status, ready,
    row_description,
};
use super::copy::RowWriter;
use super::encode::{Format, Output, RowEncoder};
use super::encoding::Encoding;
use super::extended::Extended;
use super::message::Message;
use super::rows::{Rows, Sent, Stop};
use super::startup::{Started, start};
use super::wire::Wire;
use super::{CancelKey, Cancels};

/// A started connection.
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) session: Session,
    pub(super) extended: Extended,
    /// Reported settings, as the client was last told.
    told: Vec<(&'static str, String)>,
    told_generation: u64,
    pub(super) limits: Limits,
    clock: Arc<dyn Clock>,
    /// After an error in the extended protocol everything up to Sync is skipped.
    skipping: bool,
    _key: CancelKey,
}

/// Serves one client.
pub(super) async fn run(
    socket: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<Tls>>,
    services: Arc<Services>,
    cancels: Arc<Cancels>,
    shutdown: CancellationToken,
) {
    let limits = services.config.limits.clone();
    let clock = Arc::clone(services.lake.clock());
    let mut wire = Wire::new(socket, limits.message_bytes_max);
    let patience = Duration::from_millis(limits.startup_timeout_ms);
    let starting = start(&mut wire, peer, tls.as_deref(), services, &cancels);
    let started = match tokio::time::timeout(patience, starting).await {
        Ok(Ok(Some(started))) => started,
        Ok(Ok(None)) | Err(_) => return,
        Ok(Err(error)) => return refuse(wire, &error).await,
    };
    let Started { session, key } = started;
    tracing::debug!(session_id = %session.id(), role = %session.role(), %peer, "connected");
    let mut connection = Connection {
        told: session.reported_settings(),
        told_generation: session.settings_generation(),
        wire,
        session,
        extended: Extended::new(limits.prepared_statements_max),
        limits,
        clock,
        skipping: false,
        _key: key,
    };
    connection.follow_encoding();
    if connection.wire.flush().await.is_err() {
        return;
    }
    if let Err(Stop::Failed(error)) = connection.serve(&shutdown).await {
        refuse(connection.wire, &error).await;
    }
}

fn terminated() -> Error {
    let message = "terminating connection due to administrator command";
    Error::new(ErrorKind::AdminShutdown, message)
}

/// Says why the connection ends. Nothing follows.
async fn refuse(mut wire: Wire, error: &Error) {
    log(error, None);
    if wire.put(error_response(error, Severity::Fatal)).is_ok() {
        wire.farewell().await;
    }
}

/// Logs what a person must act on; clients' mistakes are theirs.
fn log(error: &Error, session: Option<&Session>) {
    let session_id = session.map(|session| session.id().to_string()).unwrap_or_default();
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if error.kind() == ErrorKind::InternalError {
        tracing::error!(session_id, message = error.message(), cause, "a statement hit a defect");
    } else {
        tracing::debug!(session_id, sqlstate = error.kind().sqlstate(), "a statement failed");
    }
}

impl Connection {
    /// Answers messages until the client leaves or the server stops.
    async fn serve(&mut self, shutdown: &CancellationToken) -> Result<(), Stop> {
        // Between an extended query's first message and its Sync its client waits for ReadyForQuery:
        // a server that stops there would take back an answer already given.
        let mut awaits_sync = false;
        loop {
            let Some(message) = self.next(shutdown, awaits_sync).await? else {
                return Err(Stop::Gone);
            };
            awaits_sync = !matches!(
                message,
                Message::Sync
                    | Message::Query(_)
                    | Message::FunctionCall
                    | Message::CopyData(_)
                    | Message::CopyDone
                    | Message::CopyFail(_)
            );
            match message {
                Message::Terminate => return Ok(()),
                Message::Sync => self.sync().await?,
                Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => {}
                _ if self.skipping => {}
                Message::Query(text) => self.simple(&text).await?,
                Message::FunctionCall => {
                    let error = Error::unsupported("the function call message")
                        .hint("Call functions by SELECT.");
                    self.fail(error)?;
                    self.ready().await?;
                }
                message => match self.extended_message(message).await {
                    Err(Stop::Failed(error)) => {
                        self.skipping = true;
                        self.fail(error)?;
                        self.wire.flush().await?;
                    }
                    answered => answered?,
                },
            }
        }
    }

    /// The next message, or what ends the connection first. Notifications are passed on meanwhile.
    async fn next(
        &mut self,
        shutdown: &CancellationToken,
        awaits_sync: bool,
    ) -> Result<Option<Message>, Stop> {
        let ended = self.session.ended();
        let patience = if awaits_sync { None } else { self.session.patience() };
        let (limit, impatient) = patience.unzip();
        let clock = Arc::clone(&self.clock);
        let silent = async move {
            match limit {
                Some(limit) => clock.sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(silent);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !awaits_sync => return Err(Stop::Failed(terminated())),
                () = ended.cancelled() => return Err(Stop::Failed(terminated())),
                message = self.wire.message() => return Ok(message?),
                said = self.session.next_notification(), if !awaits_sync => {
                    self.wire.put_notification(&said);
                    self.wire.flush().await?;
                }
                () = &mut silent => {
                    return Err(Stop::Failed(impatient.unwrap_or_else(|| Error::internal("no limit"))));
                }
            }
        }
    }

    /// Reads and writes texts as the session's settings say from now on.
    pub(super) fn follow_encoding(&mut self) {
        self.wire.encoding = Encoding::named(self.session.client_encoding());
    }

    /// How values are written.
    pub(super) fn output(&self) -> Output {
        Output { styles: self.session.styles(), encoding: self.wire.encoding }
    }

    /// Tells the client of an error, which fails the open transaction.
    ///
    /// # Errors
    /// `AdminShutdown` where the statement was stopped because the session is to end.
    fn fail(&mut self, error: Error) -> Result<()> {
        if error.kind() == ErrorKind::QueryCanceled && self.session.ended().is_cancelled() {
            return Err(terminated());
        }
        log(&error, Some(&self.session));
        self.session.fail_transaction();
        self.put_notices()?;
        self.wire.put(error_response(&error, Severity::Error))
    }

    /// Warnings that came up since the last answer.
    pub(super) fn put_notices(&mut self) -> Result<()> {
        for notice in self.session.take_notices() {
            self.wire.put(notice_response(&notice))?;
        }
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), Stop> {
        self.skipping = false;
        self.ready().await
    }

    /// Ends what the client waits for: the transaction that its message implied, settings that
    /// changed, notifications, then ReadyForQuery.
    async fn ready(&mut self) -> Result<(), Stop> {
        if let Err(error) = self.session.do_asked().await {
            self.fail(error)?;
        }
        self.session.end_message();
        let status = self.session.transaction_status();
        if status == 'I' {
            // Portals live as long as their transaction.
            self.extended.close_portals();
        }
        if self.told_generation != self.session.settings_generation() {
            let now = self.session.reported_settings();
            for (before, after) in self.told.iter().zip(&now) {
                if before != after {
                    self.wire.put(parameter_status(after.0, &after.1))?;
                }
            }
            self.told = now;
            self.told_generation = self.session.settings_generation();
            self.follow_encoding();
        }
        while let Some(said) = self.session.take_notification() {
            self.wire.put_notification(&said);
        }
        self.wire.put(ready(status))?;
        Ok(self.wire.flush().await?)
    }

    /// A Query message: statements one after the other, up to the first error.
    async fn simple(&mut self, text: &str) -> Result<(), Stop> {
        self.session.forget_statement("");
        self.extended.forget_unnamed();
        match self.simple_statements(text).await {
            Err(Stop::Failed(error)) => self.fail(error)?,
            answered => answered?,
        }
        self.ready().await
    }

    async fn simple_statements(&mut self, text: &str) -> Result<(), Stop> {
        let text = &*self.session.spelled(text);
        let pieces: Vec<(usize, &str)> = syntax::split_statements(text);
        if pieces.len() > 1 {
            // As in Postgres, a mistake in spelling anywhere means that nothing runs.
            syntax::parse(text)?;
        }
        let several = pieces.len() > 1;
        let mut answered = false;
        for (offset, piece) in pieces {
            if several {
                self.session.begin_message(true);
            }
            let before = text.get(..offset).map_or(0, |before| before.chars().count());
            let moved = |error: Error| match error.position() {
                Some(position) => error.at(position + before),
                None => error,
            };
            let prepared = self.prepare(piece, &[]).await.map_err(|stop| stop.map(moved))?;
            if prepared.is_cancelled() {
                let message = "canceling statement due to user request";
                return Err(Error::new(ErrorKind::QueryCanceled, message).into());
            }
            let outcome = self.execute(&prepared, Vec::new()).await;
            answered |= self.answer(&prepared, outcome.map_err(|stop| stop.map(moved))?).await?;
        }
        if !answered {
            self.wire.put(empty_query())?;
        }
        Ok(())
    }

    /// Sends what a statement of a Query message gave; false for a blank one.
    async fn answer(&mut self, prepared: &Prepared, outcome: Outcome) -> Result<bool, Stop> {
        match outcome {
            Outcome::Empty => return Ok(false),
            Outcome::Command(tag) => self.command_complete(prepared, tag)?,
            Outcome::Rows(rows) => {
                let schema = rows.schema.clone();
                let format = if rows.binary { Format::Binary } else { Format::Text };
                let formats: Arc<[Format]> = vec![format; schema.fields().len()].into();
                self.wire.put(row_description(Some(&schema), &formats, &prepared.origins())?)?;
                let encoder = RowEncoder::styled(formats, self.output());
                let mut rows = Rows::new(rows, schema, encoder, RowWriter::Data);
                let Sent::All(count) = rows.send(&mut self.wire, 0).await? else {
                    return Err(Error::internal("unlimited rows were suspended").into());
                };
                self.command_complete(prepared, row_tag(rows.tag(), count))?;
            }
            Outcome::CopyOut(copy) => {
                let tag = self.copy_out(copy).await?;
                self.command_complete(prepared, tag)?;
            }
            Outcome::CopyIn(copy) => {
                let tag = self.copy_in(copy).await?;
                self.command_complete(prepared, tag)?;
            }
        }
        Ok(true)
    }

    /// CommandComplete, and what a command means for this connection's own portals.
    pub(super) fn command_complete(&mut self, prepared: &Prepared, tag: String) -> Result<()> {
        if prepared.forgets() == Forgets::Portals {
            self.extended.close_portals();
        }
        self.put_notices()?;
        self.wire.put(complete(tag))
    }

    /// [`Session::prepare`], stopped when the client goes away.
    pub(super) async fn prepare(
        &mut self,
        text: &str,
        declared: &[Option<FieldRef>],
    ) -> Result<Arc<Prepared>, Stop> {
        let canceller = self.session.canceller();
        let preparing = unless_panicked(self.session.prepare(text, declared));
        tokio::pin!(preparing);
        tokio::select! {
            prepared = &mut preparing => return Ok(prepared?),
            _ = self.wire.gone() => canceller.cancel(),
        }
        // What was begun ends in order: a commit is not left between its table and its epoch.
        let _ = preparing.await;
        Err(Stop::Gone)
    }

    /// [`Session::execute`], stopped when the client goes away.
    pub(super) async fn execute(
        &mut self,
        prepared: &Arc<Prepared>,
        parameters: Vec<ScalarValue>,
    ) -> Result<Outcome, Stop> {
        let canceller = self.session.canceller();
        let executing = unless_panicked(self.session.execute(prepared, parameters));
        tokio::pin!(executing);
        // `execute` starts the statement when it is first polled, and only then can it be stopped.
        tokio::select! {
            biased;
            outcome = &mut executing => return Ok(outcome?),
            _ = self.wire.gone() => canceller.cancel(),
        }
        let _ = executing.await;
        Err(Stop::Gone)
    }
}

/// What `work` gives; a panic in it ends the statement and not the connection.
async fn unless_panicked<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    // The words went to the log, where whoever can mend it reads.
    done.unwrap_or_else(|_| Err(Error::internal("a statement panicked")))
}

/// `SELECT 5`, but `SHOW` and `EXPLAIN` alone, as Postgres has it.
pub(super) fn row_tag(tag: &str, rows: u64) -> String {
    if matches!(tag, "SELECT" | "FETCH") { format!("{tag} {rows}") } else { tag.to_owned() }
}
