//! The codes by which the services of AWS say what is wrong, and the kinds that they are of.

use super::ErrorKind;

/// The kind of a code; `None` for one that says nothing by itself.
pub(super) fn code_kind(code: &str) -> Option<ErrorKind> {
    // S3 says so of a key that it was told to encrypt by.
    match code.strip_prefix("KMS.").unwrap_or(code) {
        "NotFoundException" | "NoSuchBucket" => Some(ErrorKind::ResourceNotFound),
        "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "InvalidArnException"
        | "ValidationException"
        | "ValidationError"
        | "IncorrectKeyException"
        | "InvalidCiphertextException"
        | "MalformedPolicyDocument"
        | "PackedPolicyTooLarge" => Some(ErrorKind::BadRequest),
        "AccessDenied"
        | "AccessDeniedException"
        | "InvalidGrantTokenException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidToken"
        | "UnrecognizedClientException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "RegionDisabledException" => Some(ErrorKind::AccessDenied),
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown" => Some(ErrorKind::Throttling),
        "KeyUnavailableException" | "DependencyTimeoutException" | "KMSInternalException" => {
            Some(ErrorKind::Internal)
        }
        _ => None,
    }
}
