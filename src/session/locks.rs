//! Advisory locks: numbers that sessions agree to take turns by.
//!
//! Its one idea: they mean what the clients make of them, so all that is known is who holds which, in which mode and
//! how often, and who waits for whom. They hold among the sessions of one server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result};
use crate::name::SessionId;
use crate::query::{AdvisoryKey, LockMode};

/// Locks that may be held at once.
const HELD_MAX: usize = 100_000;

/// Who holds a lock, and how.
type Holder = (SessionId, LockMode);

/// A lock as others see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LockRow {
    pub(super) key: AdvisoryKey,
    pub(super) session: SessionId,
    pub(super) shared: bool,
    pub(super) granted: bool,
}

#[derive(Debug, Default)]
struct Held {
    /// How often each holder has taken each.
    locks: BTreeMap<AdvisoryKey, BTreeMap<Holder, u64>>,
    waiting: BTreeMap<SessionId, (AdvisoryKey, bool)>,
}

/// All that are held.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Mutex<Held>,
    released: Notify,
}

/// One who waits; dropping it ends that.
struct Waiting<'a> {
    locks: &'a Locks,
    session: SessionId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.locks.lock().waiting.remove(&self.session);
    }
}

impl Held {
    /// Sessions that keep this one from the lock.
    fn against(&self, session: SessionId, key: AdvisoryKey, shared: bool) -> Vec<SessionId> {
        let holders = self.locks.get(&key).into_iter().flat_map(BTreeMap::keys);
        let others = holders.filter(|(holder, _)| *holder != session);
        others.filter(|(_, mode)| !(shared && mode.shared)).map(|(holder, _)| *holder).collect()
    }

    /// Whether one that keeps this session waiting waits for it, or for one that does.
    fn is_circle(&self, session: SessionId) -> bool {
        let mut seen = Vec::new();
        let mut asked = vec![session];
        while let Some(waiter) = asked.pop() {
            let Some((key, shared)) = self.waiting.get(&waiter) else { continue };
            for holder in self.against(waiter, *key, *shared) {
                if holder == session {
                    return true;
                }
                if !seen.contains(&holder) {
                    seen.push(holder);
                    asked.push(holder);
                }
            }
        }
        false
    }

    fn take(&mut self, session: SessionId, key: AdvisoryKey, mode: LockMode) -> Result<bool> {
        if !self.against(session, key, mode.shared).is_empty() {
            return Ok(false);
        }
        if self.locks.len() >= HELD_MAX && !self.locks.contains_key(&key) {
            return Err(Error::new(ErrorKind::OutOfMemory, "out of shared memory")
                .hint(format!("More than {HELD_MAX} advisory locks are held.")));
        }
        *self.locks.entry(key).or_default().entry((session, mode)).or_default() += 1;
        Ok(true)
    }
}

impl Locks {
    /// Nothing is left half-changed under this lock.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a lock if nobody is in the way.
    ///
    /// # Errors
    /// `OutOfMemory` over the limit.
    pub(super) fn take(
        &self,
        session: SessionId,
        key: AdvisoryKey,
        mode: LockMode,
    ) -> Result<bool> {
        self.lock().take(session, key, mode)
    }

    /// Waits until nobody is in the way, and takes the lock.
    ///
    /// # Errors
    /// `DeadlockDetected` where that would be never, `OutOfMemory` over the limit.
    pub(super) async fn wait(
        self: Arc<Self>,
        session: SessionId,
        key: AdvisoryKey,
        mode: LockMode,
    ) -> Result<()> {
        let waiting = Waiting { locks: &self, session };
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            // From here on no release is missed.
            released.as_mut().enable();
            {
                let mut held = self.lock();
                if held.take(session, key, mode)? {
                    break;
                }
                held.waiting.insert(session, (key, mode.shared));
                if held.is_circle(session) {
                    return Err(Error::new(ErrorKind::DeadlockDetected, "deadlock detected")
                        .detail("Sessions wait for advisory locks of each other."));
                }
            }
            released.await;
        }
        drop(waiting);
        Ok(())
    }

    /// Gives back a session's lock, once; false where it holds none such.
    pub(super) fn give_back(&self, session: SessionId, key: AdvisoryKey, shared: bool) -> bool {
        let mut held = self.lock();
        let Some(holders) = held.locks.get_mut(&key) else { return false };
        let holder = (session, LockMode { shared, of_transaction: false });
        let Some(count) = holders.get_mut(&holder) else { return false };
        *count -= 1;
        if *count == 0 {
            holders.remove(&holder);
            if holders.is_empty() {
                held.locks.remove(&key);
            }
            drop(held);
            self.released.notify_waiters();
        }
        true
    }

    /// Gives back all of a session's locks for which this holds.
    pub(super) fn give_back_all(&self, session: SessionId, which: impl Fn(LockMode) -> bool) {
        let mut held = self.lock();
        if held.locks.is_empty() {
            return;
        }
        held.locks.retain(|_, holders| {
            holders.retain(|(holder, mode), _| *holder != session || !which(*mode));
            !holders.is_empty()
        });
        drop(held);
        self.released.notify_waiters();
    }

    /// Every lock that is held or waited for.
    pub(super) fn rows(&self) -> Vec<LockRow> {
        let held = self.lock();
        let granted = held.locks.iter().flat_map(|(key, holders)| {
            holders.keys().map(|(session, mode)| LockRow {
                key: *key,
                session: *session,
                shared: mode.shared,
                granted: true,
            })
        });
        let waiting = held.waiting.iter().map(|(session, (key, shared))| LockRow {
            key: *key,
            session: *session,
            shared: *shared,
            granted: false,
        });
        granted.chain(waiting).collect()
    }
}
