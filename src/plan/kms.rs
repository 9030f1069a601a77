//! The names of a key of KMS: an ARN, an id, or an alias.
//!
//! Invariant: a text that is none of these is never repeated, since it may be a key in clear.

use super::KeyId;
use crate::error::{Cause, Error};

const RULE: &str = "must be the ARN, the id or the alias of a key of KMS";

/// Hex digits of the five groups of a key's id.
const ID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// A key of KMS as it is named by whoever asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KmsName {
    /// The ARN of a key: `arn:aws:kms:REGION:ACCOUNT:key/ID`.
    Arn(String),
    /// The id of a key.
    Id(String),
    /// `alias/NAME`, or its ARN.
    Alias(String),
}

impl KmsName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) for anything else, without repeating it.
    pub(crate) fn parse(key: &KeyId) -> Result<Self, Error> {
        let text = key.as_str();
        let resource = if text.starts_with("arn:") { resource_of(text) } else { Some(text) };
        match resource {
            Some(name) if is_alias(name) => Ok(Self::Alias(text.to_owned())),
            Some(key) if key.strip_prefix("key/").is_some_and(is_id) && text.starts_with("arn:") => {
                Ok(Self::Arn(text.to_owned()))
            }
            Some(id) if is_id(id) && id == text => Ok(Self::Id(text.to_owned())),
            _ => Err(Cause::Field { field: "EncryptionKey", rule: RULE.to_owned() }.into()),
        }
    }

    /// The name as it was given.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Arn(name) | Self::Id(name) | Self::Alias(name) => name,
        }
    }

    /// The region that an ARN names: KMS is asked there, wherever the destination is.
    pub(crate) fn region(&self) -> Option<&str> {
        self.as_str().strip_prefix("arn:")?.split(':').nth(2)
    }

    /// Whether an ARN that stands in a message may be of this key; of an alias only KMS knows.
    pub(crate) fn may_be(&self, arn: &str) -> bool {
        match self {
            Self::Arn(own) => own == arn,
            Self::Id(own) => arn.rsplit_once(":key/").is_some_and(|(_, id)| id == own),
            Self::Alias(_) => true,
        }
    }
}

/// What an ARN of KMS names: `key/ID` or `alias/NAME`.
fn resource_of(arn: &str) -> Option<&str> {
    let mut fields = arn.splitn(6, ':').skip(1);
    let mut field = || fields.next();
    let (partition, service, region, account, resource) = (field()?, field()?, field()?, field()?, field()?);
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_account = (1..=12).contains(&account.len()) && account.bytes().all(|b| b.is_ascii_digit());
    (partition.starts_with("aws") && is_word(partition) && service == "kms" && is_word(region) && is_account)
        .then_some(resource)
}

fn is_alias(text: &str) -> bool {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
    text.strip_prefix("alias/").is_some_and(|name| !name.is_empty() && name.bytes().all(is_char))
}

/// A UUID, or `mrk-` and 32 digits for a key of several regions.
fn is_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && is_hex(digits),
        None => text.split('-').map(str::len).eq(ID_GROUPS) && text.split('-').all(is_hex),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn parse(text: &str) -> Result<KmsName, Error> {
        KmsName::parse(&text.parse().unwrap())
    }

    #[test]
    fn names_are_arns_ids_and_aliases() {
        let arn = format!("arn:aws:kms:eu-west-1:111122223333:key/{ID}");
        assert_eq!(parse(&arn).unwrap(), KmsName::Arn(arn.clone()));
        assert_eq!(parse(ID).unwrap(), KmsName::Id(ID.to_owned()));
        let several = "mrk-1234abcd12ab34cd56ef1234567890ab";
        assert_eq!(parse(several).unwrap(), KmsName::Id(several.to_owned()));
        for alias in ["alias/exports", "arn:aws-cn:kms:cn-north-1:1:alias/a/b_c-d"] {
            assert_eq!(parse(alias).unwrap(), KmsName::Alias(alias.to_owned()));
        }
    }

    #[test]
    fn what_is_no_name_is_refused_and_not_repeated() {
        let clear = "5a".repeat(32);
        let other = format!("arn:aws:s3:eu-west-1:111122223333:key/{ID}");
        let path = format!("key/{ID}");
        for text in [&clear, &other, &path, "alias/", "alias/a b", "arn:aws:kms:::key/x", "local:key", "1234"]
        {
            let error = parse(text).unwrap_err().to_string();
            assert!(error == format!("EncryptionKey {RULE}"), "{error}");
        }
    }

    #[test]
    fn the_region_is_that_of_the_arn() {
        let arn = format!("arn:aws:kms:eu-west-1:111122223333:key/{ID}");
        assert_eq!(parse(&arn).unwrap().region(), Some("eu-west-1"));
        assert_eq!(parse(ID).unwrap().region(), None);
        assert_eq!(parse("alias/a").unwrap().region(), None);
    }

    #[test]
    fn an_id_is_that_of_an_arn() {
        let arn = format!("arn:aws:kms:eu-west-1:111122223333:key/{ID}");
        assert!(parse(ID).unwrap().may_be(&arn) && parse(&arn).unwrap().may_be(&arn));
        assert!(!parse(ID).unwrap().may_be(&arn.replace("1234abcd", "1234abce")));
        assert!(!parse(&arn).unwrap().may_be(&arn.replace("eu-", "us-")));
    }
}
