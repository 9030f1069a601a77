//! What a session of an assumed role may do at most: write one destination, under its keys.
//!
//! A session has the rights that both its role and this policy give. It says nothing that the role must not say too.

use serde_json::{Value, json};

use crate::error::Result;
use crate::plan::destination::{Location, ObjectLocation, Scheme};
use crate::plan::{KeyId, KmsName, RoleArn};

/// What is done to objects: created, read back, replaced, and taken away when the export fails.
const OBJECT_ACTIONS: [&str; 5] = [
    "s3:PutObject",
    "s3:GetObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
];

/// What is done to the bucket, below the prefix.
const BUCKET_ACTIONS: [&str; 2] = ["s3:ListBucket", "s3:ListBucketMultipartUploads"];

/// What is done with keys: by the export, and by S3 for it.
const KEY_ACTIONS: [&str; 3] = ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"];

/// The policy of a session that writes to this destination under these keys.
///
/// # Errors
///
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) when a text names no key of KMS.
pub(super) fn session_policy(role: &RoleArn, destination: &Location, keys: &[KeyId]) -> Result<String> {
    let partition = role.as_str().split(':').nth(1).unwrap_or("aws");
    let mut statements = Vec::new();
    if let Location::Object(place) = destination
        && place.scheme() == Scheme::S3
    {
        statements.extend(bucket(partition, place));
    }
    for key in keys {
        statements.push(key_statement(partition, &KmsName::parse(key)?));
    }
    if statements.is_empty() {
        // A policy must state something.
        statements.push(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    }
    Ok(json!({"Version": "2012-10-17", "Statement": statements}).to_string())
}

fn bucket(partition: &str, place: &ObjectLocation) -> [Value; 2] {
    let bucket = format!("arn:{partition}:s3:::{}", place.container());
    let below = match place.key() {
        "" => "*".to_owned(),
        key => format!("{}/*", literal(key)),
    };
    [
        json!({"Effect": "Allow", "Action": OBJECT_ACTIONS, "Resource": format!("{bucket}/{below}")}),
        json!({
            "Effect": "Allow",
            "Action": BUCKET_ACTIONS,
            "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": below}},
        }),
    ]
}

fn key_statement(partition: &str, key: &KmsName) -> Value {
    let any_place = || format!("arn:{partition}:kms:*:*:key/");
    match key {
        KmsName::Arn(arn) => json!({"Effect": "Allow", "Action": KEY_ACTIONS, "Resource": arn}),
        KmsName::Id(id) => {
            json!({"Effect": "Allow", "Action": KEY_ACTIONS, "Resource": any_place() + id})
        }
        // A policy cannot name a key by its alias: it names every key that has it.
        KmsName::Alias(name) => json!({
            "Effect": "Allow",
            "Action": KEY_ACTIONS,
            "Resource": any_place() + "*",
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias(name)}},
        }),
    }
}

/// The alias without what an ARN has before it.
fn alias(name: &str) -> &str {
    name.find("alias/").map_or(name, |at| &name[at..])
}

/// A text that stands for itself, where a policy knows wildcards and variables.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => out.extend(["${", c.encode_utf8(&mut [0; 4]), "}"]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn policy(destination: &str, keys: &[&str]) -> Value {
        let role = "arn:aws-cn:iam::111122223333:role/exports".parse().unwrap();
        let keys: Vec<KeyId> = keys.iter().map(|key| key.parse().unwrap()).collect();
        let text = session_policy(&role, &Location::parse(destination).unwrap(), &keys).unwrap();
        assert!(text.len() <= 2_048, "what STS takes");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_session_writes_below_its_destination_and_lists_nothing_else() {
        let policy = policy("s3://exports/gold", &[ARN]);
        let [objects, bucket, key] = policy["Statement"].as_array().unwrap().as_slice() else { panic!() };
        assert_eq!(objects["Resource"], "arn:aws-cn:s3:::exports/gold/*");
        assert_eq!(bucket["Resource"], "arn:aws-cn:s3:::exports");
        assert_eq!(bucket["Condition"]["StringLike"]["s3:prefix"], "gold/*");
        assert_eq!(key["Resource"], ARN);
        assert_eq!(key["Action"], json!(["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]));
    }

    #[test]
    fn what_is_special_in_a_policy_stands_for_itself() {
        let policy = policy("s3://exports/50%24%2A%3F", &[]);
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws-cn:s3:::exports/50${$}${*}${?}/*");
        assert_eq!(policy["Statement"][1]["Condition"]["StringLike"]["s3:prefix"], "50${$}${*}${?}/*");
    }

    #[test]
    fn keys_are_named_by_what_is_known_of_them() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let policy = policy("s3://exports", &[id, "alias/gold", "arn:aws-cn:kms:cn-north-1:1:alias/gold"]);
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws-cn:s3:::exports/*");
        assert_eq!(policy["Statement"][2]["Resource"], format!("arn:aws-cn:kms:*:*:key/{id}"));
        for statement in [3, 4] {
            let condition = &policy["Statement"][statement]["Condition"]["ForAnyValue:StringEquals"];
            assert_eq!(condition["kms:ResourceAliases"], "alias/gold");
        }
    }

    #[test]
    fn a_session_that_needs_nothing_may_do_nothing() {
        let policy = policy("/tmp/out", &[]);
        assert_eq!(policy["Statement"], json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}]));
    }
}
