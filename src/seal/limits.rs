//! What a message that nobody vouches for may ask of its reader.

/// Caps on the lengths that a message states; what is longer is refused before it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenLimits {
    /// Bytes of a frame at most; default 16 MiB.
    pub frame_bytes: u32,
    /// Bytes of a body without frames at most, which is held as a whole; default 64 MiB.
    pub unframed_bytes: u64,
    /// Encrypted data keys at most; default 32.
    pub wrapped_keys: u16,
}

impl Default for OpenLimits {
    fn default() -> Self {
        Self { frame_bytes: 16 << 20, unframed_bytes: 64 << 20, wrapped_keys: 32 }
    }
}
