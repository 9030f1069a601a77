//! Keys and roles by their names on the command line.

use std::path::Path;

use segment_export::Access;
use segment_export::plan::KeyId;
use segment_export::plan::destination::Location;
use segment_export::seal::{KeyProvider, Keys, LocalKey};

use crate::args::{EncryptionMode, ExportArgs};
use crate::aws::Aws;
use crate::failure::Failure;

const KEY: &str = "--encryption-key";

/// What a key in a file begins with.
const LOCAL: &str = "local:";

/// What names a key.
enum Name<'a> {
    File(&'a Path),
    Kms(KeyId),
}

/// What the arguments of an export say of keys and of the role.
pub(crate) async fn access(args: &ExportArgs, destination: &Location) -> Result<Access, Failure> {
    let names = names(&args.encryption_key)?;
    let aws = aws(args, destination, &names).await?;
    let access = encrypted(args.encryption, &names, aws.as_ref())?;
    Ok(match aws {
        Some(aws) => aws.grant(access),
        None => access,
    })
}

/// The keys of these names, the first of which makes data keys; `None` where there is no name.
pub(crate) async fn keys(texts: &[String]) -> Result<Option<Keys>, Failure> {
    let names = names(texts)?;
    let aws = if kms(&names).is_empty() { None } else { Some(Aws::load(None).await?) };
    opened(&names, aws.as_ref())
}

/// The keys and one more.
pub(crate) fn and_key(keys: Option<Keys>, key: impl KeyProvider) -> Keys {
    match keys {
        Some(keys) => keys.with_further(key),
        None => Keys::new(key),
    }
}

/// AWS, where a key or a role needs it: else its environment is not looked at.
async fn aws(args: &ExportArgs, destination: &Location, names: &[Name<'_>]) -> Result<Option<Aws>, Failure> {
    let external_id = args.external_id.as_deref();
    let kms = kms(names);
    match &args.role_arn {
        Some(role) => Aws::load(external_id).await?.assume(role, destination, &kms).map(Some),
        None if external_id.is_some() => Err(Failure::bad_argument("--external-id", "needs --role-arn")),
        // The store's client has its own way to AWS.
        None if kms.is_empty() || args.encryption == Some(EncryptionMode::SseKms) => Ok(None),
        None => Aws::load(None).await.map(Some),
    }
}

fn encrypted(mode: Option<EncryptionMode>, names: &[Name<'_>], aws: Option<&Aws>) -> Result<Access, Failure> {
    match (mode, names) {
        (None, []) => Ok(Access::default()),
        (Some(_), []) => Err(Failure::bad_argument("--encryption", "needs --encryption-key")),
        (Some(EncryptionMode::SseKms), [Name::Kms(key)]) => Ok(Access::default().with_sse_kms(key.clone())),
        (Some(EncryptionMode::SseKms), _) => {
            Err(Failure::bad_argument(KEY, "must be one key of KMS for sse-kms"))
        }
        (Some(EncryptionMode::Envelope) | None, names) => {
            let keys = opened(names, aws)?;
            Ok(keys.map_or_else(Access::default, |keys| Access::default().with_key(keys)))
        }
    }
}

fn names(texts: &[String]) -> Result<Vec<Name<'_>>, Failure> {
    let name = |text| match str::strip_prefix(text, LOCAL) {
        Some(path) => Ok(Name::File(Path::new(path))),
        None => text.parse().map(Name::Kms),
    };
    let names = texts.iter().map(|text| name(text));
    names.collect::<Result<_, segment_export::Error>>().map_err(|error| Failure::before(&error))
}

fn kms(names: &[Name<'_>]) -> Vec<KeyId> {
    let kms = |name: &Name<'_>| match name {
        Name::Kms(key) => Some(key.clone()),
        Name::File(_) => None,
    };
    names.iter().filter_map(kms).collect()
}

fn opened(names: &[Name<'_>], aws: Option<&Aws>) -> Result<Option<Keys>, Failure> {
    let mut keys = None;
    for name in names {
        keys = Some(match (name, aws) {
            (Name::File(path), _) => {
                and_key(keys, LocalKey::read(path).map_err(|error| Failure::before(&error))?)
            }
            (Name::Kms(key), Some(aws)) => aws.and_key(keys, key)?,
            (Name::Kms(_), None) => return Err(Failure::not_available("a key of KMS")),
        });
    }
    Ok(keys)
}
