//! Keys of KMS and roles, as the environment says how AWS is reached: variables, profiles, the machine's own role.

use segment_export::plan::destination::Location;
use segment_export::plan::{KeyId, RoleArn};
use segment_export::seal::Keys;
use segment_export::{Access, AssumedRole, AwsAccess, Error};

use crate::failure::Failure;
use crate::keys::and_key;

/// AWS by the environment, and the role that is assumed there.
pub(crate) struct Aws {
    access: AwsAccess,
    role: Option<AssumedRole>,
}

impl Aws {
    /// Reads the environment; the external id is for roles.
    pub(crate) async fn load(external_id: Option<&str>) -> Result<Self, Failure> {
        let access = AwsAccess::new(&aws_config::load_from_env().await);
        let access = match external_id {
            Some(id) => access.with_external_id(id),
            None => access,
        };
        Ok(Self { access, role: None })
    }

    /// Uses keys and destination as this role from now on.
    pub(crate) fn assume(
        mut self,
        role: &RoleArn,
        destination: &Location,
        keys: &[KeyId],
    ) -> Result<Self, Failure> {
        self.role =
            Some(self.access.role(role, destination, keys).map_err(|error: Error| Failure::before(&error))?);
        Ok(self)
    }

    /// The keys and one of KMS.
    pub(crate) fn and_key(&self, keys: Option<Keys>, key: &KeyId) -> Result<Keys, Failure> {
        let key = self.access.key(key, self.role.as_ref()).map_err(|error| Failure::before(&error))?;
        Ok(and_key(keys, key))
    }

    /// What an export is given, and the role.
    pub(crate) fn grant(self, access: Access) -> Access {
        match self.role {
            Some(role) => access.with_role(role),
            None => access,
        }
    }
}
