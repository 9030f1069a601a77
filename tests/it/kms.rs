//! Keys of KMS and assumed roles, by services that a mock answers for.

mod exports;
mod keys;
mod role;

use std::error::Error as StdError;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_kms::operation::decrypt::DecryptOutput;
use aws_sdk_kms::operation::generate_data_key::GenerateDataKeyOutput;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::primitives::DateTime;
use aws_sdk_sts::types::Credentials;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use segment_export::aws_sdk_kms::config::retry::RetryConfig;
use segment_export::plan::RoleArn;
use segment_export::seal::KmsKey;
use segment_export::{AssumedRole, Error};

use crate::support::s3::{ROLE_KEY, SECRET_KEY};

pub(crate) const ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/exports";

/// What no error may tell: services answer with it.
const CANARY: &str = "canary-8c21f0";

fn quick() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1))
}

/// A client of KMS for which these rules answer, each as often as it is asked.
fn kms(rules: &[&Rule]) -> aws_sdk_kms::Client {
    mock_client!(aws_sdk_kms, RuleMode::MatchAny, rules, |config| config.retry_config(quick()))
}

pub(crate) fn key(rules: &[&Rule]) -> KmsKey {
    KmsKey::new(kms(rules), &ARN.parse().unwrap()).unwrap()
}

/// A body as KMS answers it.
pub(crate) fn failure(code: &str) -> String {
    format!(r#"{{"__type":"{code}","message":"{CANARY}"}}"#)
}

/// Data keys of 32 times 7 under a key of this ARN.
pub(crate) fn data_keys(arn: &'static str) -> Rule {
    mock!(aws_sdk_kms::Client::generate_data_key).then_output(move || {
        GenerateDataKeyOutput::builder()
            .key_id(arn)
            .plaintext(Blob::new([7; 32]))
            .ciphertext_blob(Blob::new("wrapped"))
            .build()
    })
}

#[expect(clippy::disallowed_methods, reason = "sessions end by the clock")]
fn end_of(life: Duration) -> SystemTime {
    SystemTime::now() + life
}

/// Opens every data key to 32 times 7.
pub(crate) fn opening() -> Rule {
    mock!(aws_sdk_kms::Client::decrypt)
        .then_output(|| DecryptOutput::builder().key_id(ARN).plaintext(Blob::new([7; 32])).build())
}

/// A role whose nth session has the token `session-n` and lives for so long.
pub(crate) fn sessions(life: Duration) -> Rule {
    let count = AtomicUsize::new(0);
    mock!(aws_sdk_sts::Client::assume_role).then_output(move || {
        let nth = count.fetch_add(1, Ordering::SeqCst) + 1;
        let credentials = Credentials::builder()
            .access_key_id(ROLE_KEY)
            .secret_access_key(SECRET_KEY)
            .session_token(format!("session-{nth}"))
            .expiration(DateTime::from(end_of(life)));
        AssumeRoleOutput::builder().credentials(credentials.build().unwrap()).build()
    })
}

/// A role that may not be assumed.
pub(crate) fn denied() -> Rule {
    mock!(aws_sdk_sts::Client::assume_role).sequence().http_status(403, None).repeatedly().build()
}

pub(crate) fn role(rules: &[&Rule]) -> AssumedRole {
    let client = mock_client!(aws_sdk_sts, RuleMode::MatchAny, rules, |config| config.retry_config(quick()));
    AssumedRole::new(client, arn(ROLE))
}

fn arn(role: &str) -> RoleArn {
    role.parse().unwrap()
}

/// An error and all its causes, as they are shown and as they are debugged.
fn told(error: &Error) -> String {
    let mut text = String::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        write!(text, "{error} {error:?} ").unwrap();
        next = error.source();
    }
    text
}
