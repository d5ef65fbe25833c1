//! The binary: flags to a configuration, a command, an exit code. Decides nothing else.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use lakeport::config::Paths;
use lakeport::demo;
use lakeport::project::{self, Failure, Overrides, Reporter};
use lakeport::server::Listeners;
use lakeport::telemetry::{self, LogFormat};

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A SQL server over a Delta lakehouse.
#[derive(Debug, Parser)]
#[command(name = "lakeport", version, propagate_version = true)]
struct Flags {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// Folder with lakeport.toml and the SQL of schemas, sources and roles.
    #[arg(long, global = true, env = "LAKEPORT_CATALOG", default_value = "./catalog")]
    catalog: PathBuf,
    /// Folder with one view a file.
    #[arg(long, global = true, env = "LAKEPORT_SQL", default_value = "./sql")]
    sql: PathBuf,
    /// The lake.
    #[arg(long, global = true, env = "LAKEPORT_DIR", default_value = ".lakeport/lake")]
    dir: PathBuf,
    /// Folder that relative read_files paths start from.
    #[arg(long, global = true, env = "LAKEPORT_LANDING", default_value = ".lakeport/landing")]
    landing: PathBuf,
    /// Print results and errors as JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    /// Write log lines as JSON.
    #[arg(long, global = true, env = "LAKEPORT_JSON_LOGS")]
    json_logs: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Generate the shop's files, ingest, refresh, serve, and say how to connect.
    Demo {
        #[command(flatten)]
        shop: Shop,
        /// Stop after the refresh.
        #[arg(long)]
        no_serve: bool,
        /// Deliver one more day, or five more minutes, into the landing folder of a demo, and stop. Who serves the
        /// lake takes it from there.
        #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "day")]
        tick: Option<Tick>,
        #[command(flatten)]
        ports: Ports,
    },
    /// Serve the lake over Postgres, Flight SQL and HTTP until SIGTERM or SIGINT.
    Serve {
        #[command(flatten)]
        ports: Ports,
        /// Take the catalog from the lake and read no files.
        #[arg(long)]
        follow: bool,
    },
    /// Check lakeport.toml and every SQL file; report all mistakes. Needs no lake.
    Check,
    /// Run *.test.sql beside the views on rows in memory; show what differs. Needs no lake.
    Test {
        /// Views, as schema.name, or schemas; all when none is given.
        views: Vec<String>,
    },
    /// Refresh materialized views, without ingesting, whatever their schedules.
    Refresh {
        /// Views, as schema.name; all when none is given.
        views: Vec<String>,
        /// Compute from scratch, also where nothing has changed.
        #[arg(long)]
        full: bool,
    },
    /// Compare views with their queries, computed again; refresh in full what differs.
    Verify {
        /// Views, as schema.name; all when none is given.
        views: Vec<String>,
        /// How much of their rows, in percent.
        #[arg(long, default_value_t = 100.0)]
        sample: f64,
    },
    /// Set the password of a role, in the file that [auth] passwords names.
    Password {
        /// The role.
        role: String,
        /// Take the password away instead.
        #[arg(long)]
        remove: bool,
    },
    /// Ingest new files into streaming tables, whatever their schedules.
    Ingest {
        /// Streaming tables, as schema.name; all when none is given.
        tables: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Tick {
    /// To the end of the day that has begun or begins.
    Day,
    /// Five minutes.
    Minutes,
}

#[derive(Debug, Args)]
struct Shop {
    /// Size: 1 is a million order lines in two years.
    #[arg(long, default_value_t = 0.1)]
    scale: f64,
    /// Days of history.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// The last day.
    #[arg(long, default_value = "2026-10-31")]
    until: chrono::NaiveDate,
}

#[derive(Debug, Clone, Copy, Args)]
struct Ports {
    /// Postgres port; 0 picks a free one.
    #[arg(long, env = "LAKEPORT_PG_PORT")]
    pg_port: Option<u16>,
    /// Flight SQL port; 0 picks a free one.
    #[arg(long, env = "LAKEPORT_FLIGHT_PORT")]
    flight_port: Option<u16>,
    /// Health and metrics port; 0 picks a free one.
    #[arg(long, env = "LAKEPORT_HTTP_PORT")]
    http_port: Option<u16>,
}

impl Ports {
    fn overrides(self) -> Overrides {
        let Ports { pg_port, flight_port, http_port } = self;
        Overrides { pg_port, flight_port, http_port }
    }
}

/// Of each thread: plans and what runs them call themselves as deep as a statement is nested. Pages that nothing touches
/// cost nothing.
const STACK_BYTES: usize = 32 << 20;

fn main() -> ExitCode {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    match threads.enable_all().thread_stack_size(STACK_BYTES).build() {
        Ok(threads) => threads.block_on(started()),
        Err(error) => {
            eprintln!("lakeport: could not start threads: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn started() -> ExitCode {
    // Two providers are in the dependency tree; rustls refuses to choose. Set already is set.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Flags { common, command } = Flags::parse();
    let reporter = Reporter::new(common.json);
    let format = if common.json_logs { LogFormat::Json } else { LogFormat::Text };
    // Commands that end report by themselves; a server has only its log.
    telemetry::start_logs(format, matches!(command, Command::Serve { .. }));
    match run(common, command, &reporter).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            reporter.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn run(common: Common, command: Command, reporter: &Reporter) -> Result<(), Failure> {
    let Common { catalog, sql, dir, landing, .. } = common;
    let paths = Paths { catalog, sql, dir, landing };
    match command {
        Command::Demo { tick: Some(tick), .. } => {
            let tick = match tick {
                Tick::Day => demo::Tick::Day,
                Tick::Minutes => demo::Tick::Minutes,
            };
            let progress = reporter.bar("generating");
            let steps = progress.steps();
            let (summary, now) = tokio::task::block_in_place(|| {
                demo::tick(&paths.landing, tick, &|what, done, of| steps.tell(what, done, of))
            })?;
            progress.finish();
            let text = format!("{} files delivered; in the shop it is {now}", summary.files);
            reporter.outcome(&serde_json::json!({"files": summary.files, "now": now}), &text);
            Ok(())
        }
        Command::Demo { shop, no_serve, tick: None, ports } => {
            let options = demo::Options { scale: shop.scale, days: shop.days, until: shop.until };
            show_demo(paths, &options, ports.overrides(), !no_serve, reporter).await
        }
        Command::Serve { ports, follow } => {
            let stop = stop_on_signals()?;
            project::serve(&paths, ports.overrides(), follow, stop, reporter).await
        }
        Command::Check => {
            reporter.checked(&project::check(&paths).await?);
            Ok(())
        }
        Command::Test { views } => project::test(&paths, &views, reporter).await,
        Command::Refresh { views, full } => project::refresh(&paths, &views, full, reporter).await,
        Command::Verify { views, sample } => {
            project::verify(&paths, &views, sample, reporter).await
        }
        Command::Password { role, remove } => {
            let done = project::password(&paths, &role, remove)?;
            reporter.outcome(&serde_json::json!({"password": done}), &done);
            Ok(())
        }
        Command::Ingest { tables } => project::ingest(&paths, &tables, reporter).await,
    }
}

/// Generates, ingests, refreshes, and serves.
async fn show_demo(
    paths: Paths,
    options: &demo::Options,
    overrides: Overrides,
    serve: bool,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let shop = demo::deployment(&paths.catalog, &paths.sql)?;
    let paths = Paths { catalog: shop.catalog.clone(), sql: shop.sql.clone(), ..paths };
    let config = project::load_config(&paths, overrides)?;
    // A port in use is known before minutes of work, and a signal is heard during them.
    let listening = match serve {
        true => Some((Listeners::bind(&config).await?, stop_on_signals()?)),
        false => None,
    };
    let progress = reporter.bar("generating");
    let steps = progress.steps();
    let summary = tokio::task::block_in_place(|| {
        demo::generate(options, &paths.landing, &|what, done, of| steps.tell(what, done, of))
    })?;
    progress.finish();
    reporter.generated(summary.files, summary.orders, &paths.landing);
    let services = project::open(&paths, config).await?;
    reporter.applied(&project::apply_files(&services, &paths).await?);
    project::ingest_with(&services, &[], reporter).await?;
    project::refresh_with(&services, &[], false, reporter).await?;
    let Some((listeners, stop)) = listening else {
        services.lake.settle().await;
        return Ok(());
    };
    reporter.welcome(&listeners.addresses()?, &services.config.name);
    project::serve_with(listeners, services, stop, reporter).await
}

/// A token that SIGTERM and SIGINT cancel.
fn stop_on_signals() -> lakeport::error::Result<CancellationToken> {
    use lakeport::error::{Error, ErrorKind};
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Error::new(ErrorKind::IoError, "could not listen for signals").caused_by(error)
        })
    };
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping; a second signal stops at once");
        stop.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        // Whatever is under way is as safe as in a crash.
        std::process::exit(1);
    });
    Ok(token)
}
