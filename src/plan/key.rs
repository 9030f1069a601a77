//! What a request says about encryption and access: a key and a role.
//!
//! Identifiers only: no key material and no credential is ever here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::checked_text;
use crate::error::{Cause, Error};

/// The most characters of an `EncryptionKey`.
const MAX_KEY_CHARS: usize = 255;

/// The most characters of a `RoleArn`.
const MAX_ROLE_CHARS: usize = 512;

const ROLE_RULE: &str = "must match ^arn:aws[a-z-]*:iam:.*:[0-9]+:.+$ without control characters";

checked_text! {
    /// The identifier of a key: 1 to 255 characters, such as the ARN of a KMS key.
    KeyId, field = "EncryptionKey", check = check_key
}

checked_text! {
    /// The ARN of a role: up to 512 characters, `^arn:aws[a-z-]*:iam:.*:[0-9]+:.+$`.
    RoleArn, field = "RoleArn", check = check_role
}

impl KeyId {
    /// The key of a request, where the empty string means none.
    ///
    /// # Errors
    ///
    /// When the text is longer than 255 characters.
    pub(super) fn from_request(text: Option<&str>) -> Result<Option<Self>, Error> {
        text.filter(|text| !text.is_empty()).map(str::parse).transpose()
    }
}

fn check_key(text: &str) -> Result<(), &'static str> {
    match text.chars().count() {
        1..=MAX_KEY_CHARS => Ok(()),
        0 => Err("must not be empty"),
        _ => Err("must have at most 255 characters"),
    }
}

fn check_role(text: &str) -> Result<(), &'static str> {
    if text.chars().count() > MAX_ROLE_CHARS {
        return Err("must have at most 512 characters");
    }
    if is_role_arn(text) { Ok(()) } else { Err(ROLE_RULE) }
}

fn is_role_arn(text: &str) -> bool {
    let Some((partition, rest)) = text.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":iam:"))
    else {
        return false;
    };
    // What is before the account may hold colons of its own: any `:digits:` with something after it does.
    let account_and_more = |tail: &str| {
        tail.split_once(':').is_some_and(|(account, resource)| {
            !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit()) && !resource.is_empty()
        })
    };
    partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && rest.match_indices(':').any(|(at, _)| account_and_more(&rest[at + 1..]))
        && !text.contains(char::is_control)
}
