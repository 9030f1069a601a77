//! A bounded piece of a blob that slides over ranges of it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Cause, Result};
use crate::store::ranged::{Blob, to_usize};

/// What the windows of one reader share: who runs requests, who counts bytes, and the end.
#[derive(Clone)]
pub(crate) struct Session {
    runtime: Option<Handle>,
    cancelled: CancellationToken,
    on_read: Arc<dyn Fn(u64) + Send + Sync>,
}

impl Session {
    /// A session on the runtime of the caller, and the guard that ends it.
    ///
    /// `on_read` is told of the bytes of each read.
    pub(crate) fn begin(on_read: impl Fn(u64) + Send + Sync + 'static) -> (Self, DropGuard) {
        let cancelled = CancellationToken::new();
        let guard = cancelled.clone().drop_guard();
        (Self { runtime: Handle::try_current().ok(), cancelled, on_read: Arc::new(on_read) }, guard)
    }

    /// The runtime that runs the requests.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }

    fn request(&self, blob: &Blob, range: Range<u64>) -> Result<Request> {
        let Some(runtime) = &self.runtime else {
            return Err(
                Cause::NotAvailable { what: "reading objects outside a tokio runtime".to_owned() }.into()
            );
        };
        let (blob, cancelled) = (blob.clone(), self.cancelled.clone());
        let task = runtime.spawn(async move {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => Err(Cause::Cancelled.into()),
                bytes = blob.request(range) => bytes,
            }
        });
        Ok(Request::UnderWay(AbortOnDropHandle::new(task)))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Reads ranges of a blob in order, a piece at a time.
///
/// It holds the piece that was asked for last and, of an object, the next one. Reads that go forwards touch
/// every byte once; others are right and slow.
pub(crate) struct Window {
    blob: Blob,
    session: Session,
    /// The ranges in the order in which they are read.
    ranges: Vec<Range<u64>>,
    piece_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Offset of the first byte of `piece`.
    start: u64,
    piece: Bytes,
    ahead: Option<(Range<u64>, Request)>,
}

enum Request {
    UnderWay(AbortOnDropHandle<Result<Bytes>>),
    Answered(Result<Bytes>),
}

impl Window {
    /// A window over these ranges, in pieces of so many bytes at most.
    pub(crate) fn new(blob: Blob, session: Session, ranges: Vec<Range<u64>>, piece_bytes: u64) -> Self {
        let ranges = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        Self { blob, session, ranges, piece_bytes: piece_bytes.max(1), state: Mutex::default() }
    }

    /// The size of the whole blob.
    pub(crate) fn blob_size(&self) -> u64 {
        self.blob.size()
    }

    /// What is held from this offset on: at least a byte, but at the end of the blob. May wait.
    pub(crate) fn from(&self, offset: u64) -> Result<Bytes> {
        let mut state = self.lock();
        self.slide(&mut state, offset)?;
        let skip = state.piece.len().min(to_usize(offset - state.start));
        Ok(state.piece.slice(skip..))
    }

    /// So many bytes from this offset on, or fewer at the end of the blob. May wait.
    pub(crate) fn read(&self, offset: u64, len: usize) -> Result<Bytes> {
        let first = self.from(offset)?;
        if first.len() >= len {
            return Ok(first.slice(..len));
        }
        // Longer than the piece: only then are bytes copied. The length is that of a page header, which a
        // corrupt file may have made up, so room is taken as bytes come.
        let room = (self.blob.size().saturating_sub(offset)).min(len as u64);
        let mut bytes = Vec::with_capacity(to_usize(room));
        bytes.extend_from_slice(&first);
        while bytes.len() < len {
            let next = self.from(offset + bytes.len() as u64)?;
            if next.is_empty() {
                break;
            }
            bytes.extend_from_slice(&next[..next.len().min(len - bytes.len())]);
        }
        Ok(bytes.into())
    }

    /// Asks for the next piece of an object and waits until what was asked for is there.
    ///
    /// Only while nobody reads. What went wrong is told by the read that needs the piece.
    pub(crate) async fn ready(&self) {
        let request = {
            let mut state = self.lock();
            self.look_ahead(&mut state);
            state.ahead.take()
        };
        let Some((range, request)) = request else { return };
        let answer = request.answer().await;
        self.lock().ahead = Some((range, Request::Answered(answer)));
    }

    /// Asks for the next piece of an object; true: what was asked for is there.
    ///
    /// Only while nobody reads.
    pub(crate) fn ask(&self) -> bool {
        let mut state = self.lock();
        self.look_ahead(&mut state);
        match &state.ahead {
            Some((_, Request::UnderWay(task))) => task.is_finished(),
            Some((_, Request::Answered(_))) | None => true,
        }
    }

    /// Makes the piece hold `offset`, unless that is the end of the blob.
    fn slide(&self, state: &mut State, offset: u64) -> Result<()> {
        if held(state, offset) {
            return Ok(());
        }
        let range = self.piece_at(offset);
        state.start = offset;
        state.piece = Bytes::new();
        if range.is_empty() {
            return Ok(());
        }
        (state.start, state.piece) = match state.ahead.take() {
            Some((ahead, request)) if ahead.contains(&offset) => (ahead.start, self.wait(request)?),
            _ => (range.start, self.load(range)?),
        };
        (self.session.on_read)(state.piece.len() as u64);
        self.look_ahead(state);
        Ok(())
    }

    fn load(&self, range: Range<u64>) -> Result<Bytes> {
        match self.blob.read_now(&range) {
            Some(read) => read,
            None => self.wait(self.session.request(&self.blob, range)?),
        }
    }

    fn wait(&self, request: Request) -> Result<Bytes> {
        match (request, &self.session.runtime) {
            (Request::Answered(answer), _) => answer,
            (request, Some(runtime)) => runtime.block_on(request.answer()),
            (Request::UnderWay(_), None) => Err(Cause::Cancelled.into()),
        }
    }

    /// Asks for the piece after this one, if the blob is an object and none was asked for.
    fn look_ahead(&self, state: &mut State) {
        if !self.blob.is_remote() || state.ahead.is_some() {
            return;
        }
        let range = self.piece_after(state.start + state.piece.len() as u64);
        if range.is_empty() {
            return;
        }
        let request = match self.session.request(&self.blob, range.clone()) {
            Ok(request) => request,
            Err(error) => Request::Answered(Err(error)),
        };
        state.ahead = Some((range, request));
    }

    /// The piece that begins at an offset; it ends with the range that the offset lies in.
    fn piece_at(&self, offset: u64) -> Range<u64> {
        let end = self.ranges.iter().find(|range| range.contains(&offset)).map(|range| range.end);
        // Outside all ranges a broken file is read, or one whose ranges are a few bytes short.
        let end = end.unwrap_or_else(|| self.blob.size()).min(self.blob.size());
        offset..end.min(offset.saturating_add(self.piece_bytes)).max(offset)
    }

    /// The piece to read once everything before an offset was: it may be in the next range.
    fn piece_after(&self, offset: u64) -> Range<u64> {
        let inside = self.ranges.iter().any(|range| range.contains(&offset));
        let next = match self.ranges.iter().position(|range| range.end == offset) {
            _ if inside => return self.piece_at(offset),
            Some(done) => done + 1,
            // Nothing was read yet.
            None if offset == 0 => 0,
            None => return 0..0,
        };
        self.ranges.get(next).map_or(0..0, |range| self.piece_at(range.start))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a reader leaves a piece and its offset, which are set together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("blob", &self.blob).finish_non_exhaustive()
    }
}

impl Request {
    async fn answer(self) -> Result<Bytes> {
        match self {
            Self::Answered(answer) => answer,
            Self::UnderWay(task) => match task.await {
                Ok(answer) => answer,
                Err(error) if error.is_panic() => Err(Cause::Panicked.into()),
                // The runtime went away.
                Err(_) => Err(Cause::Cancelled.into()),
            },
        }
    }
}

fn held(state: &State, offset: u64) -> bool {
    (state.start..state.start + state.piece.len() as u64).contains(&offset)
}

#[cfg(test)]
mod tests;
