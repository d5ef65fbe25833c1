//! A deployment in a temporary folder, written from strings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lakeport::config::Paths;
use lakeport::project::{self, Failure, Overrides};
use lakeport::session::Services;
use tempfile::TempDir;

/// Folders `catalog`, `sql`, `landing` and `lake`, gone when this is dropped.
///
/// Starts with a `lakeport.toml` (name `test`, free ports, trust on loopback, 50 ms freshness),
/// schemas bronze, silver, gold_marketing, gold_finance, gold_operations, and the superuser role
/// `lakeport`.
#[derive(Debug)]
pub struct Deployment {
    folder: TempDir,
}

const SCHEMAS: &str = "-- The layers.
CREATE SCHEMA bronze;
CREATE SCHEMA silver;
CREATE SCHEMA gold_marketing;
CREATE SCHEMA gold_finance;
CREATE SCHEMA gold_operations;
";

const ROLES: &str = "-- Who may log in.
CREATE ROLE lakeport SUPERUSER LOGIN;
";

const CONFIG: &str = "name = \"test\"

[server]
pg_port = 0
flight_port = 0
http_port = 0
freshness_ms = 50

[auth]
trust_loopback = true
";

impl Deployment {
    /// The folders with the basics.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let deployment = Self { folder };
        for name in ["catalog", "sql", "landing"] {
            std::fs::create_dir_all(deployment.path(name)).unwrap();
        }
        deployment
            .catalog("lakeport.toml", CONFIG)
            .catalog("schemas.sql", SCHEMAS)
            .catalog("roles.sql", ROLES)
    }

    /// A path inside the deployment's folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes `catalog/<file>`.
    pub fn catalog(self, file: &str, text: &str) -> Self {
        self.write(&format!("catalog/{file}"), text);
        self
    }

    /// Adds text to `catalog/<file>`, for example a `[limits]` section to lakeport.toml.
    pub fn catalog_append(self, file: &str, text: &str) -> Self {
        let path = format!("catalog/{file}");
        let before = std::fs::read_to_string(self.path(&path)).unwrap_or_default();
        self.write(&path, format!("{before}{text}"));
        self
    }

    /// Writes `sql/<file>`, for example `silver/orders.sql`.
    pub fn sql(self, file: &str, text: &str) -> Self {
        self.write(&format!("sql/{file}"), text);
        self
    }

    /// Writes `landing/<file>`.
    pub fn landing(&self, file: &str, bytes: impl AsRef<[u8]>) {
        self.write(&format!("landing/{file}"), bytes);
    }

    /// Writes any file below the deployment's folder.
    pub fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Takes a file away.
    pub fn remove(&self, file: &str) {
        std::fs::remove_file(self.path(file)).unwrap();
    }

    /// The four folders, as flags name them.
    pub fn paths(&self) -> Paths {
        Paths {
            catalog: self.path("catalog"),
            sql: self.path("sql"),
            dir: self.path("lake"),
            landing: self.path("landing"),
        }
    }

    /// Opens the lake without applying files.
    pub async fn open(&self) -> Arc<Services> {
        let config = project::load_config(&self.paths(), Overrides::default()).unwrap();
        project::open(&self.paths(), config).await.unwrap()
    }

    /// Opens the lake and applies the files; panics with every mistake.
    pub async fn apply(&self) -> Arc<Services> {
        let services = self.open().await;
        match project::apply_files(&services, &self.paths()).await {
            Ok(_) => services,
            Err(failure) => panic!("{}", words(&failure)),
        }
    }

    /// The real binary with this deployment's folders as flags, the command first.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lakeport"));
        command.args(arguments);
        for (flag, folder) in [
            ("--catalog", "catalog"),
            ("--sql", "sql"),
            ("--dir", "lake"),
            ("--landing", "landing"),
        ] {
            command.arg(flag).arg(self.path(folder));
        }
        command.current_dir(self.folder.path()).env_remove("LAKEPORT_LOG");
        command
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A failure as text, for panics and comparisons.
pub fn words(failure: &Failure) -> String {
    match failure {
        Failure::Files(mistakes) => mistakes
            .iter()
            .map(|m| format!("{}:{}:{}: {}", m.file.display(), m.line, m.column, m.error))
            .collect::<Vec<_>>()
            .join("\n"),
        Failure::Error(error) => error.to_string(),
        Failure::Partial => "some views or tables failed".to_owned(),
    }
}
