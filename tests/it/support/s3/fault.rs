//! How answers go wrong.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{self, BoxStream, StreamExt};
use hyper::body::{Frame, SizeHint};
use hyper::http::{Response, StatusCode};
use s3s::Body;

use super::S3Call;

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing is done, and this is answered.
    Status(u16),
    /// It is done, and this is answered all the same.
    DoneBut(u16),
    /// Nothing is done, and nothing is answered.
    Hang,
    /// Nothing is done, and the connection breaks.
    Reset,
    /// It is done, and the connection breaks.
    DoneButReset,
    /// It is done, and the body of the answer stops after its first byte.
    Stalled,
    /// It is done, and the connection breaks in the middle of the answer's body.
    Cut,
    /// It is done, and the answer's body comes slowly.
    Drip,
    /// It is done, and the `ETag` that is answered is another.
    OtherTag,
    /// Nothing is done, and 503 asks to come again after this many seconds.
    RetryAfter(u16),
}

/// Which requests go wrong, and how.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    call: S3Call,
    /// How the key must end.
    name: String,
    /// How many go well before.
    before: usize,
    /// How many go wrong.
    pub(super) times: usize,
    answer: Answer,
}

impl Fault {
    /// Every request of this kind goes wrong.
    pub(crate) fn every(call: S3Call, answer: Answer) -> Self {
        Self { call, name: String::new(), before: 0, times: usize::MAX, answer }
    }

    /// Only so many.
    pub(crate) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Only from the `nth` on, counted from 1.
    pub(crate) fn from(self, nth: usize) -> Self {
        Self { before: nth - 1, ..self }
    }

    /// Only for objects whose key ends so.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    pub(super) fn due(&mut self, call: S3Call, key: &str) -> Option<Answer> {
        if self.call != call || !key.ends_with(&self.name) {
            return None;
        }
        if self.before > 0 {
            self.before -= 1;
            return None;
        }
        self.times -= usize::from(self.times != usize::MAX);
        Some(self.answer)
    }
}

/// A connection that breaks, as the server wants it.
pub(super) fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection breaks on purpose")
}

pub(super) fn plain(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

impl Answer {
    /// The answer of one who does nothing; `None`: it is done.
    pub(super) async fn instead(self) -> Option<io::Result<Response<Body>>> {
        match self {
            Self::Status(status) => Some(Ok(plain(status))),
            Self::Hang => std::future::pending().await,
            Self::Reset => Some(Err(broken())),
            Self::RetryAfter(seconds) => {
                let mut response = plain(503);
                response.headers_mut().insert("retry-after", seconds.into());
                Some(Ok(response))
            }
            _ => None,
        }
    }

    /// The answer of one who did it.
    pub(super) async fn after(self, mut done: Response<Body>) -> io::Result<Response<Body>> {
        match self {
            Self::DoneBut(status) => Ok(plain(status)),
            Self::DoneButReset => Err(broken()),
            Self::OtherTag => {
                done.headers_mut().insert("etag", "\"00000000000000000000000000000000\"".parse().unwrap());
                Ok(done)
            }
            Self::Stalled | Self::Cut | Self::Drip => Ok(self.in_pieces(done).await),
            Self::Status(_) | Self::Hang | Self::Reset | Self::RetryAfter(_) => Ok(done),
        }
    }

    async fn in_pieces(self, done: Response<Body>) -> Response<Body> {
        let (head, body) = done.into_parts();
        let bytes: Bytes = body.try_collect::<Vec<_>>().await.unwrap().concat().into();
        let len = bytes.len() as u64;
        let start = bytes.slice(..bytes.len() / 2);
        let pieces: BoxStream<'static, io::Result<Bytes>> = match self {
            Self::Stalled => stream::iter([Ok(start)]).chain(stream::pending()).boxed(),
            Self::Cut => stream::iter([Ok(start), Err(broken())]).boxed(),
            _ => {
                let pieces = bytes.chunks(bytes.len().div_ceil(8).max(1)).map(Bytes::copy_from_slice);
                stream::iter(pieces.collect::<Vec<_>>())
                    .then(|piece| async move {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        Ok(piece)
                    })
                    .boxed()
            }
        };
        Response::from_parts(head, Body::http_body_unsync(Pieces { pieces, len }))
    }
}

/// A body that says how long it should be.
pub(super) struct Pieces {
    pub(super) pieces: BoxStream<'static, io::Result<Bytes>>,
    pub(super) len: u64,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pieces.poll_next_unpin(context).map(|next| next.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len)
    }
}
