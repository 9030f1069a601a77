//! What stands around a value, and what stands for a null.
//!
//! Invariant: a text of up to [`WINDOW`] bytes is copied as one window.

use crate::encode::text::copy::WINDOW;

/// A fixed text that is copied often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affix {
    /// The text, or its beginning, and zeros.
    window: Box<[u8; WINDOW]>,
    /// All of the text, if it is longer than a window.
    long: Box<[u8]>,
    len: usize,
}

impl Affix {
    /// The text to copy.
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut window = [0; WINDOW];
        let short = text.len().min(WINDOW);
        window[..short].copy_from_slice(&text[..short]);
        let long = if text.len() > WINDOW { text.into() } else { Box::default() };
        Self { window: Box::new(window), long, len: text.len() }
    }

    /// Its length in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The text, or its beginning, and zeros.
    #[inline]
    pub(crate) fn window(&self) -> &[u8; WINDOW] {
        &self.window
    }

    /// The text.
    pub(crate) fn text(&self) -> &[u8] {
        if self.len > WINDOW { &self.long } else { &self.window[..self.len] }
    }
}

/// What surrounds a value, and what stands for a null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Before a value.
    pub(crate) prefix: Affix,
    /// After a value.
    pub(crate) suffix: Affix,
    /// Instead of all three when there is no value.
    pub(crate) null: Affix,
}

impl Frame {
    /// The most bytes that a cell needs besides its value.
    pub(crate) fn most(&self) -> usize {
        (self.prefix.len() + self.suffix.len()).max(self.null.len())
    }
}
