#[cfg(feature = "gcp")]
mod gcs;

use segment_export::StoreOptions;

#[test]
fn options_do_not_show_their_values() {
    let options =
        StoreOptions::from_pairs([("aws_secret_access_key", "s3cret"), ("AWS_REGION", "eu-west-1")]);
    let text = format!("{options:?}");
    assert!(text.contains("aws_secret_access_key") && text.contains("aws_region"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("eu-west-1"), "{text}");
}

#[test]
fn of_two_options_with_one_key_the_later_counts() {
    let twice = StoreOptions::from_pairs([("aws_region", "a"), ("AWS_REGION", "b")]);
    assert_eq!(twice, StoreOptions::from_pairs([("aws_region", "b")]));
}
