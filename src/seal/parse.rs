//! Reads fields off the front of bytes that may end too early.

use super::suite::Suite;
use crate::error::{Cause, Error};

/// Why a field is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end before the field does: more may come.
    Short,
    /// Whatever comes, it is not what it must be.
    Bad(&'static str),
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        let problem = match stop {
            Stop::Short => "it is cut short",
            Stop::Bad(problem) => problem,
        };
        Cause::Sealed { problem }.into()
    }
}

/// Bytes of which fields are taken from the front; integers are big-endian.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Stop::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Stop::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        self.array().map(u64::from_be_bytes)
    }

    /// Bytes behind their length of two bytes.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], Stop> {
        let len = self.u16()?;
        self.take(len.into())
    }

    /// A text behind its length of two bytes.
    pub(super) fn text(&mut self) -> Result<&'a str, Stop> {
        std::str::from_utf8(self.counted()?)
            .map_err(|_not_utf8| Stop::Bad("a text in its header is not UTF-8"))
    }

    pub(super) fn suite(&mut self) -> Result<Suite, Stop> {
        Suite::from_id(self.u16()?).ok_or(Stop::Bad("its algorithm suite is not one that is read"))
    }
}

/// Appends bytes behind their length of two bytes.
pub(super) fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    let len = u16::try_from(bytes.len())
        .map_err(|_too_long| Cause::Sealing { what: "a field of the header is too long" })?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}
