//! From a socket to a session: encryption, who is it, what is it told.

use std::net::SocketAddr;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::SslResponse;
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey,
};

use crate::error::{Error, ErrorKind, Result};
use crate::server::tls::Tls;
use crate::session::{Admission, Caller, Services, Session, Startup, admission};

use super::answer::{parameter_status, ready};
use super::message::Opening;
use super::sasl::authenticate;
use super::wire::{Encryption, Wire};
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
    tls: Option<&Tls>,
    services: Arc<Services>,
    cancels: &Arc<Cancels>,
) -> Result<Option<Started>> {
    let Some((opened, encryption)) = open(wire, tls, cancels).await? else { return Ok(None) };
    let (major, minor, parameters) = opened;
    if major != 3 {
        return Err(unsupported_version(major, minor));
    }
    negotiate(wire, minor, &parameters)?;
    let startup = startup_of(&parameters, peer)?;
    let caller = Caller {
        address: peer.ip(),
        encrypted: encryption.is_some(),
        certificate: encryption.as_ref().and_then(|encryption| encryption.certificate.clone()),
    };
    // Whether the role and the database exist is told only to those who have shown who they are.
    if admission(&services.config.auth, &caller, &startup.user)? == Admission::Password {
        let end_point = encryption.and_then(|encryption| encryption.end_point);
        let passwords = &services.passwords;
        if authenticate(wire, passwords, &startup.user, end_point).await?.is_none() {
            return Ok(None);
        }
    }
    let session = Session::connect(services, startup).await?;
    let key = cancels.register(session.pid(), session.canceller());
    wire.put(Backend::Authentication(Authentication::Ok))?;
    for (name, value) in session.reported_settings() {
        wire.put(parameter_status(name, &value))?;
    }
    wire.put(Backend::BackendKeyData(BackendKeyData::new(key.pid, SecretKey::I32(key.secret))))?;
    wire.put(ready('I'))?;
    Ok(Some(Started { session, key }))
}

type Opened = (u16, u16, Vec<(String, String)>);

/// Up to the start-up message: encryption, if the client wants it.
async fn open(
    wire: &mut Wire,
    tls: Option<&Tls>,
    cancels: &Arc<Cancels>,
) -> Result<Option<(Opened, Option<Encryption>)>> {
    let mut encryption = None;
    // Each may be asked for once, before the connection is encrypted.
    let (mut tls_asked, mut gss_asked) = (false, false);
    if wire.begins_encrypted().await {
        let Some(tls) = tls else { return Ok(None) };
        encryption = wire.encrypt(tls, true).await?;
        tls_asked = true;
        if encryption.is_none() {
            return Ok(None);
        }
    }
    loop {
        let answer = match wire.opening().await? {
            None | Some(Opening::Malformed) => return Ok(None),
            Some(Opening::Cancel { pid, secret }) => {
                cancels.cancel(pid, secret);
                return Ok(None);
            }
            Some(Opening::Startup { major, minor, parameters }) => {
                return Ok(Some(((major, minor, parameters), encryption)));
            }
            Some(Opening::Gss) if encryption.is_none() && !gss_asked => {
                gss_asked = true;
                SslResponse::Refuse
            }
            Some(Opening::Tls) if encryption.is_none() && !tls_asked => {
                tls_asked = true;
                if tls.is_some() { SslResponse::Accept } else { SslResponse::Refuse }
            }
            Some(Opening::Tls) => return Err(unsupported_version(1234, 5679)),
            Some(Opening::Gss) => return Err(unsupported_version(1234, 5680)),
        };
        let accepted = matches!(answer, SslResponse::Accept);
        wire.put(Backend::SslResponse(answer))?;
        if wire.flush().await.is_err() {
            return Ok(None);
        }
        if let Some(tls) = tls.filter(|_| accepted) {
            encryption = wire.encrypt(tls, false).await?;
            if encryption.is_none() {
                return Ok(None);
            }
        }
    }
}

fn unsupported_version(major: u16, minor: u16) -> Error {
    Error::new(
        ErrorKind::FeatureNotSupported,
        format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"),
    )
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
