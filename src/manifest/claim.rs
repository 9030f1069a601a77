//! The claim: one export at a time owns a snapshot id.
//!
//! The claim is created where none is. One whose owner is dead is taken over: on a store with locks it is
//! known that the owner is dead, elsewhere the caller says so, and of two who try at once one wins.
//!
//! Invariant: who fails to get the claim has changed and deleted nothing of the one who has it.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::names::attempt_of;
use super::owned::{self, Outcome, read_owner};
use super::{CLAIM, FORMAT_VERSION, MANIFEST, OwnerNonce, SEALED_MANIFEST, to_json};
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::upload::{PartStore, Replaced, Uploader, Version};

/// Requests at once when objects are deleted.
const DELETE_CONCURRENCY: usize = 16;

/// Who writes a snapshot, as it stands in `_claim.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim {
    /// The version of the claim, `1.x`.
    pub format_version: String,
    /// The attempt.
    pub owner: OwnerNonce,
    /// When the export began, as RFC 3339.
    pub created: String,
    /// What tells this export's settings and source from another's.
    pub fingerprint: String,
}

impl Claim {
    /// The claim of an attempt.
    pub fn new(owner: OwnerNonce, created: impl Into<String>, fingerprint: impl Into<String>) -> Self {
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            owner,
            created: created.into(),
            fingerprint: fingerprint.into(),
        }
    }
}

/// A snapshot id that is ours.
///
/// Dropping it gives nothing back: end it by [`finish`](Self::finish), [`leave`](Self::leave) or
/// [`abandon`](Self::abandon).
#[derive(Debug)]
pub struct Ownership {
    pub(super) store: Arc<dyn PartStore>,
    pub(super) owner: OwnerNonce,
    /// Whether data objects of another attempt may be visible, which only our manifest makes refuse.
    sweep: bool,
}

/// Claims a snapshot id.
///
/// A claim whose owner is dead is taken over, with what its attempt left: on a store that locks always, on
/// others only with `takeover`, by which the caller says that the owner is dead.
///
/// # Errors
///
/// When the snapshot is complete already, another export owns it, or the store fails.
pub async fn claim(store: Arc<dyn PartStore>, claim: &Claim, takeover: bool) -> Result<Ownership> {
    let bytes = Bytes::from(to_json("the claim", CLAIM, claim)?);
    let mut ownership = Ownership { store, owner: claim.owner.clone(), sweep: false };
    let claimed = match owned::create(&*ownership.store, CLAIM, bytes.clone(), &claim.owner).await {
        Outcome::Ours => ownership.enter().await,
        Outcome::Theirs(version) => ownership.take_over(bytes, &version, takeover).await,
        Outcome::Missing(error) => Err(error.unwrap_or_else(|| Cause::Claimed.into())),
        Outcome::Unknown(error) => Err(error),
    };
    match claimed {
        Ok(()) => Ok(ownership),
        Err(error) => {
            ownership.leave().await;
            Err(error)
        }
    }
}

impl Ownership {
    /// The attempt that owns the snapshot.
    pub fn owner(&self) -> &OwnerNonce {
        &self.owner
    }

    /// The store of the snapshot.
    pub fn store(&self) -> &Arc<dyn PartStore> {
        &self.store
    }

    /// Asks the store whether the claim is still ours.
    ///
    /// # Errors
    ///
    /// When another export took it over, or it cannot be read.
    pub async fn still_ours(&self) -> Result<()> {
        match read_owner(&*self.store, CLAIM).await? {
            Some((owner, _)) if owner == self.owner => Ok(()),
            Some(_) | None => Err(Cause::Fenced.into()),
        }
    }

    /// Ends a committed export: takes away what a dead attempt left, and what this one needs no more.
    ///
    /// The snapshot is complete whatever comes of it: what fails is logged.
    pub async fn finish(self) {
        if self.sweep {
            log("data objects of another attempt stay", self.delete_others().await);
        }
        self.leave().await;
    }

    /// Ends without deleting anything: the snapshot may be complete, or another's.
    pub async fn leave(self) {
        log("locks and staging stay", self.store.finish().await);
    }

    /// Ends a failed export: aborts its uploads, deletes its data objects, and then gives the claim back.
    ///
    /// `visible` names those that may be complete already ([`CommitError::cleanup`]). The claim stays where
    /// something of the export does, so that the next one finds it. What fails is logged: the error that led
    /// here is the one to tell.
    ///
    /// [`CommitError::cleanup`]: super::CommitError::cleanup
    pub async fn abandon(self, uploader: &Uploader, visible: &[String]) {
        let open = uploader.abort_all().await;
        let is_ours = |name: &str| attempt_of(name) == Some(self.owner.attempt()) || name == SEALED_MANIFEST;
        let ours = visible.iter().filter(|name| is_ours(name));
        let deleted = delete_all(&*self.store, ours.cloned().collect()).await;
        let is_clean = open.is_empty() && deleted.is_ok();
        log("data objects stay", deleted.map(drop));
        if is_clean {
            log("the claim stays", self.release().await);
        }
        self.leave().await;
    }

    /// Deletes the claim, if it is still ours.
    pub(super) async fn release(&self) -> Result<()> {
        match self.still_ours().await {
            Ok(()) => self.store.delete(CLAIM).await,
            Err(error) if matches!(error.cause(), Cause::Fenced) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// With a new claim: whether the snapshot is complete although nobody claims it.
    async fn enter(&self) -> Result<()> {
        let error = match self.store.head(MANIFEST).await {
            Ok(None) => return Ok(()),
            // Who may not list is refused where nothing is: the manifest is created only where none is.
            Err(error) if error.kind() == ErrorKind::AccessDenied => return Ok(()),
            Ok(Some(_)) => Cause::Committed.into(),
            Err(error) => error,
        };
        log("the claim stays", self.release().await);
        Err(error)
    }

    async fn take_over(&mut self, bytes: Bytes, version: &Version, takeover: bool) -> Result<()> {
        let has_locks = self.store.traits().locks;
        let may_take = has_locks || takeover;
        match self.store.head(MANIFEST).await {
            Ok(Some(_)) => return Err(Cause::Committed.into()),
            Ok(None) => {}
            Err(error) if may_take => return Err(error),
            Err(_unknown) => return Err(Cause::Claimed.into()),
        }
        if !may_take {
            return Err(Cause::Claimed.into());
        }
        self.replace_claim(bytes, version).await?;
        // The other one may have committed between the two: then it is not dead, and done.
        let taken = match self.store.head(MANIFEST).await {
            Ok(None) => self.remove_leftovers(has_locks).await,
            Ok(Some(_)) => return Err(Cause::Committed.into()),
            Err(error) => Err(error),
        };
        if taken.is_err() {
            log("the claim stays", self.release().await);
        }
        taken
    }

    async fn replace_claim(&self, bytes: Bytes, version: &Version) -> Result<()> {
        let error = match self.store.replace_if(CLAIM, bytes, version).await {
            Ok(Replaced::Done(_)) => return Ok(()),
            Ok(Replaced::Locked) => return Err(Cause::Claimed.into()),
            Ok(Replaced::Changed) => Cause::Claimed.into(),
            Err(error) => error,
        };
        // Our own write, whose answer was lost, looks like another's change.
        if self.still_ours().await.is_ok() { Ok(()) } else { Err(error) }
    }

    /// Removes what a dead attempt left.
    ///
    /// Where it is not certain that its owner is dead, its visible objects stay until our manifest is
    /// there: it could write its own manifest in this very moment, and that would name what we delete.
    async fn remove_leftovers(&mut self, owner_is_dead: bool) -> Result<()> {
        for upload in self.store.list_open().await? {
            self.store.abort(&upload).await?;
        }
        if owner_is_dead {
            self.delete_others().await?;
            self.store.delete(SEALED_MANIFEST).await?;
        } else {
            self.sweep = true;
        }
        Ok(())
    }

    async fn delete_others(&self) -> Result<()> {
        let is_other = |name: &str| attempt_of(name).is_some_and(|attempt| attempt != self.owner.attempt());
        delete_parts(&*self.store, is_other).await.map(drop)
    }
}

/// Deletes the data objects whose name is chosen, and gives their names.
pub(super) async fn delete_parts(
    store: &dyn PartStore,
    choose: impl Fn(&str) -> bool,
) -> Result<Vec<String>> {
    let names = store.list().await?.into_iter().map(|info| info.name);
    delete_all(store, names.filter(|name| attempt_of(name).is_some() && choose(name)).collect()).await
}

/// Deletes all it can, and gives their names or the first error.
async fn delete_all(store: &dyn PartStore, names: Vec<String>) -> Result<Vec<String>> {
    let deleted: Vec<Result<String>> = futures::stream::iter(names)
        .map(|name| async move { store.delete(&name).await.map(|()| name) })
        .buffered(DELETE_CONCURRENCY)
        .collect()
        .await;
    deleted.into_iter().collect()
}

fn log(what: &'static str, done: Result<(), Error>) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what}");
    }
}
