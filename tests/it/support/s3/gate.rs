//! A gate in the bytes of upload parts: one part is held at a byte, until it is let go or its client is gone.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt};
use hyper::body::{Body as _, Incoming};
use s3s::Body;
use tokio::sync::watch;

use super::fault::Pieces;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The part that brings this byte will be held.
    Set(u64),
    Held,
}

#[derive(Debug)]
pub(super) struct Gate {
    received: AtomicU64,
    state: watch::Sender<State>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { received: AtomicU64::new(0), state: watch::Sender::new(State::Open) }
    }
}

impl Gate {
    /// Holds the part that brings the byte after so many more.
    pub(super) fn set(&self, after: u64) {
        self.state.send_replace(State::Set(self.received.load(Ordering::SeqCst) + after));
    }

    pub(super) fn open(&self) {
        self.state.send_replace(State::Open);
    }

    /// Waits until a part is held.
    pub(super) async fn held(&self) {
        let mut state = self.state.subscribe();
        state.wait_for(|state| *state == State::Held).await.unwrap();
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    /// The body of an upload part, which goes through the gate.
    pub(super) fn through(self: &Arc<Self>, body: Incoming) -> Body {
        let len = body.size_hint().exact().unwrap();
        let gate = Arc::clone(self);
        let pieces = Body::from(body).map_err(io::Error::other).and_then(move |bytes| {
            let gate = Arc::clone(&gate);
            async move {
                gate.pass(bytes.len() as u64).await;
                Ok(bytes)
            }
        });
        Body::http_body_unsync(Pieces { pieces: pieces.boxed(), len })
    }

    async fn pass(&self, bytes: u64) {
        let received = self.received.fetch_add(bytes, Ordering::SeqCst) + bytes;
        let is_held = self.state.send_if_modified(|state| {
            let is_due = matches!(*state, State::Set(after) if received > after);
            if is_due {
                *state = State::Held;
            }
            is_due
        });
        if is_held {
            let mut state = self.state.subscribe();
            state.wait_for(|state| *state != State::Held).await.unwrap();
        }
    }
}
