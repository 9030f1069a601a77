//! Uploads that were begun through one value, and what became of them.
//!
//! It sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::Upload;

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    Completed,
    Aborted,
}

/// The uploads that are known here.
#[derive(Debug, Default)]
pub(super) struct Begun {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fates: BTreeMap<Upload, Fate>,
    /// Data objects that an upload may have been begun of whose answer did not come.
    unanswered: BTreeSet<String>,
}

impl Begun {
    pub(super) fn note(&self, upload: &Upload, fate: Fate) {
        self.state().fates.insert(upload.clone(), fate);
    }

    pub(super) fn note_unanswered(&self, name: &str) {
        self.state().unanswered.insert(name.to_owned());
    }

    pub(super) fn take_unanswered(&self) -> BTreeSet<String> {
        mem::take(&mut self.state().unanswered)
    }

    pub(super) fn fate(&self, upload: &Upload) -> Option<Fate> {
        self.state().fates.get(upload).copied()
    }

    /// The open uploads: those of a list that are not known to have ended, and those that are known here.
    pub(super) fn open_with(&self, mut listed: Vec<Upload>) -> Vec<Upload> {
        let state = self.state();
        let is_open = |fate: &Fate| *fate == Fate::Open;
        // What a store tells lags behind what was done here.
        listed.retain(|upload| state.fates.get(upload).is_none_or(is_open));
        listed.extend(state.fates.iter().filter(|(_, fate)| is_open(fate)).map(|(upload, _)| upload.clone()));
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Changed by one insertion at a time: a panic elsewhere cannot leave it half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
