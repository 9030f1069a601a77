//! Keys of KMS and roles by their names, through clients that one configuration makes.

use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::IdentityCache;
use aws_sdk_kms::config::timeout::TimeoutConfig;

use super::Access;
use crate::error::{Cause, Result};
use crate::plan::destination::Location;
use crate::plan::{KeyId, KmsName, RoleArn};
use crate::seal::{Keys, KmsKey};
use crate::store::AssumedRole;

/// How long one attempt of a request may take, where the configuration does not say: without it a service that
/// takes a request and never answers would hold an export for ever.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Who encrypts what a request names a key for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptionMode {
    /// We do: data objects are sealed before they leave.
    #[default]
    Envelope,
    /// The store does, by SSE-KMS: for `s3://` destinations.
    SseKms,
    /// Both: sealed objects, encrypted by the store once more under the first key.
    EnvelopeAndSseKms,
}

/// Makes the access of a request: its keys are of AWS KMS, its role is assumed through AWS STS.
///
/// ```no_run
/// use segment_export::plan::destination::Location;
/// use segment_export::snapshot::{LocationCatalog, SnapshotEngine};
/// use segment_export::{AwsAccess, aws_config};
///
/// # async fn serve() -> segment_export::Result<()> {
/// let aws = AwsAccess::new(&aws_config::load_from_env().await).with_external_id("of-this-service");
/// let catalog = LocationCatalog::new(Location::parse_uri("s3://profiles/segments")?);
/// let engine = SnapshotEngine::builder(catalog)
///     .with_access(move |plan| {
///         aws.grant(&plan.destination, plan.encryption_key.as_slice(), plan.role.as_ref())
///     })
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AwsAccess {
    config: SdkConfig,
    mode: EncryptionMode,
    session_name: Option<String>,
    external_id: Option<String>,
}

impl AwsAccess {
    /// Clients are made of this configuration: region, endpoints, credentials, retries, time-outs.
    ///
    /// A key that is named by its ARN is asked for in the region of the ARN.
    pub fn new(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let own = config.timeout_config().cloned().unwrap_or_else(|| TimeoutConfig::builder().build());
        let timeouts = own.into_builder().take_unset_from(timeouts.into_builder()).build();
        let version = config.behavior_version().unwrap_or_else(BehaviorVersion::latest);
        let config = config.to_builder().timeout_config(timeouts).behavior_version(version).build();
        Self { config, mode: EncryptionMode::default(), session_name: None, external_id: None }
    }

    /// Who encrypts; default [`EncryptionMode::Envelope`].
    #[must_use]
    pub fn with_mode(mut self, mode: EncryptionMode) -> Self {
        self.mode = mode;
        self
    }

    /// What sessions of roles are called in the logs of AWS; default `segment-export`.
    #[must_use]
    pub fn with_session_name(mut self, name: impl Into<String>) -> Self {
        self.session_name = Some(name.into());
        self
    }

    /// What owners of roles want to hear, to know who asks; default: nothing.
    #[must_use]
    pub fn with_external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// What a snapshot at this destination is written with; nothing is asked of AWS yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) when a text names no key of KMS, or several keys are
    /// given where the store alone encrypts, which takes one.
    pub fn grant(&self, destination: &Location, keys: &[KeyId], role: Option<&RoleArn>) -> Result<Access> {
        let role = role.map(|role| self.role(role, destination, keys)).transpose()?;
        let mut access = Access { role, ..Access::default() };
        match self.mode {
            EncryptionMode::Envelope => access.keys = self.keys(keys, access.role.as_ref())?,
            EncryptionMode::SseKms => access.sse_kms = only_key(keys)?.cloned(),
            EncryptionMode::EnvelopeAndSseKms => {
                access.keys = self.keys(keys, access.role.as_ref())?;
                access.sse_kms = keys.first().cloned();
            }
        }
        Ok(access)
    }

    /// A key of KMS, used as this role or as the configuration says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) when the text names no key of KMS.
    pub fn key(&self, key: &KeyId, role: Option<&AssumedRole>) -> Result<KmsKey> {
        let mut config = aws_sdk_kms::config::Builder::from(&self.config);
        if let Some(region) = KmsName::parse(key)?.region() {
            config = config.region(Region::new(region.to_owned()));
        }
        if let Some(role) = role {
            // The role renews its credentials earlier than the SDK's own cache would ask for them.
            config = config.credentials_provider(role.clone()).identity_cache(IdentityCache::no_cache());
        }
        KmsKey::new(aws_sdk_kms::Client::from_conf(config.build()), key)
    }

    /// A role that may do no more than write to this destination under these keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) when a text names no key of KMS.
    pub fn role(&self, role: &RoleArn, destination: &Location, keys: &[KeyId]) -> Result<AssumedRole> {
        let mut role = AssumedRole::new(aws_sdk_sts::Client::new(&self.config), role.clone());
        if let Some(name) = &self.session_name {
            role = role.with_session_name(name);
        }
        if let Some(id) = &self.external_id {
            role = role.with_external_id(id);
        }
        role.limited_to(destination, keys)
    }

    fn keys(&self, names: &[KeyId], role: Option<&AssumedRole>) -> Result<Option<Keys>> {
        let mut keys: Option<Keys> = None;
        for name in names {
            let key = self.key(name, role)?;
            keys = Some(match keys {
                Some(keys) => keys.with_further(key),
                None => Keys::new(key),
            });
        }
        Ok(keys)
    }
}

impl fmt::Debug for AwsAccess {
    /// Does not show the external id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsAccess")
            .field("mode", &self.mode)
            .field("session_name", &self.session_name)
            .finish_non_exhaustive()
    }
}

/// The key by which a store encrypts, which is one at most.
fn only_key(keys: &[KeyId]) -> Result<Option<&KeyId>> {
    if keys.len() > 1 {
        let rule = "must be one key where the store encrypts".to_owned();
        return Err(Cause::Field { field: "EncryptionKey", rule }.into());
    }
    let key = keys.first();
    key.map(KmsName::parse).transpose()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const ALIAS: &str = "alias/of-ours";
    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    /// The key that makes data keys, and the key of the store.
    fn granted(mode: EncryptionMode, keys: &[&str]) -> Result<(Option<String>, Option<String>)> {
        let keys: Vec<KeyId> = keys.iter().map(|key| key.parse().unwrap()).collect();
        let aws = AwsAccess::new(&SdkConfig::builder().build()).with_mode(mode);
        let access = aws.grant(&"s3://exports/a".parse().unwrap(), &keys, None)?;
        Ok((access.keys.map(|keys| keys.key_id()), access.sse_kms.map(|key| key.to_string())))
    }

    #[test]
    fn the_mode_says_who_encrypts_under_which_keys() {
        let first = || Some(ALIAS.to_owned());
        for (mode, keys, expected) in [
            (EncryptionMode::Envelope, &[][..], (None, None)),
            (EncryptionMode::Envelope, &[ALIAS, ID][..], (first(), None)),
            (EncryptionMode::SseKms, &[][..], (None, None)),
            (EncryptionMode::SseKms, &[ALIAS][..], (None, first())),
            (EncryptionMode::EnvelopeAndSseKms, &[][..], (None, None)),
            (EncryptionMode::EnvelopeAndSseKms, &[ALIAS][..], (first(), first())),
            (EncryptionMode::EnvelopeAndSseKms, &[ALIAS, ID][..], (first(), first())),
        ] {
            assert_eq!(granted(mode, keys).unwrap(), expected, "{mode:?} {keys:?}");
        }
        let error = granted(EncryptionMode::SseKms, &[ALIAS, ID]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains("must be one key"), "{error}");
    }
}
