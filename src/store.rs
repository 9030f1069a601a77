//! Clients of object stores, made from a location and the operator's options.
//!
//! [`connect()`] opens a client; [`ranged`] reads files and objects in ranges. It reads no environment: the
//! program passes pairs in. It knows neither snapshots (`upload`) nor file formats (`source`).
//!
//! Invariant: no option's value leaves this module but into the client that it configures.

mod connect;
#[cfg(feature = "aws")]
mod naming;
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
mod pace;
#[cfg(feature = "kms")]
mod policy;
pub(crate) mod ranged;
#[cfg(feature = "kms")]
mod role;
pub(crate) mod uploads;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
#[cfg(feature = "aws")]
use object_store::aws::AwsCredentialProvider;
use object_store::multipart::MultipartStore;

use self::uploads::ListUploads;
use crate::plan::KeyId;

pub(crate) use connect::connect;
#[cfg(feature = "aws")]
pub use connect::signed_uploads;
#[cfg(feature = "gcp")]
pub use connect::token_uploads;
#[cfg(feature = "kms")]
pub use role::AssumedRole;

/// The options of S3 about encryption by the store, and the algorithm of two layers (DSSE-KMS).
const ALGORITHM: &str = "aws_server_side_encryption";
const BUCKET_KEY: &str = "aws_sse_bucket_key_enabled";
const TWO_LAYERS: &str = "aws:kms:dsse";

/// What the operator tells the clients of object stores: regions, endpoints, credentials.
///
/// The keys are those of `object_store`, such as `aws_region`, `aws_endpoint_url`, `aws_access_key_id`,
/// `google_service_account` or `azure_storage_account_name`, in upper or lower case. A key that the store of
/// a location does not know is passed over, so that one set serves all stores. Default: none.
///
/// Keys of this crate, for S3: `aws_expected_bucket_owner` is the account, 12 digits, that each bucket must belong to;
/// `aws_object_metadata` and `aws_object_tags` are user metadata and tags of all objects that are made, each as
/// `name=value` pairs between `&`, encoded as in the query of a URL.
///
/// ```
/// use segment_export::StoreOptions;
///
/// let options = StoreOptions::from_pairs([("AWS_REGION", "eu-central-1")]);
/// assert_eq!(format!("{options:?}"), r#"StoreOptions {"aws_region"}"#);
/// ```
#[derive(Clone, Default)]
pub struct StoreOptions {
    pairs: BTreeMap<String, String>,
    #[cfg(feature = "aws")]
    credentials: Option<AwsCredentialProvider>,
}

impl StoreOptions {
    /// Options of these keys and values; of two with one key the later one counts.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        let pairs =
            pairs.into_iter().map(|(key, value)| (key.as_ref().to_ascii_lowercase(), value.into())).collect();
        Self {
            pairs,
            #[cfg(feature = "aws")]
            credentials: None,
        }
    }

    /// Who is asked for the credentials of each request to S3; default: what the pairs say.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn with_aws_credentials(mut self, credentials: AwsCredentialProvider) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The same options, and encryption by the store under a key of KMS, for what is written.
    ///
    /// With bucket keys, unless the options ask for two layers (DSSE-KMS), which has none.
    pub(crate) fn with_sse_kms(mut self, key: &KeyId) -> Self {
        let algorithm = self.pairs.entry(ALGORITHM.to_owned()).or_default();
        let is_doubled = algorithm == TWO_LAYERS;
        if !is_doubled {
            "aws:kms".clone_into(algorithm);
        }
        let pairs =
            [("aws_sse_kms_key_id", key.as_str()), (BUCKET_KEY, if is_doubled { "false" } else { "true" })];
        self.pairs.extend(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
        self
    }

    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only S3 has options of this crate"))]
    fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    #[cfg_attr(
        not(any(feature = "aws", feature = "gcp", feature = "azure")),
        expect(dead_code, reason = "no store is built in")
    )]
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl PartialEq for StoreOptions {
    /// Providers of credentials are equal when they are the same.
    fn eq(&self, other: &Self) -> bool {
        #[cfg(feature = "aws")]
        let same = match (&self.credentials, &other.credentials) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        };
        #[cfg(not(feature = "aws"))]
        let same = true;
        same && self.pairs == other.pairs
    }
}

impl Eq for StoreOptions {}

impl fmt::Debug for StoreOptions {
    /// Shows the keys only: values may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreOptions ")?;
        f.debug_set().entries(self.pairs.keys()).finish()
    }
}

/// An open client: both faces of one store.
#[derive(Clone)]
pub(crate) struct Client {
    /// Small objects, reads and lists.
    pub(crate) object: Arc<dyn ObjectStore>,
    /// Uploads in parts.
    pub(crate) multipart: Arc<dyn MultipartStore>,
    /// Uploads of other processes; `None` where the store cannot list them.
    pub(crate) uploads: Option<Arc<dyn ListUploads>>,
    /// The store and its bucket or container, such as `s3://bucket`, for messages and names.
    pub(crate) root: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("root", &self.root).finish_non_exhaustive()
    }
}
