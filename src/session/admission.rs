//! Who may log in from where, and what they must show first. Both protocols ask here.

use std::net::IpAddr;

use crate::config::{AuthConfig, ClientCertificates};
use crate::error::{Error, ErrorKind, Result};

/// Where a client calls from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its address.
    pub address: IpAddr,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// The common name of the certificate it has shown and proved, if any.
    pub certificate: Option<String>,
}

/// What a client still has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Nothing.
    Admitted,
    /// Its password.
    Password,
}

/// Decides for a client that says it is `role`.
///
/// # Errors
/// `InvalidAuthorizationSpecification` for a client that nothing could let in.
pub fn admission(auth: &AuthConfig, caller: &Caller, role: &str) -> Result<Admission> {
    let Caller { address, encrypted, certificate } = caller;
    let loopback = address.to_canonical().is_loopback();
    if auth.trust_loopback && loopback {
        return Ok(Admission::Admitted);
    }
    if !encrypted && !loopback {
        return Err(refused(format!("connections from host \"{address}\" must be encrypted"))
            .hint("Connect with TLS, for example sslmode=require."));
    }
    let named = certificate
        .as_deref()
        .map(|name| auth.certificate_names.get(name).map_or(name, String::as_str));
    match auth.client_certificates {
        ClientCertificates::Sufficient if named == Some(role) => return Ok(Admission::Admitted),
        ClientCertificates::Required if named.is_none() => {
            return Err(refused("connection requires a valid client certificate".to_owned()));
        }
        ClientCertificates::Required if named != Some(role) => {
            return Err(refused(format!("certificate authentication failed for user \"{role}\"")));
        }
        _ => {}
    }
    if auth.passwords.is_some() {
        return Ok(Admission::Password);
    }
    if auth.client_certificates == ClientCertificates::Sufficient {
        return Err(refused(format!("certificate authentication failed for user \"{role}\"")));
    }
    Err(refused(format!("no way to authenticate is configured for host \"{address}\"")).hint(
        "lakeport.toml decides: [auth] passwords, client_certificates, or trust_loopback = true for \
         clients on this machine.",
    ))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidAuthorizationSpecification, message)
}
