//! What a call shows of who makes it, and whether that is proof.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::CertificateDer;
use tonic::Request;
use tonic::metadata::MetadataMap;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use crate::config::{AuthConfig, ClientCertificates};
use crate::error::{Error, ErrorKind, Result};
use crate::server::tls::certified_name;
use crate::session::{Admission, Caller, Services, admission, wrong_password};

/// Where a call comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    address: Option<SocketAddr>,
    encrypted: bool,
    certificate: Option<CertificateDer<'static>>,
}

/// What a client says to prove who it is.
pub(super) enum Credentials {
    Token(String),
    Basic { user: String, password: String },
    Certificate { role: String },
}

impl Peer {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
        let certificates = tls.and_then(TlsConnectInfo::peer_certs);
        Self {
            address: request.remote_addr(),
            encrypted: tls.is_some(),
            certificate: certificates.and_then(|shown| shown.first().cloned()),
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.address.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    pub(super) fn text(&self) -> String {
        self.address.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
    }

    /// The role that its certificate names, where certificates are enough.
    fn certified(&self, auth: &AuthConfig) -> Option<String> {
        if auth.client_certificates != ClientCertificates::Sufficient {
            return None;
        }
        let name = certified_name(self.certificate.as_ref()?)?;
        Some(auth.certificate_names.get(&name).cloned().unwrap_or(name))
    }

    /// Lets `role` in, or says why not.
    ///
    /// # Errors
    /// `InvalidAuthorizationSpecification`, `InvalidPassword`.
    pub(super) async fn prove(
        &self,
        services: &Services,
        role: &str,
        password: Option<&str>,
    ) -> Result<()> {
        let address = self.address.ok_or_else(unauthenticated)?.ip();
        let certificate = self.certificate.as_ref().and_then(certified_name);
        let caller = Caller { address, encrypted: self.encrypted, certificate };
        match (admission(&services.config.auth, &caller, role)?, password) {
            (Admission::Admitted, _) => Ok(()),
            (Admission::Password, Some(password)) => {
                services.passwords.verify(role, password).await
            }
            (Admission::Password, None) => Err(wrong_password(role)),
        }
    }
}

pub(super) fn unauthenticated() -> Error {
    Error::new(ErrorKind::InvalidAuthorizationSpecification, "the call carries no credentials")
        .hint("Log in with a user name and a password: a handshake gives a token for every call.")
}

/// # Errors
/// `InvalidAuthorizationSpecification`.
pub(super) fn credentials(
    headers: &MetadataMap,
    peer: &Peer,
    auth: &AuthConfig,
) -> Result<Credentials> {
    let Some(header) = headers.get("authorization").and_then(|value| value.to_str().ok()) else {
        let role = peer.certified(auth).ok_or_else(unauthenticated)?;
        return Ok(Credentials::Certificate { role });
    };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Credentials::Token(token.trim().to_owned()))
        }
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
            let text = decode_base64(encoded.trim())
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(unauthenticated)?;
            let (user, password) = text.split_once(':').unwrap_or((&text, ""));
            Ok(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
        }
        _ => Err(unauthenticated()),
    }
}

/// Standard or URL-safe base64, padded or not; `None` for anything else.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    standard.decode(text.replace('-', "+").replace('_', "/")).ok()
}
