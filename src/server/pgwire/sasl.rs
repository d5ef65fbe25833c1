//! SASL in the Postgres protocol: the messages around a SCRAM exchange.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::startup::Authentication;

use crate::error::{Error, ErrorKind, Result};
use crate::security::scram::{Exchange, SCRAM, SCRAM_PLUS};
use crate::session::{Passwords, wrong_password};

use super::wire::Wire;

/// Makes the client prove that it knows the role's password; `None` when it went away instead.
///
/// # Errors
/// `InvalidPassword`, which does not tell a role without a password from a wrong one;
/// `ProtocolViolation`.
pub(super) async fn authenticate(
    wire: &mut Wire,
    passwords: &Passwords,
    role: &str,
    end_point: Option<Arc<[u8]>>,
) -> Result<Option<()>> {
    let verifier = passwords.verifier(role);
    let mut mechanisms = vec![SCRAM.to_owned()];
    // Offered on a connection that cannot be bound, libpq and Npgsql give up.
    if end_point.is_some() {
        mechanisms.insert(0, SCRAM_PLUS.to_owned());
    }
    wire.put(Backend::Authentication(Authentication::SASL(mechanisms)))?;
    let Some(first) = ask(wire).await? else { return Ok(None) };
    let (mechanism, first) = initial_response(first)?;
    let nonce = STANDARD.encode(rand::random::<[u8; 18]>());
    let (exchange, answer) =
        Exchange::begin(&mechanism, &first, verifier, &nonce, end_point.as_deref())?;
    wire.put(Backend::Authentication(Authentication::SASLContinue(answer.into())))?;
    let Some(last) = ask(wire).await? else { return Ok(None) };
    match exchange.finish(&text(last)?)? {
        None => Err(wrong_password(role)),
        Some(answer) => {
            wire.put(Backend::Authentication(Authentication::SASLFinal(answer.into())))?;
            Ok(Some(()))
        }
    }
}

async fn ask(wire: &mut Wire) -> Result<Option<Bytes>> {
    match wire.flush().await {
        Ok(()) => wire.password().await,
        Err(_) => Ok(None),
    }
}

/// SASLInitialResponse: a mechanism's name, and the first message behind its length.
fn initial_response(mut body: Bytes) -> Result<(String, String)> {
    let end = body.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
    let mechanism = text(body.split_to(end))?;
    body.advance(1);
    let length = body.try_get_i32().map_err(|_| malformed())?;
    if usize::try_from(length) != Ok(body.len()) {
        return Err(malformed());
    }
    Ok((mechanism, text(body)?))
}

fn text(bytes: Bytes) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed())
}

fn malformed() -> Error {
    Error::new(ErrorKind::ProtocolViolation, "malformed SASL message")
}
