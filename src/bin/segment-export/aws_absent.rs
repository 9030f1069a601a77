//! What stands for AWS in a program without the feature `kms`: nothing of it can be had.

use segment_export::Access;
use segment_export::plan::destination::Location;
use segment_export::plan::{KeyId, RoleArn};
use segment_export::seal::Keys;

use crate::failure::Failure;

/// Is never made.
pub(crate) enum Aws {}

impl Aws {
    #[expect(clippy::unused_async, reason = "the one that is there waits")]
    pub(crate) async fn load(_external_id: Option<&str>) -> Result<Self, Failure> {
        Err(Failure::without_feature("keys of KMS and roles", "kms"))
    }

    pub(crate) fn assume(self, _: &RoleArn, _: &Location, _: &[KeyId]) -> Result<Self, Failure> {
        match self {}
    }

    pub(crate) fn and_key(&self, _: Option<Keys>, _: &KeyId) -> Result<Keys, Failure> {
        match *self {}
    }

    pub(crate) fn grant(self, _: Access) -> Access {
        match self {}
    }
}
