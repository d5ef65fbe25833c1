//! What a deployment may set: `lakeport.toml`, its defaults, and its checks.
//!
//! One struct with every default in one place; an unknown key is an error. Secrets are never values
//! here, only names of files. Paths come from flags, not from the file: see [`Paths`].

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::name::Epoch;

/// Where the four folders of a deployment are.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `catalog/`: `lakeport.toml` and the SQL of schemas, sources, roles.
    pub catalog: PathBuf,
    /// `sql/`: one view a file.
    pub sql: PathBuf,
    /// The lake.
    pub dir: PathBuf,
    /// Where relative `read_files` paths start.
    pub landing: PathBuf,
}

/// The whole of `lakeport.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The database name clients connect to.
    pub name: String,
    /// Addresses and polling.
    pub server: ServerConfig,
    /// What files may be read.
    pub storage: StorageConfig,
    /// Every limit, by name.
    pub limits: Limits,
    /// How long old states are kept.
    pub retention: Retention,
    /// How often views are compared with their queries.
    pub verify: VerifyConfig,
    /// Encryption of connections.
    pub tls: TlsConfig,
    /// How clients prove who they are.
    pub auth: AuthConfig,
}

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address all listeners bind. Others than loopback need TLS and passwords or certificates.
    pub address: IpAddr,
    /// Postgres protocol; 0 picks a free port.
    pub pg_port: u16,
    /// Flight SQL; 0 picks a free port.
    pub flight_port: u16,
    /// Health and metrics; 0 picks a free port.
    pub http_port: u16,
    /// How often the lake is asked for a new epoch.
    pub freshness_ms: u64,
    /// How long a stopping server waits for running statements.
    pub drain_ms: u64,
}

/// `[storage]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// Folders, besides the lake and the landing folder, that external tables and files may lie in.
    pub allowed: Vec<PathBuf>,
}

/// `[limits]`. Over one, a query waits or is refused with 53xxx or 57014; the server stays up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Client connections, both protocols together.
    pub connections_max: usize,
    /// Client connections of one role; superusers are not counted.
    pub connections_per_role_max: usize,
    /// How long a client may take to say and prove who it is.
    pub startup_timeout_ms: u64,
    /// Memory that running statements may hold between them.
    pub memory_bytes: u64,
    /// Sources of so many bytes and more are read once a refresh for the version before and the one after; the
    /// rows of touched keys are held in memory meanwhile. Of smaller ones reading twice costs less.
    pub hold_from_bytes: u64,
    /// Disk that running statements may spill to.
    pub spill_bytes: u64,
    /// The longest a statement may run; 0 means no limit.
    pub statement_timeout_ms: u64,
    /// The longest text of one statement, and the largest message a client may send.
    pub message_bytes_max: usize,
    /// Prepared statements and portals a session may hold.
    pub prepared_statements_max: usize,
    /// Memory of the rows that one scrollable cursor keeps.
    pub cursor_bytes_max: usize,
    /// Memory of the temporary tables of one session.
    pub temporary_bytes_max: usize,
    /// Statements running at once; more wait.
    pub statements_max: usize,
    /// Statements waiting; more are refused.
    pub queue_max: usize,
    /// The longest line of a landing file.
    pub line_bytes_max: usize,
    /// Files one batch of a streaming table may take.
    pub batch_files_max: usize,
    /// Attempts of a refresh or an ingest on conflicts and I/O errors.
    pub attempts_max: u32,
    /// How long a Flight SQL ticket may be redeemed.
    pub flight_ticket_ms: u64,
    /// How long a Flight SQL token is good.
    pub flight_token_ms: u64,
    /// Streams that one Flight SQL session may fetch at once.
    pub session_streams_max: usize,
}

/// `[retention]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long published epochs stay readable.
    pub epochs_hours: u64,
    /// Epochs that stay readable however old they are.
    pub keep: Vec<Epoch>,
    /// How long a data file that no commit names may be somebody's unfinished work.
    pub unfinished_hours: u64,
}

/// `[verify]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyConfig {
    /// Hours between two verifications of all views by the running server; 0 for none.
    pub every_hours: u64,
    /// How much of their rows; above 0, at most 100.
    pub sample_percent: f64,
}

/// `[tls]`: PEM files, read again when they change. Relative paths start at the catalog folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate and those that lead to its authority. None means no TLS.
    pub certificate: Option<PathBuf>,
    /// Its private key, readable by the server's user only.
    pub key: Option<PathBuf>,
    /// Authorities whose clients' certificates are believed.
    pub client_authorities: Option<PathBuf>,
}

/// `[auth]`. Relative paths start at the catalog folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Clients on a loopback address are who they say they are.
    pub trust_loopback: bool,
    /// The file of SCRAM verifiers, which `lakeport password` writes.
    pub passwords: Option<PathBuf>,
    /// What a certificate of `tls.client_authorities` is good for.
    pub client_certificates: ClientCertificates,
    /// Roles of certificates whose common name is not the role's name.
    pub certificate_names: BTreeMap<String, String>,
    /// The file of keys that sign Flight SQL tokens and tickets: base64, one a line, the first signs.
    /// Servers of one lake share it. Without one they are good on this machine, or for one process.
    pub signing_keys: Option<PathBuf>,
}

/// What a client's certificate is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificates {
    /// Nothing: none is asked for.
    #[default]
    Off,
    /// It proves to be the role it names; who has none needs a password.
    Sufficient,
    /// Everybody needs one, and a password besides.
    Required,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "lakeport".to_owned(),
            server: ServerConfig::default(),
            storage: StorageConfig::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            verify: VerifyConfig::default(),
            tls: TlsConfig::default(),
            auth: AuthConfig::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            pg_port: 5433,
            flight_port: 50051,
            http_port: 8080,
            freshness_ms: 1000,
            drain_ms: 10_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            connections_per_role_max: 256,
            startup_timeout_ms: 10_000,
            memory_bytes: 2 << 30,
            hold_from_bytes: 1 << 20,
            spill_bytes: 32 << 30,
            statement_timeout_ms: 0,
            message_bytes_max: 64 << 20,
            prepared_statements_max: 1024,
            cursor_bytes_max: 64 << 20,
            temporary_bytes_max: 256 << 20,
            statements_max: 64,
            queue_max: 1024,
            line_bytes_max: 16 << 20,
            batch_files_max: 10_000,
            attempts_max: 5,
            flight_ticket_ms: 600_000,
            flight_token_ms: 43_200_000,
            session_streams_max: 32,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { epochs_hours: 168, keep: Vec::new(), unfinished_hours: 24 }
    }
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self { every_hours: 0, sample_percent: 100.0 }
    }
}

impl Config {
    /// Reads and checks `lakeport.toml` in the catalog folder.
    ///
    /// # Errors
    /// `UndefinedFile` when the folder or the file is missing, `ConfigFileError` with line and
    /// column when it does not parse or a value makes no sense.
    pub fn load(catalog: &Path) -> Result<Self> {
        if !catalog.is_dir() {
            return Err(Error::new(
                ErrorKind::UndefinedFile,
                format!("catalog folder \"{}\" does not exist", catalog.display()),
            )
            .hint(
                "Name the folder that holds lakeport.toml with --catalog, or run `lakeport demo`.",
            ));
        }
        let path = catalog.join("lakeport.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::new(
                ErrorKind::UndefinedFile,
                format!("could not read \"{}\": {error}", path.display()),
            )
            .hint("Each deployment's catalog folder holds a lakeport.toml; an empty one is enough.")
        })?;
        let mut config = Self::parse(&text).map_err(|error| error.within(path.display()))?;
        let TlsConfig { certificate, key, client_authorities } = &mut config.tls;
        let AuthConfig { passwords, signing_keys, .. } = &mut config.auth;
        let files = [certificate, key, client_authorities, passwords, signing_keys];
        for file in files.into_iter().flatten() {
            *file = catalog.join(&*file);
        }
        Ok(config)
    }

    /// Parses and checks the text of a `lakeport.toml`.
    ///
    /// # Errors
    /// `ConfigFileError`.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text).map_err(|error| {
            Error::new(ErrorKind::ConfigFileError, error.to_string().trim_end().to_owned())
        })?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<()> {
        let invalid =
            |what: String, hint: &str| Err(Error::new(ErrorKind::ConfigFileError, what).hint(hint));
        if self.name.is_empty() || self.name.len() > 63 {
            return invalid("name must have 1 to 63 bytes".to_owned(), "It is the database name.");
        }
        self.validate_auth()?;
        let limits = &self.limits;
        for (name, value) in [
            ("connections_max", limits.connections_max as u64),
            ("connections_per_role_max", limits.connections_per_role_max as u64),
            ("startup_timeout_ms", limits.startup_timeout_ms),
            ("memory_bytes", limits.memory_bytes),
            ("message_bytes_max", limits.message_bytes_max as u64),
            ("statements_max", limits.statements_max as u64),
            ("line_bytes_max", limits.line_bytes_max as u64),
            ("batch_files_max", limits.batch_files_max as u64),
            ("attempts_max", u64::from(limits.attempts_max)),
            ("flight_ticket_ms", limits.flight_ticket_ms),
            ("flight_token_ms", limits.flight_token_ms),
            ("session_streams_max", limits.session_streams_max as u64),
        ] {
            if value == 0 {
                return invalid(
                    format!("limits.{name} must not be 0"),
                    "Leave it out for the default.",
                );
            }
        }
        let sample_percent = self.verify.sample_percent;
        if !(sample_percent > 0.0 && sample_percent <= 100.0) {
            return invalid(
                format!(
                    "verify.sample_percent must be above 0 and at most 100, not {sample_percent}"
                ),
                "verify.every_hours = 0 turns verifying off.",
            );
        }
        let retention = &self.retention;
        for (name, hours) in [
            ("epochs_hours", retention.epochs_hours),
            ("unfinished_hours", retention.unfinished_hours),
        ] {
            if hours == 0 {
                return invalid(
                    format!("retention.{name} must not be 0"),
                    "What readers and writers are at work on would be taken away under them.",
                );
            }
        }
        Ok(())
    }

    fn validate_auth(&self) -> Result<()> {
        let invalid = |what: &str, hint: &str| {
            Err(Error::new(ErrorKind::ConfigFileError, what.to_owned()).hint(hint))
        };
        let (tls, auth) = (&self.tls, &self.auth);
        if tls.certificate.is_some() != tls.key.is_some() {
            return invalid(
                "tls.certificate and tls.key go together",
                "Name both files, or neither for no TLS.",
            );
        }
        let certificates = auth.client_certificates != ClientCertificates::Off;
        if certificates && (tls.client_authorities.is_none() || tls.certificate.is_none()) {
            return invalid(
                "auth.client_certificates needs tls.certificate, tls.key and tls.client_authorities",
                "Certificates are shown over TLS, and believed when an authority signed them.",
            );
        }
        if auth.client_certificates == ClientCertificates::Required && auth.passwords.is_none() {
            return invalid(
                "auth.client_certificates = \"required\" needs auth.passwords",
                "With \"sufficient\" a certificate alone is enough.",
            );
        }
        let proved = auth.passwords.is_some() || certificates;
        if !self.server.address.is_loopback() && (tls.certificate.is_none() || !proved) {
            let message =
                format!("server.address {} is not a loopback address", self.server.address);
            return invalid(
                &message,
                "Other addresses need TLS ([tls] certificate and key), and [auth] passwords or \
                 client_certificates.",
            );
        }
        Ok(())
    }

    /// How often the lake is asked for a new epoch.
    pub fn freshness(&self) -> Duration {
        Duration::from_millis(self.server.freshness_ms.max(10))
    }
}
