//! Logs and metrics: their names, their format, and what they must never show.
//!
//! [`Metrics`] is plain counters shared by `Arc`, never a global; whoever causes a thing counts it,
//! and `render` writes them down for Prometheus. Log field names are fixed: session_id query_id role
//! relation version refresh_id elapsed_ms rows. Neither ever shows SQL literals, tokens or secrets.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

/// How log lines are written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Starts logging to standard error, once in a process; a second call changes nothing.
///
/// `LAKEPORT_LOG` filters as `tracing` does (`lakeport=debug,warn`); without it warnings are
/// written, and, where `verbose`, what changes in the state of the server.
pub fn start_logs(format: LogFormat, verbose: bool) {
    let usual = if verbose { "warn,lakeport=info" } else { "warn" };
    let filter = EnvFilter::try_from_env("LAKEPORT_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Failing means a subscriber is set already, which is what is asked for.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// Told how far a run has come: what is worked on, how much of it is done, and of how much.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Told>>);

type Told = dyn Fn(&str, u64, u64) + Send + Sync;

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Steps").field(&self.0.is_some()).finish()
    }
}

impl Steps {
    /// `told` is called from any thread, and often.
    pub fn new(told: impl Fn(&str, u64, u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// Tells whoever listens.
    pub fn tell(&self, what: &str, done: u64, of: u64) {
        if let Some(told) = &self.0 {
            told(what, done, of);
        }
    }
}

/// The protocols clients speak; a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Postgres.
    Postgres,
    /// Flight SQL.
    Flight,
}

impl Protocol {
    const ALL: [Protocol; 2] = [Protocol::Postgres, Protocol::Flight];

    /// The protocol of this name; Postgres for any other.
    pub fn named(name: &str) -> Self {
        if name == Protocol::Flight.as_str() { Protocol::Flight } else { Protocol::Postgres }
    }

    /// As it stands in labels and in `lakeport.sessions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Postgres => "postgres",
            Protocol::Flight => "flight",
        }
    }
}

/// How a statement, refresh or ingest ended; a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did what it was asked.
    Succeeded,
    /// It answered an error.
    Failed,
    /// It was cancelled, by the user or by a time limit.
    Canceled,
}

impl Ended {
    const ALL: [Ended; 3] = [Ended::Succeeded, Ended::Failed, Ended::Canceled];

    fn as_str(self) -> &'static str {
        match self {
            Ended::Succeeded => "succeeded",
            Ended::Failed => "failed",
            Ended::Canceled => "canceled",
        }
    }
}

/// Upper bounds of the latency histogram, in milliseconds.
const LATENCY_BOUNDS_MS: [u64; 14] =
    [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000];

/// What the process has done since it started.
#[derive(Debug, Default)]
pub struct Metrics {
    open: [AtomicI64; 2],
    opened: [AtomicU64; 2],
    statements: [AtomicU64; 3],
    refreshes: [AtomicU64; 3],
    ingests: [AtomicU64; 3],
    rows_sent: AtomicU64,
    rows_refreshed: AtomicU64,
    rows_ingested: AtomicU64,
    latency_buckets: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    latency_micros: AtomicU64,
    poll_failures: AtomicU64,
    plans_made: AtomicU64,
    plans_rebound: AtomicU64,
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Metrics {
    /// A client has connected.
    pub fn session_opened(&self, protocol: Protocol) {
        self.open[protocol as usize].fetch_add(1, Ordering::Relaxed);
        add(&self.opened[protocol as usize], 1);
    }

    /// A client has gone.
    pub fn session_closed(&self, protocol: Protocol) {
        self.open[protocol as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// A statement has ended, its rows included.
    pub fn statement_ended(&self, ended: Ended, elapsed: Duration) {
        add(&self.statements[ended as usize], 1);
        let millis = elapsed.as_millis();
        let bucket = LATENCY_BOUNDS_MS
            .iter()
            .position(|bound| millis <= u128::from(*bound))
            .unwrap_or(LATENCY_BOUNDS_MS.len());
        add(&self.latency_buckets[bucket], 1);
        add(&self.latency_micros, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
    }

    /// Rows have gone to a client.
    pub fn rows_sent(&self, rows: u64) {
        add(&self.rows_sent, rows);
    }

    /// A view's refresh has ended, having written `rows`.
    pub fn refresh_ended(&self, ended: Ended, rows: u64) {
        add(&self.refreshes[ended as usize], 1);
        add(&self.rows_refreshed, rows);
    }

    /// A streaming table's ingest has ended, having added `rows`.
    pub fn ingest_ended(&self, ended: Ended, rows: u64) {
        add(&self.ingests[ended as usize], 1);
        add(&self.rows_ingested, rows);
    }

    /// A query was planned.
    pub fn plan_made(&self) {
        add(&self.plans_made, 1);
    }

    /// A plan made before was put over newer versions.
    pub fn plan_rebound(&self) {
        add(&self.plans_rebound, 1);
    }

    /// The lake could not be asked for a newer epoch.
    pub fn poll_failed(&self) {
        add(&self.poll_failures, 1);
    }

    /// Clients connected now, both protocols together.
    pub fn sessions_open(&self) -> i64 {
        self.open.iter().map(|gauge| gauge.load(Ordering::Relaxed)).sum()
    }

    /// Everything in Prometheus' text format, followed by `gauges`: name, help, value.
    pub fn render(&self, gauges: &[(&str, &str, u64)]) -> String {
        let mut page = Page(String::with_capacity(4096));
        page.by_label(
            ("lakeport_sessions", "gauge", "Clients connected now."),
            "protocol",
            Protocol::ALL.map(|p| (p.as_str(), self.open[p as usize].load(Ordering::Relaxed))),
        );
        page.by_label(
            ("lakeport_sessions_opened_total", "counter", "Clients that connected."),
            "protocol",
            Protocol::ALL.map(|p| (p.as_str(), load(&self.opened[p as usize]))),
        );
        for (name, help, counters) in [
            ("lakeport_statements_total", "Statements by how they ended.", &self.statements),
            ("lakeport_refreshes_total", "Refreshes of views by how they ended.", &self.refreshes),
            ("lakeport_ingests_total", "Ingests by how they ended.", &self.ingests),
        ] {
            page.by_label(
                (name, "counter", help),
                "state",
                Ended::ALL.map(|ended| (ended.as_str(), load(&counters[ended as usize]))),
            );
        }
        for (name, help, counter) in [
            ("lakeport_rows_sent_total", "Rows sent to clients.", &self.rows_sent),
            ("lakeport_rows_refreshed_total", "Rows written by refreshes.", &self.rows_refreshed),
            ("lakeport_rows_ingested_total", "Rows added by ingests.", &self.rows_ingested),
            ("lakeport_plans_made_total", "Queries planned.", &self.plans_made),
            ("lakeport_plans_rebound_total", "Plans put over newer versions.", &self.plans_rebound),
            ("lakeport_polls_failed_total", "Failed looks for an epoch.", &self.poll_failures),
        ] {
            page.single((name, "counter", help), load(counter));
        }
        self.render_latency(&mut page);
        for (name, help, value) in gauges {
            page.single((name, "gauge", help), *value);
        }
        page.0
    }

    fn render_latency(&self, page: &mut Page) {
        let name = "lakeport_statement_duration_seconds";
        page.head((name, "histogram", "From a statement's arrival to its last row."));
        let mut sum = 0;
        for (index, bucket) in self.latency_buckets.iter().enumerate() {
            sum += load(bucket);
            let bound = LATENCY_BOUNDS_MS
                .get(index)
                .map_or_else(|| "+Inf".to_owned(), |ms| (*ms as f64 / 1e3).to_string());
            page.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {sum}"));
        }
        let seconds = load(&self.latency_micros) as f64 / 1e6;
        page.line(format_args!("{name}_sum {seconds}"));
        page.line(format_args!("{name}_count {sum}"));
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A metrics page being written: name, type and help come first.
struct Page(String);

impl Page {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn head(&mut self, (name, kind, help): (&str, &str, &str)) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn single(&mut self, head: (&str, &str, &str), value: impl fmt::Display) {
        self.head(head);
        self.line(format_args!("{} {value}", head.0));
    }

    fn by_label<T: fmt::Display, const N: usize>(
        &mut self,
        head: (&str, &str, &str),
        label: &str,
        values: [(&str, T); N],
    ) {
        self.head(head);
        for (value, count) in values {
            self.line(format_args!("{}{{{label}=\"{value}\"}} {count}", head.0));
        }
    }
}
