//! From a socket to a session: encryption refused, who is it, what is it told.

use std::net::SocketAddr;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::SslResponse;
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey,
};

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Services, Session, Startup};

use super::answer::{parameter_status, ready};
use super::message::Opening;
use super::wire::Wire;
use super::{CancelKey, Cancels};

/// The version spoken, as the whole number Postgres answers with.
const PROTOCOL_3_0: i32 = 3 << 16;

/// A client that has started.
pub(super) struct Started {
    pub(super) session: Session,
    /// Keeps the session among those that can be cancelled.
    pub(super) key: CancelKey,
}

/// Runs the opening of a connection; `None` when there is nothing to serve: the client went away, or
/// came to cancel another connection's statement.
///
/// # Errors
/// What the client is refused with; the connection ends.
pub(super) async fn start(
    wire: &mut Wire,
    peer: SocketAddr,
    services: Arc<Services>,
    cancels: &Arc<Cancels>,
) -> Result<Option<Started>> {
    let (major, minor, parameters) = loop {
        match wire.opening().await? {
            None => return Ok(None),
            Some(Opening::Encryption) => {
                wire.put(Backend::SslResponse(SslResponse::Refuse))?;
                if wire.flush().await.is_err() {
                    return Ok(None);
                }
            }
            Some(Opening::Cancel { pid, secret }) => {
                cancels.cancel(pid, secret);
                return Ok(None);
            }
            Some(Opening::Startup { major, minor, parameters }) => {
                break (major, minor, parameters);
            }
        }
    };
    if major != 3 {
        return Err(Error::new(
            ErrorKind::FeatureNotSupported,
            format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"),
        ));
    }
    negotiate(wire, minor, &parameters)?;
    if !(services.config.auth.trust_loopback && peer.ip().is_loopback()) {
        return Err(Error::new(
            ErrorKind::InvalidAuthorizationSpecification,
            format!("no way to authenticate is configured for host \"{}\"", peer.ip()),
        )
        .hint("[auth] trust_loopback = true in lakeport.toml trusts clients on this machine."));
    }
    let session = Session::connect(services, startup_of(&parameters, peer)?).await?;
    let key = cancels.register(session.canceller());
    wire.put(Backend::Authentication(Authentication::Ok))?;
    for (name, value) in session.reported_settings() {
        wire.put(parameter_status(name, &value))?;
    }
    wire.put(Backend::BackendKeyData(BackendKeyData::new(key.pid, SecretKey::I32(key.secret))))?;
    wire.put(ready('I'))?;
    Ok(Some(Started { session, key }))
}

/// Tells a client that wants a newer minor version, or protocol options, what there is.
fn negotiate(wire: &mut Wire, minor: u16, parameters: &[(String, String)]) -> Result<()> {
    let options: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| name.starts_with("_pq_."))
        .map(|(name, _)| name.clone())
        .collect();
    if minor > 0 || !options.is_empty() {
        wire.put(Backend::NegotiateProtocolVersion(NegotiateProtocolVersion::new(
            PROTOCOL_3_0,
            options,
        )))?;
    }
    Ok(())
}

fn startup_of(parameters: &[(String, String)], peer: SocketAddr) -> Result<Startup> {
    let mut startup =
        Startup { protocol: "postgres", peer: peer.to_string(), ..Startup::default() };
    for (name, value) in parameters {
        match name.as_str() {
            "user" => startup.user.clone_from(value),
            "database" => startup.database = Some(value.clone()),
            "options" => startup.settings.extend(parse_options(value)?),
            "replication" if matches!(value.as_str(), "false" | "off" | "no" | "0") => {}
            "replication" => return Err(Error::unsupported("replication")),
            // Sent by old drivers; Postgres itself ignores it no longer, but has no use for it.
            "ssl_renegotiation_limit" => {}
            name if name.starts_with("_pq_.") => {}
            _ => startup.settings.push((name.clone(), value.clone())),
        }
    }
    if startup.user.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidAuthorizationSpecification,
            "no PostgreSQL user name specified in startup packet",
        ));
    }
    Ok(startup)
}

/// `-c name=value`, `-cname=value` and `--name=value`; blanks in values are escaped by `\`.
fn parse_options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let next = characters.next();
                words.last_mut().into_iter().for_each(|word| word.extend(next));
            }
            character if character.is_whitespace() => words.push(String::new()),
            character => words.last_mut().into_iter().for_each(|word| word.push(character)),
        }
    }
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let assignment = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(assignment), _) => assignment.to_owned(),
            (None, Some("")) => words.next().unwrap_or_default(),
            (None, Some(assignment)) => assignment.to_owned(),
            (None, None) => String::new(),
        };
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(Error::new(
                ErrorKind::SyntaxError,
                format!("invalid command-line argument for server process: {word}"),
            ));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}
