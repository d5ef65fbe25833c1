//! TLS for every listener: one certificate, loaded once, loaded again when its files change.
//!
//! Its one idea: [`Tls`] holds a whole, checked configuration that is swapped for another whole one;
//! a file that does not load leaves the last one in place. A configuration that does not load at the
//! start is an error: nothing is served without the encryption that was asked for.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use futures::Stream;
use ring::digest;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use x509_certificate::{CapturedX509Certificate, SignatureAlgorithm};

use crate::clock::Clock;
use crate::config::{AuthConfig, ClientCertificates, TlsConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::session::check_private;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Handshakes of one listener under way; more wait in the socket's queue.
const HANDSHAKES_MAX: usize = 128;

/// What a client must say it speaks, in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `postgresql`
    Postgres,
    /// `h2`
    Flight,
    /// `http/1.1`
    Http,
}

/// The TLS of a process.
#[derive(Debug)]
pub struct Tls {
    tls: TlsConfig,
    clients: ClientCertificates,
    loaded: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    postgres: Arc<ServerConfig>,
    flight: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    /// Hash of the certificate, which SCRAM binds a login to.
    end_point: Option<Arc<[u8]>>,
    stamps: Vec<Option<SystemTime>>,
}

impl Tls {
    /// Loads the files; `None` when there is no certificate configured.
    ///
    /// # Errors
    /// `ConfigFileError` naming the file.
    pub fn load(tls: &TlsConfig, auth: &AuthConfig) -> Result<Option<Arc<Self>>> {
        if tls.certificate.is_none() {
            return Ok(None);
        }
        let clients = auth.client_certificates;
        let loaded = ArcSwap::from_pointee(Loaded::new(tls, clients)?);
        Ok(Some(Arc::new(Self { tls: tls.clone(), clients, loaded })))
    }

    /// Loads changed files until `shutdown`. Connections that exist keep what they began with.
    pub(super) async fn follow(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
    ) {
        let mut refused = Vec::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = clock.sleep(LOOK_EVERY) => {}
            }
            let stamps = stamps(&self.tls);
            if stamps == self.loaded.load().stamps || stamps == refused {
                continue;
            }
            match Loaded::new(&self.tls, self.clients) {
                Ok(loaded) => {
                    self.loaded.store(Arc::new(loaded));
                    tracing::info!("the TLS files were loaded again");
                }
                Err(error) => {
                    // Files are often replaced one by one: the next change is looked at again.
                    tracing::error!(%error, "changed TLS files do not load; the last ones are used");
                    refused = stamps;
                }
            }
        }
    }

    /// What takes the next connection's handshake, and the certificate's hash.
    pub(super) fn acceptor(&self, protocol: Protocol) -> (TlsAcceptor, Option<Arc<[u8]>>) {
        let loaded = self.loaded.load();
        let config = match protocol {
            Protocol::Postgres => &loaded.postgres,
            Protocol::Flight => &loaded.flight,
            Protocol::Http => &loaded.http,
        };
        (TlsAcceptor::from(Arc::clone(config)), loaded.end_point.clone())
    }
}

impl Loaded {
    fn new(tls: &TlsConfig, clients: ClientCertificates) -> Result<Self> {
        let stamps = stamps(tls);
        let (certificate, key) = (path_of(tls.certificate.as_ref())?, path_of(tls.key.as_ref())?);
        let chain = certificates(certificate)?;
        let metadata = fs::metadata(key).map_err(|error| broken(key, &error))?;
        check_private(key, &metadata)?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| broken(key, &error))?;
        let end_point = chain.first().and_then(end_point_of);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(certificate, &error))?;
        let builder = match (clients, &tls.client_authorities) {
            (ClientCertificates::Off, _) | (_, None) => builder.with_no_client_auth(),
            (_, Some(file)) => {
                let mut authorities = RootCertStore::empty();
                for authority in certificates(file)? {
                    authorities.add(authority).map_err(|error| broken(file, &error))?;
                }
                // One that is shown must be good; who must show one is decided at login, where
                // trusted clients and cancels are told apart.
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
                        .allow_unauthenticated()
                        .build()
                        .map_err(|error| broken(file, &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config =
            builder.with_single_cert(chain, secret).map_err(|error| broken(certificate, &error))?;
        let speaking = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        Ok(Self {
            postgres: speaking(b"postgresql"),
            flight: speaking(b"h2"),
            http: speaking(b"http/1.1"),
            end_point,
            stamps,
        })
    }
}

fn path_of(path: Option<&PathBuf>) -> Result<&Path> {
    path.map(PathBuf::as_path).ok_or_else(|| Error::internal("TLS without its files"))
}

fn stamps(tls: &TlsConfig) -> Vec<Option<SystemTime>> {
    [&tls.certificate, &tls.key, &tls.client_authorities]
        .into_iter()
        .flatten()
        .map(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
        .collect()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| broken(path, &error))?;
    if found.is_empty() {
        return Err(broken(path, &"it holds no certificate"));
    }
    Ok(found)
}

fn broken(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::ConfigFileError,
        format!("could not load the TLS file \"{}\": {why}", path.display()),
    )
    .hint("It must be PEM; [tls] in lakeport.toml names it.")
}

/// `tls-server-end-point` of RFC 5929: by the hash the certificate is signed with, at least SHA-256;
/// none for signatures that name no hash, which cannot be bound to.
fn end_point_of(certificate: &CertificateDer<'static>) -> Option<Arc<[u8]>> {
    let parsed = CapturedX509Certificate::from_der(certificate.to_vec()).ok()?;
    let algorithm = match parsed.signature_algorithm()? {
        SignatureAlgorithm::RsaSha384 | SignatureAlgorithm::EcdsaSha384 => &digest::SHA384,
        SignatureAlgorithm::RsaSha512 => &digest::SHA512,
        SignatureAlgorithm::RsaSha1
        | SignatureAlgorithm::RsaSha256
        | SignatureAlgorithm::EcdsaSha256 => &digest::SHA256,
        _ => return None,
    };
    Some(digest::digest(algorithm, certificate).as_ref().into())
}

/// The common name of the certificate that a client has shown, and proved to be its own.
pub(super) fn common_name(stream: &TlsStream<TcpStream>) -> Option<String> {
    certified_name(stream.get_ref().1.peer_certificates()?.first()?)
}

/// The common name that a certificate is for.
pub(super) fn certified_name(certificate: &CertificateDer<'_>) -> Option<String> {
    CapturedX509Certificate::from_der(certificate.to_vec()).ok()?.subject_common_name()
}

/// A listener whose connections have shaken hands.
#[derive(Debug)]
pub(super) struct TlsListener {
    listener: TcpListener,
    tls: Arc<Tls>,
    protocol: Protocol,
    timeout: Duration,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    /// Handshakes that take longer than `timeout` are given up.
    pub(super) fn new(
        listener: TcpListener,
        tls: Arc<Tls>,
        protocol: Protocol,
        timeout: Duration,
    ) -> Self {
        Self { listener, tls, protocol, timeout, handshakes: JoinSet::new() }
    }

    /// The next connection. A client that fails its handshake is nobody's concern but its own.
    ///
    /// # Errors
    /// The listener's.
    pub(super) async fn next(&mut self) -> std::io::Result<(TlsStream<TcpStream>, SocketAddr)> {
        loop {
            tokio::select! {
                Some(shaken) = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Ok(Some(connection)) = shaken {
                        return Ok(connection);
                    }
                }
                accepted = self.listener.accept(), if self.handshakes.len() < HANDSHAKES_MAX => {
                    let (socket, peer) = accepted?;
                    // Answers are gathered before they are sent.
                    let _ = socket.set_nodelay(true);
                    let (acceptor, _) = self.tls.acceptor(self.protocol);
                    let timeout = self.timeout;
                    self.handshakes.spawn(async move {
                        let shaking = tokio::time::timeout(timeout, acceptor.accept(socket));
                        Some((shaking.await.ok()?.ok()?, peer))
                    });
                }
            }
        }
    }
}

impl TlsListener {
    /// Its connections, one after the other, for as long as it is asked.
    pub(super) fn incoming(self) -> impl Stream<Item = std::io::Result<TlsStream<TcpStream>>> {
        futures::stream::unfold(self, |mut listener| async move {
            let next = listener.next().await.map(|(stream, _)| stream);
            Some((next, listener))
        })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.next().await {
                Ok(connection) => return connection,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Mostly too many open files: a moment later some are closed.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
