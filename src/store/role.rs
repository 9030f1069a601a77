//! A role that is assumed for an export: by the client of its destination, and by its keys.
//!
//! Nothing that reads a source knows of it.
//!
//! Invariants: credentials that are given out are valid for five more minutes, unless the service that gives them
//! fails meanwhile; the external id is the operator's, and shown nowhere.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::types::Credentials as Session;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use super::policy::session_policy;
use crate::error::{Cause, Error, Result, ServiceFailure};
use crate::plan::destination::Location;
use crate::plan::{KeyId, RoleArn};

/// What sessions are called in the logs of AWS where nobody names them.
const SESSION_NAME: &str = "segment-export";

/// Credentials are renewed when they have no more than this to live: requests are signed early and sent late.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// Credentials that cannot be renewed are used until they have no more than this to live.
const LAST_USE_BEFORE: Duration = Duration::from_secs(30);

/// The pause before a failed renewal is tried again.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A role, assumed when its credentials are first asked for and again before they expire.
///
/// Clones share the credentials.
#[derive(Clone)]
pub struct AssumedRole {
    client: Client,
    role: RoleArn,
    session_name: String,
    external_id: Option<String>,
    policy: Option<String>,
    held: Arc<Mutex<Option<Held>>>,
}

/// Credentials, and when they are to be renewed.
struct Held {
    credentials: Credentials,
    expiry: SystemTime,
    renew_at: SystemTime,
}

impl AssumedRole {
    /// A role that is assumed through this client, for sessions called `segment-export` without limits of their own.
    pub fn new(client: Client, role: RoleArn) -> Self {
        let session_name = SESSION_NAME.to_owned();
        Self { client, role, session_name, external_id: None, policy: None, held: Arc::default() }
    }

    /// The name of its sessions in the logs of AWS; default `segment-export`.
    #[must_use]
    pub fn with_session_name(mut self, name: impl Into<String>) -> Self {
        self.session_name = name.into();
        self.forget()
    }

    /// What the owner of the role wants to hear; default: nothing.
    ///
    /// It says who asks, so that it is the operator's own and never that of a request.
    #[must_use]
    pub fn with_external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self.forget()
    }

    /// Limits its sessions to what an export to this destination under these keys does; default: no limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) when a text names no key of KMS.
    pub fn limited_to(mut self, destination: &Location, keys: &[KeyId]) -> Result<Self> {
        self.policy = Some(session_policy(&self.role, destination, keys)?);
        Ok(self.forget())
    }

    /// The role.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }

    /// Credentials for at least five minutes, assumed now if need be.
    ///
    /// # Errors
    ///
    /// When the role cannot be assumed, with the kind of what the service answered.
    pub async fn credentials(&self) -> Result<Credentials> {
        // Who comes while the role is assumed waits: one request serves all.
        let mut held = self.held.lock().await;
        let now = now();
        match &mut *held {
            Some(held) if now < held.renew_at => Ok(held.credentials.clone()),
            Some(old) => match self.assume().await {
                Ok(new) => Ok(old.replace(new)),
                // A service that is down for a moment ends no export that can go on.
                Err(_) if now + LAST_USE_BEFORE < old.expiry => {
                    old.renew_at = now + RENEW_AGAIN_AFTER;
                    Ok(old.credentials.clone())
                }
                Err(error) => Err(error),
            },
            None => Ok(held.insert(self.assume().await?).credentials.clone()),
        }
    }

    async fn assume(&self) -> Result<Held> {
        let request = self.client.assume_role().role_arn(self.role.as_str());
        let request = request.role_session_name(&self.session_name);
        let request = request.set_external_id(self.external_id.clone()).set_policy(self.policy.clone());
        let failed = |failure: ServiceFailure| -> Error {
            let role = self.role.to_string();
            Cause::Role { role, kind: failure.kind(), source: failure.into() }.into()
        };
        let answer = request.send().await.map_err(|error| failed(ServiceFailure::new(&error)))?;
        let held = answer.credentials.and_then(Held::new);
        held.ok_or_else(|| failed(ServiceFailure::incomplete()))
    }

    /// What was assumed with other words is not for this role; clones keep theirs.
    fn forget(mut self) -> Self {
        self.held = Arc::default();
        self
    }
}

impl Held {
    fn new(session: Session) -> Option<Self> {
        let Session { access_key_id, secret_access_key, session_token, expiration, .. } = session;
        let expiry = SystemTime::try_from(expiration).ok()?;
        let credentials = Credentials::new(
            access_key_id,
            secret_access_key,
            Some(session_token),
            Some(expiry),
            "AssumedRole",
        );
        Some(Self { credentials, expiry, renew_at: expiry.checked_sub(RENEW_BEFORE)? })
    }

    fn replace(&mut self, new: Self) -> Credentials {
        *self = new;
        self.credentials.clone()
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let credentials = async { self.credentials().await.map_err(CredentialsError::provider_error) };
        future::ProvideCredentials::new(credentials)
    }
}

#[async_trait]
impl CredentialProvider for AssumedRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credentials = self.credentials().await;
        let credentials = credentials
            .map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        }))
    }
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumedRole")
            .field("role", &self.role)
            .field("session_name", &self.session_name)
            .finish_non_exhaustive()
    }
}

fn now() -> SystemTime {
    #[expect(
        clippy::disallowed_methods,
        reason = "whether credentials have expired is a matter of the clock"
    )]
    SystemTime::now()
}
