use super::*;

#[cfg(any(feature = "aws", feature = "azure", not(feature = "gcp")))]
fn bucket(scheme: Scheme) -> ObjectLocation {
    ObjectLocation { scheme, container: "bucket".to_owned(), key: String::new() }
}

#[cfg(feature = "aws")]
#[test]
fn options_of_other_stores_are_passed_over() {
    let options = StoreOptions::from_pairs([
        ("AWS_REGION", "eu-central-1"),
        ("azure_storage_account_name", "other"),
        ("aws_profile", "default"),
    ]);
    let client = connect(&bucket(Scheme::S3), &options, &RetrySettings::default()).unwrap();
    assert_eq!(client.root, "s3://bucket");
}

#[cfg(feature = "aws")]
#[test]
fn s3_itself_gets_checksums_and_what_speaks_its_protocol_where_it_is_asked_to() {
    use object_store::aws::AmazonS3ConfigKey::{Checksum, UnsignedPayload};

    let chosen = |pairs: &[(&str, &str)]| {
        let options = StoreOptions::from_pairs(pairs.iter().copied());
        // The options themselves are taken elsewhere.
        let builder = with_checksums(AmazonS3Builder::new(), &options);
        [Checksum, UnsignedPayload].map(|key| builder.get_config_value(&key))
    };
    let own =
        |checksum: Option<&str>, unsigned: &str| [checksum, Some(unsigned)].map(|v| v.map(str::to_owned));
    assert_eq!(chosen(&[("aws_region", "eu-central-1")]), own(Some("crc64nvme"), "true"));
    assert_eq!(chosen(&[("AWS_ENDPOINT_URL_S3", "https://example.com")]), own(None, "false"));
    assert_eq!(chosen(&[("aws_checksum_algorithm", "sha256")]), own(None, "false"));
    assert_eq!(chosen(&[("aws_unsigned_payload", "false")]), own(Some("crc64nvme"), "false"));
}

#[cfg(feature = "azure")]
#[test]
fn options_that_do_not_make_a_client_are_a_bad_request_without_values() {
    let options = StoreOptions::from_pairs([("azure_storage_sas_key", "s3cret")]);
    let error = connect(&bucket(Scheme::Az), &options, &RetrySettings::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[cfg(not(feature = "gcp"))]
#[test]
fn a_store_that_is_not_built_in_names_its_feature() {
    let error = connect(&bucket(Scheme::Gs), &StoreOptions::default(), &RetrySettings::default());
    assert_eq!(error.unwrap_err().to_string(), "gs:// without the feature `gcp` is not available yet");
}
