//! A part store that fails on purpose.
//!
//! ```ignore
//! let store = FaultyParts::over(store, [fail(Operation::PutPart).nth(3), lose_answer(Operation::PutNew).named(MANIFEST)]);
//! store.called(Operation::Complete, 1).await;      // until a completion was asked for
//! ```

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::PutPayload;
use segment_export::upload::{
    ObjectInfo, PartStore, PartTag, PutNew, Replaced, StoreTraits, Upload, UploadId, UploadPart, Version,
};
use segment_export::{Error, ErrorKind, Result};
use tokio::sync::watch;

/// The calls of a part store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    PutPart,
    Complete,
    Abort,
    Delete,
    PutNew,
    ReplaceIf,
    Head,
    Get,
    GetRange,
    List,
    ListOpen,
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fail(ErrorKind),
    LoseAnswer,
    Conflict,
    Hang,
    Delay(Duration),
}

/// Which calls go wrong, and how: the first one, unless it says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    operation: Operation,
    fault: Fault,
    name: Option<String>,
    nth: Option<usize>,
    seen: usize,
}

/// The call is not made and an error is given.
pub(crate) fn fail(operation: Operation) -> Rule {
    Rule::new(operation, Fault::Fail(ErrorKind::Internal))
}

/// The call is not made and access is denied.
pub(crate) fn deny(operation: Operation) -> Rule {
    Rule::new(operation, Fault::Fail(ErrorKind::AccessDenied))
}

/// The call is made, and an error is given all the same.
pub(crate) fn lose_answer(operation: Operation) -> Rule {
    Rule::new(operation, Fault::LoseAnswer)
}

/// The call is made, and the answer is that another was first, as after a repeated request (409, 412).
pub(crate) fn conflict(operation: Operation) -> Rule {
    Rule::new(operation, Fault::Conflict)
}

/// The call is not made and never ends.
pub(crate) fn hang(operation: Operation) -> Rule {
    Rule::new(operation, Fault::Hang)
}

/// The call is made later.
pub(crate) fn delay(operation: Operation, by: Duration) -> Rule {
    Rule::new(operation, Fault::Delay(by))
}

impl Rule {
    fn new(operation: Operation, fault: Fault) -> Self {
        Self { operation, fault, name: None, nth: Some(1), seen: 0 }
    }

    /// Only for calls about this object.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// For the `nth` such call, counted from 1.
    pub(crate) fn nth(mut self, nth: usize) -> Self {
        self.nth = Some(nth);
        self
    }

    /// For every such call.
    pub(crate) fn always(mut self) -> Self {
        self.nth = None;
        self
    }

    fn applies(&mut self, operation: Operation, name: &str) -> bool {
        if self.operation != operation || self.name.as_deref().is_some_and(|wanted| wanted != name) {
            return false;
        }
        self.seen += 1;
        self.nth.is_none_or(|nth| nth == self.seen)
    }
}

/// A part store whose calls go wrong by rules, and which notes every call.
#[derive(Debug)]
pub(crate) struct FaultyParts {
    inner: Arc<dyn PartStore>,
    rules: Mutex<Vec<Rule>>,
    calls: watch::Sender<Vec<(Operation, String)>>,
}

impl FaultyParts {
    /// Wraps a store; the first rule that applies to a call decides.
    pub(crate) fn over(inner: Arc<dyn PartStore>, rules: impl IntoIterator<Item = Rule>) -> Arc<Self> {
        let rules = Mutex::new(rules.into_iter().collect());
        Arc::new(Self { inner, rules, calls: watch::Sender::default() })
    }

    /// The same store, as those that use it want it.
    pub(crate) fn share(self: &Arc<Self>) -> Arc<dyn PartStore> {
        Arc::<Self>::clone(self)
    }

    /// How many calls of this kind were made so far.
    pub(crate) fn count(&self, operation: Operation) -> usize {
        count(&self.calls.borrow(), operation)
    }

    /// The names in the calls of this kind so far.
    pub(crate) fn names(&self, operation: Operation) -> Vec<String> {
        let calls = self.calls.borrow();
        calls.iter().filter(|call| call.0 == operation).map(|call| call.1.clone()).collect()
    }

    /// Waits until so many calls of this kind were made.
    pub(crate) async fn called(&self, operation: Operation, times: usize) {
        let mut calls = self.calls.subscribe();
        calls.wait_for(|calls| count(calls, operation) >= times).await.expect("the sender is in self");
    }

    async fn run<T>(
        &self,
        operation: Operation,
        name: &str,
        answer_on_conflict: Option<T>,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        self.calls.send_modify(|calls| calls.push((operation, name.to_owned())));
        let fault = {
            let mut rules = self.rules.lock().unwrap();
            rules.iter_mut().find_map(|rule| rule.applies(operation, name).then_some(rule.fault))
        };
        let injected = |kind| Error::from_store(kind, format!("{operation:?} fails on purpose"));
        match fault {
            None => call.await,
            Some(Fault::Fail(kind)) => Err(injected(kind)),
            Some(Fault::LoseAnswer) => call.await.and(Err(injected(ErrorKind::Internal))),
            Some(Fault::Conflict) => {
                let made = call.await?;
                Ok(answer_on_conflict.unwrap_or(made))
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Delay(by)) => {
                tokio::time::sleep(by).await;
                call.await
            }
        }
    }
}

fn count(calls: &[(Operation, String)], operation: Operation) -> usize {
    calls.iter().filter(|call| call.0 == operation).count()
}

#[async_trait]
impl PartStore for FaultyParts {
    fn traits(&self) -> StoreTraits {
        self.inner.traits()
    }

    async fn create(&self, name: &str) -> Result<UploadId> {
        self.run(Operation::Create, name, None, self.inner.create(name)).await
    }

    async fn put_part(&self, upload: &Upload, part: UploadPart, bytes: PutPayload) -> Result<PartTag> {
        self.run(Operation::PutPart, &upload.name, None, self.inner.put_part(upload, part, bytes)).await
    }

    async fn complete(&self, upload: &Upload, tags: &[PartTag], size: u64) -> Result<()> {
        self.run(Operation::Complete, &upload.name, None, self.inner.complete(upload, tags, size)).await
    }

    async fn abort(&self, upload: &Upload) -> Result<()> {
        self.run(Operation::Abort, &upload.name, None, self.inner.abort(upload)).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.run(Operation::Delete, name, None, self.inner.delete(name)).await
    }

    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<PutNew> {
        self.run(Operation::PutNew, name, Some(PutNew::Exists), self.inner.put_new(name, bytes)).await
    }

    async fn replace_if(&self, name: &str, bytes: Bytes, version: &Version) -> Result<Replaced> {
        self.run(
            Operation::ReplaceIf,
            name,
            Some(Replaced::Changed),
            self.inner.replace_if(name, bytes, version),
        )
        .await
    }

    async fn head(&self, name: &str) -> Result<Option<ObjectInfo>> {
        self.run(Operation::Head, name, None, self.inner.head(name)).await
    }

    async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        self.run(Operation::Get, name, None, self.inner.get(name)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        self.run(Operation::GetRange, name, None, self.inner.get_range(name, range)).await
    }

    async fn list(&self) -> Result<Vec<ObjectInfo>> {
        self.run(Operation::List, "", None, self.inner.list()).await
    }

    async fn list_open(&self) -> Result<Vec<Upload>> {
        self.run(Operation::ListOpen, "", None, self.inner.list_open()).await
    }

    async fn finish(&self) -> Result<()> {
        self.run(Operation::Finish, "", None, self.inner.finish()).await
    }
}
