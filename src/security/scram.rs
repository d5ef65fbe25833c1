//! SCRAM-SHA-256: what is kept of a password, and the proof that a client knows it.
//!
//! Pure: nonces, salts and files are the caller's. What is kept is a [`Verifier`], from which the
//! password cannot be computed; its text is the one of PostgreSQL's `pg_authid`. The exchange is
//! RFC 5802 with the channel binding `tls-server-end-point` of RFC 5929.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

use crate::error::{Error, ErrorKind, Result};

/// Rounds of a new verifier, as PostgreSQL's.
pub const ITERATIONS: u32 = 4096;
/// More would let a verifier's text stop the server.
const ITERATIONS_MAX: u32 = 1_000_000;
const KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;

/// The mechanism without channel binding.
pub const SCRAM: &str = "SCRAM-SHA-256";
/// The mechanism bound to the server's certificate.
pub const SCRAM_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; KEY_BYTES],
    server_key: [u8; KEY_BYTES],
}

impl Verifier {
    /// Of a password, with a random `salt`.
    pub fn new(password: &str, salt: &[u8]) -> Self {
        let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
        Self::derive(password, salt, iterations)
    }

    /// Of nobody's password: the same for the same `secret` and `name`, so that asking twice does not
    /// tell a role without a password from one with.
    pub fn of_nobody(secret: &[u8], name: &str) -> Self {
        let salt = sign(secret, name.as_bytes());
        Self {
            iterations: NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN),
            salt: salt[..16].to_vec(),
            stored_key: sign(secret, &salt),
            server_key: sign(&salt, secret),
        }
    }

    /// Reads `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("SCRAM-SHA-256$")?;
        let (first, second) = rest.split_once('$')?;
        let (iterations, salt) = first.split_once(':')?;
        let (stored_key, server_key) = second.split_once(':')?;
        let iterations: NonZeroU32 = iterations.parse().ok()?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
        (iterations.get() <= ITERATIONS_MAX).then_some(())?;
        Some(Self {
            iterations,
            salt,
            stored_key: STANDARD.decode(stored_key).ok()?.try_into().ok()?,
            server_key: STANDARD.decode(server_key).ok()?.try_into().ok()?,
        })
    }

    /// Whether it is of this password. Slow on purpose (milliseconds): not for an async task.
    pub fn matches(&self, password: &str) -> bool {
        let other = Self::derive(password, &self.salt, self.iterations);
        same(&other.stored_key, &self.stored_key)
    }

    fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        // As PostgreSQL: what cannot be normalised is taken as it is.
        let normal = stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password));
        let mut salted = [0; KEY_BYTES];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            salt,
            normal.as_bytes(),
            &mut salted,
        );
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: hash(&sign(&salted, b"Client Key")),
            server_key: sign(&salted, b"Server Key"),
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        let Self { iterations, salt, stored_key, server_key } = self;
        let (salt, stored_key, server_key) = (encode(salt), encode(stored_key), encode(server_key));
        write!(f, "{SCRAM}${iterations}:{salt}${stored_key}:{server_key}")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

/// An exchange whose server's first message is on its way.
#[derive(Debug)]
pub struct Exchange {
    verifier: Verifier,
    /// The client's first message without its header, then the server's.
    signed: String,
    nonce: String,
    /// What the client's `c=` must say: header and channel binding.
    binding: Vec<u8>,
}

impl Exchange {
    /// Takes the client's first message and gives the server's.
    ///
    /// `nonce` is random printable text. `end_point` is the hash of the server's certificate when the
    /// connection is encrypted and can be bound to it.
    ///
    /// # Errors
    /// `ProtocolViolation`, `FeatureNotSupported`, and `InvalidAuthorizationSpecification` for a
    /// client that was made to believe that there is no channel binding.
    pub fn begin(
        mechanism: &str,
        message: &str,
        verifier: Verifier,
        nonce: &str,
        end_point: Option<&[u8]>,
    ) -> Result<(Self, String)> {
        let plus = mechanism == SCRAM_PLUS && end_point.is_some();
        if mechanism != SCRAM && !plus {
            return Err(violation("client selected an invalid SASL authentication mechanism"));
        }
        let mut fields = message.splitn(3, ',');
        let (Some(flag), Some(identity), Some(bare)) =
            (fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed());
        };
        check_binding(flag, plus, end_point.is_some())?;
        if !identity.is_empty() {
            return Err(match identity.starts_with("a=") {
                true => Error::new(
                    ErrorKind::FeatureNotSupported,
                    "client uses authorization identity, but it is not supported",
                ),
                false => malformed(),
            });
        }
        let mut attributes = bare.split(',');
        // The user's name is the start-up packet's; PostgreSQL ignores this one, too.
        match attributes.next() {
            Some(name) if name.starts_with("n=") => {}
            Some(name) if name.starts_with("m=") => {
                return Err(Error::new(
                    ErrorKind::FeatureNotSupported,
                    "client requires an unsupported SCRAM extension",
                ));
            }
            _ => return Err(malformed()),
        }
        let client_nonce = attributes
            .next()
            .and_then(|nonce| nonce.strip_prefix("r="))
            .filter(|nonce| !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(malformed)?;
        let nonce = format!("{client_nonce}{nonce}");
        let salt = STANDARD.encode(&verifier.salt);
        let first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let mut binding = format!("{flag},,").into_bytes();
        binding.extend(end_point.filter(|_| plus).unwrap_or_default());
        let signed = format!("{bare},{first}");
        Ok((Self { verifier, signed, nonce, binding }, first))
    }

    /// Takes the client's last message and gives the server's; `None` when the password is wrong.
    ///
    /// # Errors
    /// `ProtocolViolation`.
    pub fn finish(self, message: &str) -> Result<Option<String>> {
        let (unproved, proof) = message.rsplit_once(",p=").ok_or_else(malformed)?;
        let mut attributes = unproved.split(',');
        let binding = attributes
            .next()
            .and_then(|binding| binding.strip_prefix("c="))
            .and_then(|binding| STANDARD.decode(binding).ok())
            .ok_or_else(malformed)?;
        let nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r="));
        if nonce != Some(self.nonce.as_str()) {
            return Err(violation("invalid SCRAM response").detail("Nonce does not match."));
        }
        if !same(&binding, &self.binding) {
            return Err(violation("SCRAM channel binding check failed"));
        }
        let proof: [u8; KEY_BYTES] = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or_else(malformed)?;
        let signed = format!("{},{unproved}", self.signed);
        let mut key = sign(&self.verifier.stored_key, signed.as_bytes());
        for (key, proof) in key.iter_mut().zip(proof) {
            *key ^= proof;
        }
        if !same(&hash(&key), &self.verifier.stored_key) {
            return Ok(None);
        }
        let signature = sign(&self.verifier.server_key, signed.as_bytes());
        Ok(Some(format!("v={}", STANDARD.encode(signature))))
    }
}

/// Whether the client's channel binding flag fits the mechanism and what the server offered.
fn check_binding(flag: &str, plus: bool, offered: bool) -> Result<()> {
    match (flag.split_once('=').unwrap_or((flag, "")), plus) {
        (("n", ""), false) => Ok(()),
        // The client can, and believes that we cannot: somebody between us took the offer away.
        (("y", ""), false) if offered => Err(Error::new(
            ErrorKind::InvalidAuthorizationSpecification,
            "SCRAM channel binding negotiation error",
        )
        .detail(
            "The client supports SCRAM channel binding but thinks the server does not. However, \
             this server does support channel binding.",
        )),
        (("y", ""), false) => Ok(()),
        (("p", "tls-server-end-point"), true) => Ok(()),
        (("p", "tls-server-end-point"), false) => {
            Err(malformed().detail("Channel binding needs the mechanism SCRAM-SHA-256-PLUS."))
        }
        (("p", _), _) => Err(violation("unsupported SCRAM channel-binding type")),
        (("n" | "y", ""), true) => Err(malformed().detail(
            "The client selected SCRAM-SHA-256-PLUS, but the message has no channel binding data.",
        )),
        _ => Err(malformed()),
    }
}

fn violation(message: &str) -> Error {
    Error::new(ErrorKind::ProtocolViolation, message)
}

fn malformed() -> Error {
    violation("malformed SCRAM message")
}

fn sign(key: &[u8], data: &[u8]) -> [u8; KEY_BYTES] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    copied(tag.as_ref())
}

fn hash(data: &[u8]) -> [u8; KEY_BYTES] {
    copied(digest::digest(&digest::SHA256, data).as_ref())
}

fn copied(bytes: &[u8]) -> [u8; KEY_BYTES] {
    let mut copy = [0; KEY_BYTES];
    copy.copy_from_slice(bytes);
    copy
}

/// Compares in a time that does not depend on where they differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
}
