//! One role: how it is assumed, when again, and what its refusal becomes.

use std::time::Duration;

use aws_sdk_sts::Client;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use segment_export::object_store::CredentialProvider;
use segment_export::plan::destination::Location;
use segment_export::{AssumedRole, ErrorKind};

use super::{ARN, CANARY, ROLE, arn, quick, role, sessions, told};

const HOUR: Duration = Duration::from_hours(1);

/// A body as STS answers it.
fn failure(code: &str) -> String {
    let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{CANARY}</Message>");
    format!("<ErrorResponse><Error>{error}</Error><RequestId>0a-1</RequestId></ErrorResponse>")
}

#[tokio::test]
async fn a_role_is_assumed_with_the_words_of_the_operator_and_for_one_place() {
    let sts = mock!(Client::assume_role)
        .match_requests(|request| {
            let policy = request.policy().unwrap();
            request.role_arn() == Some(ROLE)
                && request.role_session_name() == Some("of-a-test")
                && request.external_id() == Some(CANARY)
                && policy.contains(ARN)
                && policy.contains("arn:aws:s3:::exports/gold/*")
        })
        .then_error(|| {
            use aws_sdk_sts::operation::assume_role::AssumeRoleError;
            use aws_sdk_sts::types::error::RegionDisabledException;
            AssumeRoleError::RegionDisabledException(RegionDisabledException::builder().build())
        });
    let role = role(&[&sts]).with_session_name("of-a-test").with_external_id(CANARY);
    let place = Location::parse("s3://exports/gold").unwrap();
    let role = role.limited_to(&place, &[ARN.parse().unwrap()]).unwrap();
    let error = role.credentials().await.unwrap_err();
    assert_eq!(sts.num_calls(), 1);
    assert!(!format!("{role:?} {}", told(&error)).contains(CANARY), "the external id is shown nowhere");
}

#[tokio::test]
async fn one_session_serves_all_who_ask() {
    let sts = sessions(HOUR);
    let role = role(&[&sts]);
    let asking =
        (0..20).map(|_| role.clone()).map(|role| async move { role.get_credential().await.unwrap() });
    let answers = futures::future::join_all(asking).await;
    assert!(answers.iter().all(|answer| answer.token.as_deref() == Some("session-1")));
    assert_eq!(sts.num_calls(), 1);
}

#[tokio::test]
async fn a_session_is_renewed_five_minutes_before_it_ends() {
    for (life, calls) in [(Duration::from_secs(299), 3), (Duration::from_secs(330), 1)] {
        let sts = sessions(life);
        let role = role(&[&sts]);
        for _ in 0..3 {
            role.credentials().await.unwrap();
        }
        assert_eq!(sts.num_calls(), calls, "{life:?}");
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_used_to_its_end() {
    for (life, goes_on) in [(Duration::from_secs(200), true), (Duration::from_secs(20), false)] {
        let (first, second) = (sessions(life), mock!(Client::assume_role));
        let second =
            second.sequence().http_status(503, Some(failure("ServiceUnavailable"))).repeatedly().build();
        let client = mock_client!(aws_sdk_sts, RuleMode::Sequential, [&first, &second], |config| config
            .retry_config(quick()));
        let role = AssumedRole::new(client, arn(ROLE));
        role.credentials().await.unwrap();
        for _ in 0..2 {
            assert_eq!(role.credentials().await.is_ok(), goes_on, "{life:?}");
        }
        if goes_on {
            assert_eq!(second.num_calls(), 3, "one renewal was tried, and no other right after it");
        }
    }
}

#[tokio::test]
async fn what_sts_refuses_has_the_kind_of_its_code_and_none_of_its_words() {
    use ErrorKind::{AccessDenied, BadRequest, Internal, Throttling};
    for (code, status, kind) in [
        ("AccessDenied", 403, AccessDenied),
        ("InvalidClientTokenId", 403, AccessDenied),
        ("ExpiredToken", 403, AccessDenied),
        ("SignatureDoesNotMatch", 403, AccessDenied),
        ("ValidationError", 400, BadRequest),
        ("MalformedPolicyDocument", 400, BadRequest),
        ("Throttling", 400, Throttling),
        ("InternalFailure", 500, Internal),
    ] {
        let sts = mock!(Client::assume_role).sequence().http_status(status, Some(failure(code))).repeatedly();
        let error = role(&[&sts.build()]).credentials().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
        let told = told(&error);
        assert!(told.contains(code) && told.contains(ROLE) && !told.contains(CANARY), "{told}");
    }
}
