//! Who is calling: handshakes, tokens, and the session behind each token.
//!
//! A token is signed and says whose it is and until when, so any server over the lake believes it. The
//! [`Session`] behind it lives in memory: a server that has none for a good token begins one. It ends
//! when its client closes it, when it has been idle for long, or, idle, to make room for somebody new.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use prost::Message;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Services, Session, Startup, check_role};

use super::credentials::{Credentials, Peer, credentials, unauthenticated};
use super::keys::{Keys, Purpose};
use super::options::SessionOptionValue;
use super::ready::Ready;
use super::statements::{Statements, Transactions};

/// How long a session that nobody uses is kept.
const IDLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a session must have been idle to be given up for a newcomer.
const IDLE_EVICTABLE: Duration = Duration::from_secs(60);
/// Closed tokens remembered.
const CLOSED_MAX: usize = 65_536;

/// A session that calls take turns in; held while a statement is planned or started, never while its
/// rows travel.
pub(super) type Slot = Arc<tokio::sync::Mutex<Session>>;

/// One logged-in client.
#[derive(Debug)]
pub(super) struct Login {
    /// The role it has proved to be.
    pub(super) role: String,
    pub(super) session: Slot,
    pub(super) statements: Statements,
    pub(super) transactions: Transactions,
    /// Planned queries that wait to be fetched.
    pub(super) ready: Ready,
    /// Streams it may fetch at once.
    pub(super) streams: Arc<Semaphore>,
    /// Session options as it has set them, with the settings' texts that came of them.
    pub(super) options: Mutex<BTreeMap<String, (SessionOptionValue, String)>>,
    /// Somebody has ended the session.
    pub(super) ended: CancellationToken,
    used: Mutex<Instant>,
}

/// What a token says.
#[derive(Clone, PartialEq, Message)]
struct Token {
    #[prost(bytes = "vec", tag = "1")]
    session: Vec<u8>,
    #[prost(string, tag = "2")]
    role: String,
    #[prost(int64, tag = "3")]
    expires_ms: i64,
    #[prost(string, optional, tag = "4")]
    database: Option<String>,
    #[prost(btree_map = "string, string", tag = "5")]
    settings: BTreeMap<String, String>,
}

/// All logged-in clients.
#[derive(Debug)]
pub(super) struct Logins {
    services: Arc<Services>,
    keys: Arc<Keys>,
    by_key: Mutex<HashMap<String, Arc<Login>>>,
    /// Sessions whose clients have said good-bye, with the time their tokens expire.
    closed: Mutex<HashMap<String, i64>>,
}

impl Logins {
    pub(super) fn new(services: Arc<Services>, keys: Arc<Keys>) -> Self {
        Self { services, keys, by_key: Mutex::default(), closed: Mutex::default() }
    }

    /// The client behind a call: by `Bearer` token, by `Basic` credentials sent with each call, or by
    /// its certificate; the latter share one session a connection.
    ///
    /// # Errors
    /// `InvalidAuthorizationSpecification`, `InvalidPassword`; as [`Session::connect`].
    pub(super) async fn caller(&self, headers: &MetadataMap, peer: &Peer) -> Result<Arc<Login>> {
        let login = match credentials(headers, peer, &self.services.config.auth)? {
            Credentials::Token(text) => self.bearer(&text, headers, peer).await?,
            Credentials::Basic { user, password } => {
                let key = format!("basic {} {user} {}", peer.text(), password_key(&password));
                match self.find(&key) {
                    Some(login) => login,
                    None => {
                        peer.prove(&self.services, &user, Some(&password)).await?;
                        self.connect(key, startup(user, headers, peer)).await?
                    }
                }
            }
            Credentials::Certificate { role } => {
                let key = format!("certificate {} {role}", peer.text());
                match self.find(&key) {
                    Some(login) => login,
                    None => {
                        peer.prove(&self.services, &role, None).await?;
                        self.connect(key, startup(role, headers, peer)).await?
                    }
                }
            }
        };
        check_role(&self.services, &login.role).await?;
        *lock(&login.used) = self.services.lake.clock().instant();
        Ok(login)
    }

    async fn bearer(&self, text: &str, headers: &MetadataMap, peer: &Peer) -> Result<Arc<Login>> {
        let unknown = |why: &str| {
            let message = format!("the bearer token {why}");
            Error::new(ErrorKind::InvalidAuthorizationSpecification, message)
                .hint("Log in again: a handshake with Basic credentials gives a new token.")
        };
        let signed = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let body = signed.as_deref().map(|signed| self.keys.verify(Purpose::Token, signed));
        let body = body.and_then(Result::ok).ok_or_else(|| unknown("is not known"))?;
        let token = Token::decode(body).map_err(|_| unknown("does not read"))?;
        if token.expires_ms <= self.services.lake.clock().now().timestamp_millis() {
            return Err(unknown("has expired"));
        }
        // Without a key of the deployment's own, a token says no more than its bearer could.
        if self.services.config.auth.signing_keys.is_none()
            && self.services.config.auth.trust_loopback
            && !peer.is_loopback()
        {
            return Err(unknown("is good on this machine only")
                .hint("Name a file of keys in lakeport.toml: [auth] signing_keys."));
        }
        let key = session_key(&token.session);
        if lock(&self.closed).contains_key(&key) {
            return Err(unknown("was closed"));
        }
        if let Some(login) = self.find(&key) {
            return Ok(login);
        }
        let mut startup = startup(token.role, headers, peer);
        startup.database = token.database;
        startup.settings = token.settings.into_iter().collect();
        self.connect(key, startup).await
    }

    /// Logs in by the header of a handshake, or else by `fallback`, the name and password that its
    /// payload had. Gives the token.
    ///
    /// # Errors
    /// As [`Logins::caller`].
    pub(super) async fn handshake(
        &self,
        headers: &MetadataMap,
        fallback: Option<(String, String)>,
        peer: &Peer,
    ) -> Result<String> {
        let (user, password) =
            match (credentials(headers, peer, &self.services.config.auth), fallback) {
                (Ok(Credentials::Basic { user, password }), _) => (user, Some(password)),
                (_, Some((user, password))) => (user, Some(password)),
                (Ok(Credentials::Certificate { role }), _) => (role, None),
                (Ok(Credentials::Token(_)), _) => return Err(unauthenticated()),
                (Err(error), None) => return Err(error),
            };
        peer.prove(&self.services, &user, password.as_deref()).await?;
        let session = Uuid::new_v4().as_bytes().to_vec();
        let startup = startup(user, headers, peer);
        let lifetime_ms = self.services.config.limits.flight_token_ms;
        let lifetime_ms = i64::try_from(lifetime_ms).unwrap_or(i64::MAX);
        let now_ms = self.services.lake.clock().now().timestamp_millis();
        let token = Token {
            session: session.clone(),
            role: startup.user.clone(),
            expires_ms: now_ms.saturating_add(lifetime_ms),
            database: startup.database.clone(),
            settings: startup.settings.iter().cloned().collect(),
        };
        self.connect(session_key(&session), startup).await?;
        let signed = self.keys.sign(Purpose::Token, &token.encode_to_vec());
        Ok(BASE64_URL_SAFE_NO_PAD.encode(signed))
    }

    /// Ends the session behind a call; its token is worth nothing any more. Statements running in it
    /// stop with their streams.
    pub(super) fn close(&self, login: &Arc<Login>) {
        let mut by_key = lock(&self.by_key);
        let keys: Vec<String> = by_key
            .iter()
            .filter(|(_, other)| Arc::ptr_eq(other, login))
            .map(|(key, _)| key.clone())
            .collect();
        let now_ms = self.services.lake.clock().now().timestamp_millis();
        let lifetime_ms = self.services.config.limits.flight_token_ms;
        let lifetime_ms = i64::try_from(lifetime_ms).unwrap_or(i64::MAX);
        let mut closed = lock(&self.closed);
        if closed.len() >= CLOSED_MAX {
            closed.retain(|_, expires_ms| *expires_ms > now_ms);
        }
        for key in keys {
            by_key.remove(&key);
            if key.starts_with("token ") {
                closed.insert(key, now_ms.saturating_add(lifetime_ms));
            }
        }
    }

    fn find(&self, key: &str) -> Option<Arc<Login>> {
        let mut by_key = lock(&self.by_key);
        let login = by_key.get(key).cloned()?;
        if login.ended.is_cancelled() {
            by_key.remove(key);
            return None;
        }
        Some(login)
    }

    async fn connect(&self, key: String, startup: Startup) -> Result<Arc<Login>> {
        self.evict(IDLE_MAX, usize::MAX);
        let role = startup.user.clone();
        let mut connected = Session::connect(Arc::clone(&self.services), startup.clone()).await;
        let full = |error: &Error| error.kind() == ErrorKind::TooManyConnections;
        // Flight clients rarely say good-bye: whoever is idle longest makes room.
        if connected.as_ref().is_err_and(full) && self.evict(IDLE_EVICTABLE, 1) > 0 {
            connected = Session::connect(Arc::clone(&self.services), startup).await;
        }
        let limits = &self.services.config.limits;
        let session = connected?;
        let login = Arc::new(Login {
            role,
            ended: session.ended(),
            session: Arc::new(tokio::sync::Mutex::new(session)),
            statements: Statements::new(limits.prepared_statements_max),
            transactions: Transactions::default(),
            ready: Ready::default(),
            streams: Arc::new(Semaphore::new(limits.session_streams_max)),
            options: Mutex::default(),
            used: Mutex::new(self.services.lake.clock().instant()),
        });
        // Of two first calls with one token, one session stays.
        Ok(Arc::clone(lock(&self.by_key).entry(key).or_insert(login)))
    }

    /// Ends up to `count` sessions that have been idle for `idle`, the longest first.
    fn evict(&self, idle: Duration, count: usize) -> usize {
        let now = self.services.lake.clock().instant();
        let mut by_key = lock(&self.by_key);
        let mut unused: Vec<(Instant, String)> = by_key
            .iter()
            .map(|(key, login)| (*lock(&login.used), key.clone()))
            .filter(|(used, _)| now.saturating_duration_since(*used) >= idle)
            .collect();
        unused.sort_unstable();
        unused.truncate(count);
        for (_, key) in &unused {
            by_key.remove(key);
        }
        unused.len()
    }
}

/// Nothing is left half-changed under these locks, so a panic elsewhere does not spoil them.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session_key(session: &[u8]) -> String {
    format!("token {}", BASE64_URL_SAFE_NO_PAD.encode(session))
}

/// Tells two passwords apart without keeping either.
fn password_key(password: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, password.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

fn startup(user: String, headers: &MetadataMap, peer: &Peer) -> Startup {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Startup {
        user,
        database: header("database").or_else(|| header("catalog")).map(str::to_owned),
        settings: header("schema")
            .map(|schema| ("search_path".to_owned(), schema.to_owned()))
            .into_iter()
            .collect(),
        protocol: "flight",
        peer: peer.text(),
    }
}
