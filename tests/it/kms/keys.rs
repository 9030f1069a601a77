//! One wrapping key: what is asked of KMS, what is believed of its answers, and what its errors become.

use aws_sdk_kms::Client;
use aws_sdk_kms::operation::decrypt::DecryptOutput;
use aws_sdk_kms::operation::encrypt::EncryptOutput;
use aws_sdk_kms::operation::generate_data_key::GenerateDataKeyOutput;
use aws_sdk_kms::primitives::Blob;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use segment_export::ErrorKind;
use segment_export::seal::{EncryptionContext, KeyProvider, Keys, KmsKey, Message, Suite, WrappedKey};

use super::{ARN, CANARY, data_keys, failure, key, kms, opening, quick, told};
use crate::support::keys::{local_key, opened};

const OTHER: &str = "arn:aws:kms:us-east-1:111122223333:key/99999999-12ab-34cd-56ef-1234567890ab";

fn context() -> EncryptionContext {
    EncryptionContext::new([("segment", CANARY), ("object", "part-0")]).unwrap()
}

fn wrapped(arn: &str) -> WrappedKey {
    WrappedKey { provider: "aws-kms".into(), info: arn.into(), ciphertext: b"wrapped".to_vec() }
}

#[tokio::test]
async fn a_data_key_is_asked_for_under_the_context_and_named_by_the_arn() {
    let rule = mock!(Client::generate_data_key)
        .match_requests(|request| {
            let context = request.encryption_context().unwrap();
            request.key_id() == Some("alias/exports")
                && request.key_spec().is_some_and(|spec| spec.as_str() == "AES_256")
                && context.len() == 2
                && context["segment"] == CANARY
                && context["object"] == "part-0"
        })
        .then_output(|| {
            let output = GenerateDataKeyOutput::builder().key_id(ARN).plaintext(Blob::new([7; 32]));
            output.ciphertext_blob(Blob::new("wrapped")).build()
        });
    let key = KmsKey::new(kms(&[&rule]), &"alias/exports".parse().unwrap()).unwrap();
    assert_eq!(key.key_id(), "alias/exports");
    let new = key.generate_key(&context()).await.unwrap();
    assert_eq!(new.wrapped, wrapped(ARN));
    assert_eq!(new.key.as_bytes(), &[7; 32]);
    assert_eq!(key.key_id(), ARN, "what the manifest names");
    assert!(!format!("{key:?} {new:?}").contains("7, 7"));
}

#[tokio::test]
async fn a_further_key_wraps_what_the_first_one_made() {
    let encrypt = mock!(Client::encrypt)
        .match_requests(|request| {
            request.key_id() == Some(ARN)
                && request.plaintext().is_some_and(|key| key.as_ref().len() == 32)
                && request.encryption_context().is_some_and(|context| context.len() == 2)
        })
        .then_output(|| EncryptOutput::builder().key_id(ARN).ciphertext_blob(Blob::new("wrapped")).build());
    let keys = Keys::new(local_key(1)).with_further(key(&[&encrypt]));
    let (_, found) = keys.generate(&context()).await.unwrap();
    assert_eq!((found.len(), &found[1]), (2, &wrapped(ARN)));
}

#[tokio::test]
async fn a_message_is_opened_by_the_key_that_sealed_it() {
    let keys = Keys::new(key(&[&data_keys(ARN), &opening()]));
    let message = Message::begin(&keys, &context(), Suite::Committing, 1_000).await.unwrap();
    let mut sealed = Vec::new();
    message.seal(b"Zo\xc3\xab", &mut sealed).unwrap();
    assert_eq!(opened(&sealed, &keys).await.unwrap().0, b"Zo\xc3\xab");
    let needle = [b"\x00\x07aws-kms\x00\x4b".as_slice(), ARN.as_bytes()].concat();
    assert!(sealed.windows(needle.len()).any(|window| window == needle), "as the SDKs look for it");
}

#[tokio::test]
async fn a_data_key_of_another_key_is_not_asked_for() {
    let rule = opening();
    let key = key(&[&rule]);
    for other in [wrapped(OTHER), WrappedKey { provider: "segment-export".into(), ..wrapped(ARN) }] {
        assert!(key.unwrap_key(&other, &context()).await.unwrap().is_none(), "{other:?}");
    }
    assert_eq!(rule.num_calls(), 0);
}

#[tokio::test]
async fn the_key_that_opens_is_pinned() {
    let decrypt = mock!(Client::decrypt)
        .match_requests(|request| request.key_id() == Some(ARN))
        .then_output(|| DecryptOutput::builder().key_id(OTHER).plaintext(Blob::new([7; 32])).build());
    let error = key(&[&decrypt]).unwrap_key(&wrapped(ARN), &context()).await.unwrap_err();
    assert!(told(&error).contains("names another key"), "{error:?}");
    let error = key(&[&data_keys(OTHER)]).generate_key(&context()).await.unwrap_err();
    assert!(told(&error).contains("names another key"), "{error:?}");
}

#[tokio::test]
async fn an_alias_of_another_key_is_none_of_a_message() {
    let rule =
        mock!(Client::decrypt).sequence().http_status(400, Some(failure("IncorrectKeyException"))).build();
    let alias = KmsKey::new(kms(&[&rule]), &"alias/exports".parse().unwrap()).unwrap();
    assert!(alias.unwrap_key(&wrapped(ARN), &context()).await.unwrap().is_none());
    let rule = opening();
    let alias = KmsKey::new(kms(&[&rule]), &"alias/exports".parse().unwrap()).unwrap();
    assert!(alias.unwrap_key(&wrapped(ARN), &context()).await.unwrap().is_some());
    assert!(alias.unwrap_key(&wrapped(OTHER), &context()).await.is_err(), "KMS opened by another key");
}

#[tokio::test]
async fn an_alias_that_is_moved_ends_the_export() {
    let moved = "arn:aws:kms:us-east-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab";
    let (first, second) = (data_keys(ARN), data_keys(moved));
    let client = mock_client!(aws_sdk_kms, RuleMode::Sequential, [&first, &second]);
    let key = KmsKey::new(client, &"alias/exports".parse().unwrap()).unwrap();
    key.generate_key(&context()).await.unwrap();
    let error = key.generate_key(&context()).await.unwrap_err();
    assert!(told(&error).contains("the alias was moved"), "{error:?}");
}

#[tokio::test]
async fn what_kms_refuses_has_the_kind_of_its_code_and_none_of_its_words() {
    use ErrorKind::{AccessDenied, BadRequest, Internal, ResourceNotFound, Throttling};
    for (code, status, kind, calls) in [
        ("NotFoundException", 400, ResourceNotFound, 1),
        ("DisabledException", 400, BadRequest, 1),
        ("KMSInvalidStateException", 400, BadRequest, 1),
        ("InvalidKeyUsageException", 400, BadRequest, 1),
        ("ValidationException", 400, BadRequest, 1),
        ("AccessDeniedException", 400, AccessDenied, 1),
        ("InvalidGrantTokenException", 400, AccessDenied, 1),
        ("UnrecognizedClientException", 400, AccessDenied, 1),
        ("InvalidSignatureException", 403, AccessDenied, 1),
        ("SomethingNew", 403, AccessDenied, 1),
        ("ThrottlingException", 400, Throttling, 3),
        ("SlowDown", 503, Throttling, 3),
        ("KeyUnavailableException", 500, Internal, 3),
        ("DependencyTimeoutException", 500, Internal, 3),
        ("KMSInternalException", 500, Internal, 3),
    ] {
        let rule = mock!(Client::generate_data_key).sequence().http_status(status, Some(failure(code)));
        let rule = rule.repeatedly().build();
        let error = key(&[&rule]).generate_key(&context()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
        assert_eq!(rule.num_calls(), calls, "{code}: attempts");
        assert_eq!(error.is_retryable(), matches!(kind, Throttling | Internal), "{code}");
        let told = told(&error);
        assert!(told.contains(code) && told.contains(ARN) && !told.contains(CANARY), "{told}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_judged_by_its_status() {
    let body = format!("<Error><Code>AccessDenied</Code><Message>{CANARY}</Message></Error>");
    let rule = mock!(Client::generate_data_key).sequence().http_status(403, Some(body)).repeatedly().build();
    let error = key(&[&rule]).generate_key(&context()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(!told(&error).contains(CANARY), "{error:?}");
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_internal() {
    let config = aws_sdk_kms::Config::builder()
        .with_test_defaults_v2()
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(quick())
        .build();
    let key = KmsKey::new(Client::from_conf(config), &ARN.parse().unwrap()).unwrap();
    let error = key.generate_key(&context()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error:?}");
    assert!(told(&error).contains("the service did not answer"), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_a_key_is_no_key() {
    for length in [0, 31, 33] {
        let rule = mock!(Client::generate_data_key).then_output(move || {
            let output = GenerateDataKeyOutput::builder().key_id(ARN).ciphertext_blob(Blob::new("wrapped"));
            output.plaintext(Blob::new(vec![7; length])).build()
        });
        let error = key(&[&rule]).generate_key(&context()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{length}");
    }
}

#[test]
fn what_names_no_key_of_kms_is_refused_and_not_repeated() {
    let clear = "5a".repeat(32);
    let error = KmsKey::new(kms(&[]), &clear.parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(!told(&error).contains("5a5a"), "{error:?}");
}
