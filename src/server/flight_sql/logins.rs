//! Who is calling: handshakes, tokens, and the session behind each token.
//!
//! A token is random, lives in memory, and stands for one [`Session`]. It ends when its client
//! closes it, when it has been idle for long, or, idle, to make room for somebody new.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Services, Session, Startup};

use super::statements::Statements;

/// How long an unused token stays good.
const IDLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a session must have been idle to be given up for a newcomer.
const IDLE_EVICTABLE: Duration = Duration::from_secs(60);

/// One logged-in client.
#[derive(Debug)]
pub(super) struct Login {
    /// The role it has proved to be.
    pub(super) role: String,
    /// Held while a statement is planned or started, never while its rows travel.
    pub(super) session: tokio::sync::Mutex<Session>,
    /// Its prepared statements.
    pub(super) statements: Statements,
    used: Mutex<Instant>,
}

/// All logged-in clients by token.
#[derive(Debug)]
pub(super) struct Logins {
    services: Arc<Services>,
    by_token: Mutex<HashMap<String, Arc<Login>>>,
}

/// What a client says to prove who it is.
enum Credentials {
    Token(String),
    Basic { user: String },
}

impl Logins {
    pub(super) fn new(services: Arc<Services>) -> Self {
        Self { services, by_token: Mutex::default() }
    }

    /// The client behind a call: by `Bearer` token, or by `Basic` credentials sent with each call,
    /// which share one session a connection.
    ///
    /// # Errors
    /// `InvalidAuthorizationSpecification`; as [`Session::connect`].
    pub(super) async fn caller(
        &self,
        headers: &MetadataMap,
        peer: Option<SocketAddr>,
    ) -> Result<Arc<Login>> {
        let token = match credentials(headers)? {
            Credentials::Token(token) => token,
            Credentials::Basic { user } => {
                let key = format!("basic {} {user}", peer_text(peer));
                if self.find(&key).is_none() {
                    self.connect(key.clone(), user, headers, peer).await?;
                }
                key
            }
        };
        let login = self.find(&token).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidAuthorizationSpecification,
                "the bearer token is not known or has expired",
            )
            .hint("Log in again: a handshake with Basic credentials gives a new token.")
        })?;
        *lock(&login.used) = self.services.lake.clock().instant();
        Ok(login)
    }

    /// Logs in by the header of a handshake, or else by `fallback`, the user its payload named.
    /// Gives the token.
    ///
    /// # Errors
    /// As [`Logins::caller`].
    pub(super) async fn handshake(
        &self,
        headers: &MetadataMap,
        fallback: Option<String>,
        peer: Option<SocketAddr>,
    ) -> Result<String> {
        let user = match (credentials(headers), fallback) {
            (Ok(Credentials::Basic { user }), _) | (Err(_), Some(user)) => user,
            (Ok(Credentials::Token(_)), _) => return Err(unauthenticated()),
            (Err(error), None) => return Err(error),
        };
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.connect(token.clone(), user, headers, peer).await?;
        Ok(token)
    }

    /// Ends the session behind a call's token; statements running in it stop with their streams.
    pub(super) fn close(&self, headers: &MetadataMap) {
        if let Ok(Credentials::Token(token)) = credentials(headers) {
            lock(&self.by_token).remove(&token);
        }
    }

    fn find(&self, token: &str) -> Option<Arc<Login>> {
        lock(&self.by_token).get(token).cloned()
    }

    async fn connect(
        &self,
        token: String,
        role: String,
        headers: &MetadataMap,
        peer: Option<SocketAddr>,
    ) -> Result<()> {
        let loopback = peer.is_some_and(|peer| peer.ip().is_loopback());
        if !(self.services.config.auth.trust_loopback && loopback) {
            return Err(Error::new(
                ErrorKind::InvalidAuthorizationSpecification,
                "clients of this address are not trusted and passwords are not configured",
            ));
        }
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let startup = Startup {
            user: role.clone(),
            database: header("database").or_else(|| header("catalog")).map(str::to_owned),
            settings: header("schema")
                .map(|schema| ("search_path".to_owned(), schema.to_owned()))
                .into_iter()
                .collect(),
            protocol: "flight",
            peer: peer_text(peer),
        };
        self.evict(IDLE_MAX, usize::MAX);
        let mut connected = Session::connect(Arc::clone(&self.services), startup.clone()).await;
        let full = |error: &Error| error.kind() == ErrorKind::TooManyConnections;
        // Flight clients rarely say good-bye: whoever is idle longest makes room.
        if connected.as_ref().is_err_and(full) && self.evict(IDLE_EVICTABLE, 1) > 0 {
            connected = Session::connect(Arc::clone(&self.services), startup).await;
        }
        let now = self.services.lake.clock().instant();
        let login = Login {
            role,
            session: tokio::sync::Mutex::new(connected?),
            statements: Statements::new(self.services.config.limits.prepared_statements_max),
            used: Mutex::new(now),
        };
        lock(&self.by_token).insert(token, Arc::new(login));
        Ok(())
    }

    /// Ends up to `count` sessions that have been idle for `idle`, the longest first.
    fn evict(&self, idle: Duration, count: usize) -> usize {
        let now = self.services.lake.clock().instant();
        let mut by_token = lock(&self.by_token);
        let mut unused: Vec<(Instant, String)> = by_token
            .iter()
            .map(|(token, login)| (*lock(&login.used), token.clone()))
            .filter(|(used, _)| now.saturating_duration_since(*used) >= idle)
            .collect();
        unused.sort_unstable();
        unused.truncate(count);
        for (_, token) in &unused {
            by_token.remove(token);
        }
        unused.len()
    }
}

/// Nothing is left half-changed under these locks, so a panic elsewhere does not spoil them.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn peer_text(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
}

fn unauthenticated() -> Error {
    Error::new(ErrorKind::InvalidAuthorizationSpecification, "the call carries no credentials")
        .hint("Log in with a user name: a role of this deployment, with any password on loopback.")
}

fn credentials(headers: &MetadataMap) -> Result<Credentials> {
    let header = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .ok_or_else(unauthenticated)?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Credentials::Token(token.trim().to_owned()))
        }
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
            let text = decode_base64(encoded.trim())
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(unauthenticated)?;
            let user = text.split_once(':').map_or(text.as_str(), |(user, _)| user);
            Ok(Credentials::Basic { user: user.to_owned() })
        }
        _ => Err(unauthenticated()),
    }
}

/// Standard or URL-safe base64, padded or not; `None` for anything else.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}
