//! Bounded memory: one number of bytes that several exports may share.
//!
//! An export opens an [`Account`] with a *floor* that is its own for as long as it runs, so that it can
//! always go on with one chunk at a time; what goes beyond the floor is taken from what all share. Nobody
//! waits for bytes while holding what another one needs, so exports on one budget cannot block each other.
//!
//! It counts and nothing else: it allocates no memory and does not know what the bytes are for.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::{Cause, Result};

/// Bytes that one or several exports may have in flight; cloning shares them.
///
/// ```
/// let budget = segment_export::Budget::new(128 << 20);
/// assert_eq!(budget.bytes(), 128 << 20);
/// ```
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    bytes: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Sum of the floors of the open accounts.
    floors: u64,
    /// Sum of what the accounts use beyond their floors.
    beyond: u64,
    /// The most that was ever used at once, over all accounts.
    peak: u64,
    used: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { shared: Arc::new(Shared { bytes, state: Mutex::default(), changed: Notify::new() }) }
    }

    /// The bytes of the whole budget.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes
    }

    /// The most bytes that were in use at once so far.
    pub fn peak(&self) -> u64 {
        self.shared.lock().peak
    }

    /// Opens an account; waits until its floor is free.
    ///
    /// `reserve` is the part of the floor that no single hold may ask for: it may be taken for good, or wait
    /// for bytes that come later.
    ///
    /// # Errors
    ///
    /// When the floor is larger than the whole budget.
    pub(crate) async fn account(&self, floor: u64, reserve: u64) -> Result<Account> {
        if floor > self.shared.bytes {
            return Err(Cause::Setting {
                name: "memory_budget".to_owned(),
                rule: format!("must be at least {floor} bytes for these settings"),
            }
            .into());
        }
        self.shared
            .wait_for(|state| {
                let free = state.floors + state.beyond + floor <= self.shared.bytes;
                if free {
                    state.floors += floor;
                }
                free.then_some(())
            })
            .await;
        Ok(Account {
            inner: Arc::new(Inner { shared: Arc::clone(&self.shared), floor, reserve, used: Mutex::new(0) }),
        })
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("bytes", &self.shared.bytes).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers, changed in one step: a panic elsewhere cannot leave it half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for<T>(&self, mut attempt: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(done) = attempt(&mut self.lock()) {
                return done;
            }
            changed.await;
        }
    }
}

/// The share of one export; its floor is given back when the account and all its holds are dropped.
#[derive(Clone)]
pub(crate) struct Account {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    floor: u64,
    reserve: u64,
    used: Mutex<u64>,
}

impl Account {
    /// Waits until so many bytes are free, and holds them.
    ///
    /// # Errors
    ///
    /// When they could not even be had if this export held nothing else; the error names the column and the row of
    /// `largest`, which is asked only then.
    pub(crate) async fn hold(
        &self,
        bytes: u64,
        largest: impl FnOnce() -> (String, u64) + Send,
    ) -> Result<Hold> {
        let inner = &self.inner;
        let granted = inner.shared.wait_for(|state| inner.try_grant(state, bytes)).await;
        match granted {
            Ok(()) => Ok(Hold { inner: Arc::clone(inner), bytes }),
            Err(available) => {
                let (column, row) = largest();
                Err(Cause::OverBudget { needed: bytes, available, column, row }.into())
            }
        }
    }
}

impl Account {
    /// Holds bytes of the reserve, which are there without waiting.
    pub(crate) fn hold_reserve(&self, bytes: u64) -> Hold {
        let mut hold = Hold { inner: Arc::clone(&self.inner), bytes: 0 };
        hold.resize(bytes.min(self.inner.reserve));
        hold
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("floor", &self.inner.floor).finish_non_exhaustive()
    }
}

impl Inner {
    /// `None`: wait; `Err`: can never be had, and how much could.
    fn try_grant(&self, state: &mut State, bytes: u64) -> Option<Result<(), u64>> {
        let most = self.shared.bytes - (state.floors - self.floor) - self.reserve;
        if bytes > most {
            return Some(Err(most));
        }
        let used = *self.used();
        let more = self.beyond(used + bytes) - self.beyond(used);
        let free = more == 0 || state.floors + state.beyond + more <= self.shared.bytes;
        free.then(|| {
            self.change(state, used, used + bytes);
            Ok(())
        })
    }

    fn used(&self) -> MutexGuard<'_, u64> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beyond(&self, used: u64) -> u64 {
        used.saturating_sub(self.floor)
    }

    /// Moves from one use to another; the caller holds the lock of the state.
    fn change(&self, state: &mut State, from: u64, to: u64) {
        *self.used() = to;
        state.beyond = state.beyond + self.beyond(to) - self.beyond(from);
        state.used = state.used + to - from;
        state.peak = state.peak.max(state.used);
    }

    fn resize(&self, from: u64, to: u64) {
        let mut state = self.shared.lock();
        let used = *self.used();
        self.change(&mut state, used, used + to - from);
        drop(state);
        if to < from {
            self.shared.changed.notify_waiters();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.lock().floors -= self.floor;
        self.shared.changed.notify_waiters();
    }
}

/// Bytes that are held until it is dropped.
pub(crate) struct Hold {
    inner: Arc<Inner>,
    bytes: u64,
}

impl Hold {
    /// Holds so many bytes instead, without waiting: what exists already is counted even beyond the budget.
    pub(crate) fn resize(&mut self, bytes: u64) {
        self.inner.resize(self.bytes, bytes);
        self.bytes = bytes;
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.inner.resize(self.bytes, 0);
    }
}

#[cfg(test)]
mod tests;
