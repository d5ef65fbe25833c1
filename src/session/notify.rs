//! LISTEN and NOTIFY: a bounded channel of the process, from which each session takes what it listens
//! to. Notifications reach the sessions of this process; other servers of the lake hear nothing.

use std::collections::BTreeSet;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::error::{Error, ErrorKind, Result};

/// Notifications a session may be behind; older ones are lost to it.
const BEHIND_MAX: usize = 1024;
/// As in Postgres.
const PAYLOAD_BYTES_MAX: usize = 7999;
const CHANNEL_BYTES_MAX: usize = 63;

/// Something that was said on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The process id of the session that said it.
    pub pid: i32,
    /// The channel.
    pub channel: String,
    /// What was said.
    pub payload: String,
}

/// Where the sessions of a process hear each other.
#[derive(Debug)]
pub(super) struct Notifications {
    sender: broadcast::Sender<Notification>,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND_MAX) }
    }
}

impl Notifications {
    pub(super) fn send(&self, notification: Notification) {
        // Nobody listening is no error.
        let _ = self.sender.send(notification);
    }

    pub(super) fn listener(&self) -> Listener {
        Listener { channels: BTreeSet::new(), receiver: None }
    }
}

/// What one session listens to.
#[derive(Debug)]
pub(super) struct Listener {
    channels: BTreeSet<String>,
    receiver: Option<broadcast::Receiver<Notification>>,
}

impl Listener {
    pub(super) fn listen(&mut self, channel: String, to: &Notifications) {
        self.channels.insert(channel);
        if self.receiver.is_none() {
            self.receiver = Some(to.sender.subscribe());
        }
    }

    /// Leaves a channel, or all.
    pub(super) fn leave(&mut self, channel: Option<&str>) {
        match channel {
            Some(channel) => {
                self.channels.remove(channel);
            }
            None => self.channels.clear(),
        }
        if self.channels.is_empty() {
            self.receiver = None;
        }
    }

    /// What has been said and not yet taken.
    pub(super) fn take(&mut self) -> Option<Notification> {
        loop {
            match self.receiver.as_mut()?.try_recv() {
                Ok(notification) if self.channels.contains(&notification.channel) => {
                    return Some(notification);
                }
                Ok(_) => {}
                Err(TryRecvError::Lagged(lost)) => log_lost(lost),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// Waits for the next; for ever when nothing is listened to.
    pub(super) async fn next(&mut self) -> Notification {
        loop {
            let Some(receiver) = self.receiver.as_mut() else {
                return std::future::pending().await;
            };
            match receiver.recv().await {
                Ok(notification) if self.channels.contains(&notification.channel) => {
                    return notification;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(lost)) => log_lost(lost),
                Err(RecvError::Closed) => self.receiver = None,
            }
        }
    }
}

fn log_lost(lost: u64) {
    tracing::warn!(lost, "a session was too far behind to hear some notifications");
}

/// Refuses what Postgres refuses.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn check(channel: &str, payload: &str) -> Result<()> {
    let refused = |what: &str| Err(Error::new(ErrorKind::InvalidParameterValue, what.to_owned()));
    if channel.is_empty() {
        return refused("channel name cannot be empty");
    }
    if channel.len() > CHANNEL_BYTES_MAX {
        return refused("channel name too long");
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return refused("payload string too long");
    }
    Ok(())
}
