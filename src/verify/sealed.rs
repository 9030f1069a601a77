//! Sealed snapshots: the manifest that nobody else can make, and objects that are opened as they are read.
//!
//! Invariant: what a reader of rows gets was authenticated, and belongs to the object of this name in this snapshot.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::ops::Range;

use super::object::Bytewise;
use crate::error::{Cause, Error, Result};
use crate::manifest::{Encryption, MANIFEST, Manifest, SEALED_MANIFEST, parse_manifest};
use crate::seal::{FrameOpener, Keys, MessageHeader, MessageReader, OpenLimits, Opener};
use crate::upload::PartStore;

/// The manifest of a sealed snapshot, which must be the one that was sealed.
pub(super) async fn read_sealed_manifest(store: &dyn PartStore, keys: &Keys) -> Result<Manifest> {
    let Some((json, _)) = store.get(MANIFEST).await? else {
        return Err(Cause::NoSnapshot { name: MANIFEST.to_owned() }.into());
    };
    let manifest = parse_manifest(&json)?;
    if !manifest.encryption.as_ref().is_some_and(Encryption::is_envelope) {
        return Err(broken("its snapshot does not say that it is sealed"));
    }
    let sealed = store.get(SEALED_MANIFEST).await?;
    let (sealed, _) = sealed.ok_or_else(|| broken("its snapshot has no sealed manifest"))?;
    let mut reader = MessageReader::new(OpenLimits::default());
    let Some(header) = reader.push(&sealed)? else { return Err(reader.finish()) };
    let expected = [("object", SEALED_MANIFEST), ("snapshot", manifest.snapshot_id.as_str())];
    check_context(&header, expected)?;
    let key = keys.open(header.wrapped_keys(), header.context()).await?;
    let mut plain = Vec::new();
    header.open(&key)?.finish(&mut plain)?;
    if plain != json {
        return Err(broken("the manifest of its snapshot is not the one that was sealed"));
    }
    Ok(manifest)
}

/// A message of another object may be whole and still be in the wrong place.
fn check_context<'a>(
    header: &MessageHeader,
    expected: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    let is_bound = expected.into_iter().all(|(key, value)| header.context().get(key) == Some(value));
    if is_bound { Ok(()) } else { Err(broken("it is of another object or snapshot")) }
}

fn broken(problem: &'static str) -> Error {
    Cause::Sealed { problem }.into()
}

/// The bytes of a sealed object in their order.
pub(super) struct Opened {
    stored: Bytewise,
    opener: Option<Opener>,
    frames: Option<Frames>,
    plain: Vec<u8>,
    at: usize,
    size: u64,
    failure: Option<Error>,
}

/// What came of an object that was read to its end.
pub(super) struct End {
    /// The checksum of its bytes as they are stored.
    pub(super) checksum: u64,
    /// Its bytes when it is opened.
    pub(super) size: u64,
    /// What opens its frames out of order.
    pub(super) frames: Option<Frames>,
    /// Why it could not be opened to its end.
    pub(super) failure: Option<Error>,
}

impl Opened {
    /// Opens an object under its keys, if it has this context.
    pub(super) fn new(stored: Bytewise, keys: &Keys, context: &BTreeMap<String, String>) -> Self {
        let mut opened =
            Self { stored, opener: None, frames: None, plain: Vec::new(), at: 0, size: 0, failure: None };
        opened.failure = opened.begin(keys, context).err();
        opened
    }

    fn begin(&mut self, keys: &Keys, context: &BTreeMap<String, String>) -> Result<()> {
        let mut reader = MessageReader::new(OpenLimits::default());
        let header = loop {
            let bytes = self.stored.fill_buf().map_err(|_kept_beside| reader_failed())?;
            let len = bytes.len();
            if len == 0 {
                return Err(reader.finish());
            }
            let header = reader.push(bytes)?;
            self.stored.consume(len);
            if let Some(header) = header {
                break header;
            }
        };
        check_context(&header, context.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let opening = keys.open(header.wrapped_keys(), header.context());
        let key = self.stored.object().wait(opening).ok_or(Cause::Cancelled)??;
        let layout = (header.header_bytes() as u64, header.frame_bytes());
        let opener = header.open(&key)?;
        self.frames = layout.1.map(|frame_bytes| Frames {
            opener: opener.frames(),
            header_bytes: layout.0,
            frame_bytes,
            stored: self.stored.object().size(),
        });
        self.opener = Some(opener);
        Ok(())
    }

    /// Reads to the end, so that every tag is checked, and says what came of it.
    pub(super) fn finish(mut self) -> End {
        while let Ok(bytes) = self.fill_buf() {
            let len = bytes.len();
            if len == 0 {
                break;
            }
            self.consume(len);
        }
        let checksum = self.stored.checksum();
        End { checksum, size: self.size, frames: self.frames, failure: self.failure }
    }

    /// Opens more; false at the end.
    fn open_more(&mut self) -> Result<bool> {
        let Some(mut opener) = self.opener.take() else { return Ok(false) };
        self.plain.clear();
        self.at = 0;
        let bytes = self.stored.fill_buf().map_err(|_kept_beside| reader_failed())?;
        let len = bytes.len();
        if len == 0 {
            opener.finish(&mut self.plain)?;
        } else {
            opener.push(bytes, &mut self.plain)?;
            self.stored.consume(len);
            self.opener = Some(opener);
        }
        self.size += self.plain.len() as u64;
        Ok(true)
    }
}

/// The store's own failure is kept by the object.
fn reader_failed() -> Error {
    broken("it could not be read")
}

impl BufRead for Opened {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.failure.is_none() && self.at == self.plain.len() {
            match self.open_more() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.plain.clear();
                    self.at = 0;
                    self.failure = Some(error);
                }
            }
        }
        match self.failure {
            Some(_) => Err(io::Error::other("the object cannot be opened")),
            None => Ok(&self.plain[self.at..]),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.plain.len());
    }
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// How the frames of an object lie, and what opens them out of order.
#[derive(Debug)]
pub(super) struct Frames {
    opener: FrameOpener,
    header_bytes: u64,
    frame_bytes: u32,
    stored: u64,
}

impl Frames {
    /// A range of the opened bytes; `read` gives ranges of what is stored.
    pub(super) fn open(
        &self,
        plain: Range<u64>,
        size: u64,
        read: impl FnOnce(Range<u64>) -> io::Result<bytes::Bytes>,
    ) -> io::Result<Vec<u8>> {
        let (frame, sealed) = (u64::from(self.frame_bytes), FrameOpener::regular_bytes(self.frame_bytes));
        let (first, last) = (plain.start / frame, plain.end.saturating_sub(1) / frame);
        let is_final = last >= size.saturating_sub(1) / frame;
        let end = if is_final { self.stored } else { self.header_bytes + (last + 1) * sealed };
        let stored = read(self.header_bytes + first * sealed..end)?;
        let mut out = Vec::new();
        for index in first..=last {
            let start = usize::try_from((index - first) * sealed).map_err(io::Error::other)?;
            let bytes = stored.get(start..).unwrap_or_default();
            self.opener.open_at(index, self.frame_bytes, bytes, &mut out).map_err(io::Error::other)?;
        }
        let within = |at: u64| usize::try_from(at - first * frame).map_err(io::Error::other);
        let (start, end) = (within(plain.start)?, within(plain.end)?.min(out.len()));
        out.truncate(end);
        out.drain(..start.min(end));
        Ok(out)
    }
}
