//! The keys that sign what clients are given to bring back: tokens and tickets.
//!
//! Its one idea: what a client holds says everything, and the signature says that this lake's servers
//! wrote it; so it outlives a restart and is good on another server. A signature covers the purpose
//! and the lake, so that nothing is taken for something else. The first key of the file signs, all
//! of them are believed: a new first line is how keys are changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use ring::{digest, hmac};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Services, check_private};

use super::logins::lock;

/// What a signed message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To fetch rows.
    Ticket,
    /// To be somebody.
    Token,
}

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Shorter ones could be guessed.
const KEY_BYTES_MIN: usize = 32;
/// Keys believed at once.
const KEYS_MAX: usize = 16;
const ID_BYTES: usize = 4;
const MAC_BYTES: usize = 32;

/// Signs and verifies.
#[derive(Debug)]
pub(super) struct Keys {
    file: Option<PathBuf>,
    lake: String,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<Vec<Key>>,
    modified: Option<SystemTime>,
    looked_at: Instant,
}

#[derive(Debug)]
struct Key {
    id: [u8; ID_BYTES],
    key: hmac::Key,
}

impl Key {
    fn of(secret: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, secret);
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&hash.as_ref()[..ID_BYTES]);
        Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }
}

impl Keys {
    /// The keys of the file that `[auth] signing_keys` names. Without one they come from the lake's own
    /// id where every local client may be whoever it says anyway, else from chance.
    ///
    /// # Errors
    /// `ConfigFileError` for a file that does not load.
    pub(super) async fn load(services: &Services) -> Result<Self> {
        let lake = &services.lake;
        let epochs = lake.newest(&lake.system_location("epochs")).await?;
        let id = epochs.map_or_else(|| services.config.name.clone(), |table| table.id().to_owned());
        let auth = &services.config.auth;
        let (keys, modified) = match &auth.signing_keys {
            Some(file) => read(file)?,
            None if auth.trust_loopback => {
                let secret = format!("lakeport, trusted on loopback, lake {id}");
                (vec![Key::of(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())], None)
            }
            None => (vec![Key::of(&rand::random::<[u8; 32]>())], None),
        };
        let clock = Arc::clone(lake.clock());
        let held = Held { keys: Arc::new(keys), modified, looked_at: clock.instant() };
        Ok(Self { file: auth.signing_keys.clone(), lake: id, clock, held: Mutex::new(held) })
    }

    /// `body` with its signature before it.
    pub(super) fn sign(&self, purpose: Purpose, body: &[u8]) -> Bytes {
        let keys = self.current();
        let mut signed = Vec::with_capacity(body.len() + ID_BYTES + MAC_BYTES + 4);
        signed.extend_from_slice(magic(purpose));
        if let Some(key) = keys.first() {
            signed.extend_from_slice(&key.id);
            signed.extend_from_slice(self.mac(key, purpose, body).as_ref());
        }
        signed.extend_from_slice(body);
        Bytes::from(signed)
    }

    /// What was signed.
    ///
    /// # Errors
    /// `ProtocolViolation` for what was never signed, `InsufficientPrivilege` for what was changed, or
    /// signed for another lake, or with a key that is no longer believed.
    pub(super) fn verify<'a>(&self, purpose: Purpose, signed: &'a [u8]) -> Result<&'a [u8]> {
        let name = if purpose == Purpose::Ticket { "ticket" } else { "token" };
        let parts = signed
            .strip_prefix(magic(purpose))
            .and_then(|rest| rest.split_at_checked(ID_BYTES))
            .and_then(|(id, rest)| Some((id, rest.split_at_checked(MAC_BYTES)?)));
        let Some((id, (mac, body))) = parts else {
            let message = format!("the {name} is not one of this server's, or is cut off");
            return Err(Error::new(ErrorKind::ProtocolViolation, message));
        };
        let keys = self.current();
        let mut same = keys.iter().filter(|key| key.id == id);
        if same.any(|key| hmac::verify(&key.key, &self.covered(purpose, body), mac).is_ok()) {
            return Ok(body);
        }
        let message = format!("the {name} was changed, or given by another lake's server");
        Err(Error::new(ErrorKind::InsufficientPrivilege, message))
    }

    fn mac(&self, key: &Key, purpose: Purpose, body: &[u8]) -> hmac::Tag {
        hmac::sign(&key.key, &self.covered(purpose, body))
    }

    fn covered(&self, purpose: Purpose, body: &[u8]) -> Vec<u8> {
        let lake = self.lake.as_bytes();
        let length = u32::try_from(lake.len()).unwrap_or(u32::MAX).to_be_bytes();
        [magic(purpose), &length, lake, body].concat()
    }

    /// The keys as the file has them; one that does not load leaves the last ones.
    fn current(&self) -> Arc<Vec<Key>> {
        let mut held = lock(&self.held);
        let now = self.clock.instant();
        if let Some(file) = &self.file
            && now.saturating_duration_since(held.looked_at) >= LOOK_EVERY
        {
            held.looked_at = now;
            let modified = std::fs::metadata(file).and_then(|found| found.modified()).ok();
            if modified.is_some() && modified != held.modified {
                match read(file) {
                    Ok((keys, modified)) => {
                        (held.keys, held.modified) = (Arc::new(keys), modified);
                        tracing::info!("the signing keys were loaded again");
                    }
                    Err(error) => {
                        tracing::error!(%error, "changed signing keys do not load");
                        held.modified = modified;
                    }
                }
            }
        }
        Arc::clone(&held.keys)
    }
}

fn magic(purpose: Purpose) -> &'static [u8] {
    match purpose {
        Purpose::Ticket => b"LKT1",
        Purpose::Token => b"LKB1",
    }
}

/// One key a line, in base64.
fn read(file: &Path) -> Result<(Vec<Key>, Option<SystemTime>)> {
    let refused = |what: String| {
        Error::new(ErrorKind::ConfigFileError, format!("signing keys {}: {what}", file.display()))
            .hint("`openssl rand -base64 48` makes a line; the first one signs.")
    };
    let metadata = std::fs::metadata(file).map_err(|error| refused(error.to_string()))?;
    check_private(file, &metadata)?;
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself is a secret.
        let secret = super::credentials::decode_base64(line)
            .filter(|secret| secret.len() >= KEY_BYTES_MIN)
            .ok_or_else(|| {
                let number = index + 1;
                refused(format!("line {number} is not base64 of {KEY_BYTES_MIN} bytes or more"))
            })?;
        keys.push(Key::of(&secret));
    }
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(refused(format!("there must be 1 to {KEYS_MAX} keys, not {}", keys.len())));
    }
    Ok((keys, metadata.modified().ok()))
}
