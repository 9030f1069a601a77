//! The algorithm suites: both commit to their key, one also signs.

use std::fmt;

/// An algorithm suite: AES-256-GCM, HKDF-SHA512, key commitment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// `0x0478`: unsigned; what every object is sealed with by default.
    #[default]
    Committing,
    /// `0x0578`: signed by ECDSA P-384, for readers that must know who wrote; its hash is computed by one thread.
    Signed,
}

impl Suite {
    /// The number of the suite in a header.
    ///
    /// ```
    /// assert_eq!(segment_export::seal::Suite::Committing.id(), 0x0478);
    /// ```
    pub fn id(self) -> u16 {
        match self {
            Self::Committing => 0x0478,
            Self::Signed => 0x0578,
        }
    }

    /// The suite of a number; `None` for one without key commitment, which is not read.
    pub(super) fn from_id(id: u16) -> Option<Self> {
        [Self::Committing, Self::Signed].into_iter().find(|suite| suite.id() == id)
    }

    /// Whether a message ends in a signature.
    pub fn is_signed(self) -> bool {
        self == Self::Signed
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.id())
    }
}
