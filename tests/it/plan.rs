//! Requests become plans: every constraint of the API, and every way out of a destination.

use std::path::{Component, Path};

use proptest::prelude::*;
use segment_export::api::{CreateSegmentSnapshotRequest, GetSegmentSnapshotRequest};
use segment_export::plan::destination::{Location, Scheme};
use segment_export::plan::{DomainName, Format, KeyId, Plan, RoleArn, SnapshotId, SnapshotKey};
use segment_export::{Error, ErrorKind};

fn request() -> CreateSegmentSnapshotRequest {
    CreateSegmentSnapshotRequest {
        domain_name: "shop".to_owned(),
        segment_definition_name: "gold-members_2".to_owned(),
        data_format: "JSONL".to_owned(),
        destination_uri: Some("s3://exports/gold/".to_owned()),
        encryption_key: None,
        role_arn: None,
    }
}

fn with(change: impl FnOnce(&mut CreateSegmentSnapshotRequest)) -> CreateSegmentSnapshotRequest {
    let mut request = request();
    change(&mut request);
    request
}

#[track_caller]
fn assert_names(error: &Error, field: &str, value: &str) {
    assert_eq!(error.kind(), ErrorKind::BadRequest, "{error}");
    assert!(error.to_string().starts_with(&format!("{field} ")), "{error}");
    assert!(value.len() < 8 || !error.to_string().contains(value), "shows the value: {error}");
}

#[test]
fn a_request_becomes_a_plan() {
    let plan = Plan::try_from(&request()).unwrap();
    assert_eq!((plan.domain.as_str(), plan.segment.as_str()), ("shop", "gold-members_2"));
    assert_eq!((plan.format, plan.encryption_key, plan.role), (Format::Jsonl, None, None));
    assert_eq!(plan.destination.to_string(), "s3://exports/gold");
}

#[test]
fn a_key_and_a_role_are_part_of_the_plan() {
    let role = "arn:aws:iam::123456789012:role/export";
    let plan = Plan::try_from(&with(|r| {
        r.encryption_key = Some("alias/export".to_owned());
        r.role_arn = Some(role.to_owned());
    }))
    .unwrap();
    assert_eq!(plan.encryption_key.unwrap().as_str(), "alias/export");
    assert_eq!(plan.role.unwrap().as_str(), role);
    let empty = Plan::try_from(&with(|r| r.encryption_key = Some(String::new()))).unwrap();
    assert_eq!(empty.encryption_key, None, "the empty key means no key");
}

#[test]
fn each_broken_constraint_names_its_field_and_not_the_value() {
    let names = ["", "white space", "a/../b", "naïve", "percent%20", &"n".repeat(65)];
    for bad in names {
        let error = Plan::try_from(&with(|r| r.domain_name = bad.to_owned())).unwrap_err();
        assert_names(&error, "DomainName", bad);
        let error = Plan::try_from(&with(|r| r.segment_definition_name = bad.to_owned())).unwrap_err();
        assert_names(&error, "SegmentDefinitionName", bad);
    }
    for bad in ["", "csv", "PARQUET", "CSV "] {
        let error = Plan::try_from(&with(|r| r.data_format = bad.to_owned())).unwrap_err();
        assert_names(&error, "DataFormat", bad);
    }
    for bad in ["", "exports/gold", &format!("s3://exports/{}", "d".repeat(243))] {
        let error = Plan::try_from(&with(|r| r.destination_uri = Some(bad.to_owned()))).unwrap_err();
        assert_names(&error, "DestinationUri", bad);
    }
    let error = Plan::try_from(&with(|r| r.encryption_key = Some("k".repeat(256)))).unwrap_err();
    assert_names(&error, "EncryptionKey", "kkkkkkkk");
}

#[test]
fn lengths_are_counted_in_characters() {
    let uri = format!("s3://exports/{}", "é".repeat(242));
    assert!(Plan::try_from(&with(|r| r.destination_uri = Some(uri))).is_ok(), "255 characters");
    assert!("ü".repeat(255).parse::<KeyId>().is_ok());
    assert!(["n".repeat(64), "N".to_owned()].iter().all(|name| name.parse::<DomainName>().is_ok()));
}

#[test]
fn a_request_without_a_destination_goes_to_the_default() {
    let request = with(|r| r.destination_uri = None);
    assert_names(&Plan::try_from(&request).unwrap_err(), "DestinationUri", "required s3:");
    let default = Location::parse_uri("gs://fallback/all").unwrap();
    let plan = Plan::with_default_destination(&request, Some(&default)).unwrap();
    assert_eq!(plan.destination, default);
}

#[test]
fn a_role_is_an_arn_from_its_first_to_its_last_character() {
    let good = [
        "arn:aws:iam::123456789012:role/export",
        "arn:aws-us-gov:iam::1:role/a/b",
        "arn:aws:iam:any:where:0:x",
        "arn:aws:iam::1:role/with:colons:2:too",
    ];
    for role in good {
        assert_eq!(role.parse::<RoleArn>().unwrap().to_string(), role);
    }
    let long = format!("arn:aws:iam::123456789012:role/{}", "r".repeat(482));
    assert_eq!(long.len(), 513);
    let bad = [
        "",
        "role/export",
        " arn:aws:iam::123456789012:role/export",
        "see arn:aws:iam::123456789012:role/export",
        "arn:aws:iam::123456789012:role/export\n",
        "arn:aws:iam::123456789012:",
        "arn:aws:iam:123456789012:role/export",
        "arn:aws:iam::12345678901x:role/export",
        "arn:aws:sts::123456789012:role/export",
        "arn:AWS:iam::123456789012:role/export",
        &long,
    ];
    for role in bad {
        assert_names(&role.parse::<RoleArn>().unwrap_err(), "RoleArn", role);
    }
}

#[test]
fn a_snapshot_is_asked_for_by_three_names() {
    let id = "0f112233445566778899aabbccddeeff";
    let request = GetSegmentSnapshotRequest {
        domain_name: "shop".to_owned(),
        segment_definition_name: "gold".to_owned(),
        snapshot_id: id.to_owned(),
    };
    let key = SnapshotKey::try_from(&request).unwrap();
    assert_eq!((key.snapshot_id.to_string().as_str(), key.segment.as_str()), (id, "gold"));
    for bad in [
        "",
        "0F112233445566778899AABBCCDDEEFF",
        &id[1..],
        &format!("{id}0"),
        "g0112233445566778899aabbccddeeff",
    ] {
        let request = GetSegmentSnapshotRequest { snapshot_id: bad.to_owned(), ..request.clone() };
        assert_names(&SnapshotKey::try_from(&request).unwrap_err(), "SnapshotId", bad);
    }
}

#[test]
fn names_pass_through_json_and_wrong_ones_do_not() {
    let id = SnapshotId::from_bytes([0xa5; 16]);
    let text = serde_json::to_string(&id).unwrap();
    assert_eq!(text, format!("\"{}\"", "a5".repeat(16)));
    assert_eq!(serde_json::from_str::<SnapshotId>(&text).unwrap(), id);
    assert_eq!(serde_json::from_str::<DomainName>("\"shop\"").unwrap().to_string(), "shop");
    assert!(serde_json::from_str::<DomainName>("\"../shop\"").is_err());
}

#[test]
fn the_listed_schemes_parse() {
    let object = |uri: &str| {
        let Location::Object(object) = Location::parse_uri(uri).unwrap() else { panic!("{uri} is no path") };
        (object.scheme(), object.container().to_owned(), object.key().to_owned())
    };
    let is = |scheme, container: &str, key: &str| (scheme, container.to_owned(), key.to_owned());
    assert_eq!(object("s3://my.bucket-1"), is(Scheme::S3, "my.bucket-1", ""));
    assert_eq!(object("gs://b_1/"), is(Scheme::Gs, "b_1", ""));
    assert_eq!(object("az://c/a/b%20c/d/"), is(Scheme::Az, "c", "a/b c/d"));
    assert_eq!(object("s3://b/100%25/%C3%BC/ü"), is(Scheme::S3, "b", "100%/ü/ü"));
    assert_eq!(Location::parse_uri("file:///var/a%20b/").unwrap(), Location::Local("/var/a b".into()));
    assert_eq!(Location::parse_uri("file:///").unwrap(), Location::Local("/".into()));
}

#[test]
fn a_uri_that_says_more_than_a_place_is_refused() {
    let cases = [
        ("", "must begin with"),
        ("exports/gold", "must begin with"),
        ("http://b/a", "must begin with"),
        ("S3://b/a", "must begin with"),
        (" s3://b/a", "must begin with"),
        ("file://", "must begin with"),
        ("file://host/a", "must not name a host"),
        ("s3://", "must name a bucket"),
        ("s3:///a", "must name a bucket"),
        ("s3://user:word@b/a", "must not hold user information"),
        ("s3://b:443/a", "must name a bucket"),
        ("s3://b%2e/a", "must name a bucket"),
        ("s3://../a", "must name a bucket"),
        ("s3://b/a?x=1", "must not have a query"),
        ("s3://b?x", "must not have a query"),
        ("s3://b/a#x", "must not have a fragment"),
        ("s3://b/a\nb", "must not hold a control"),
        ("s3://b/a%0ab", "must not hold a control"),
        ("s3://b/a%00", "must not hold a control"),
        ("s3://b/a%C2%85", "must not hold a control"),
        ("s3://b//a", "must not have an empty segment"),
        ("s3://b/a//", "must not have an empty segment"),
        ("s3://b/../a", "must not have a segment"),
        ("s3://b/a/.", "must not have a segment"),
        ("s3://b/a/..", "must not have a segment"),
        ("s3://b/a/../", "must not have a segment"),
        ("s3://b/%2e%2E/a", "must not have a segment"),
        ("s3://b/.%2e/a", "must not have a segment"),
        ("s3://b/%252e%252e/a", "must not have a segment"),
        ("s3://b/%25252e/a", "must not have a segment"),
        ("s3://b/a%2f..%2fb", "must not hold an encoded slash"),
        ("s3://b/a%252fb", "must not hold an encoded slash"),
        ("s3://b/a\\..\\b", "must not hold a backslash"),
        ("s3://b/a%5cb", "must not hold a backslash"),
        ("s3://b/a%2", "must be UTF-8 in valid percent-encoding"),
        ("s3://b/a%zz", "must be UTF-8 in valid percent-encoding"),
        ("s3://b/%ff", "must be UTF-8 in valid percent-encoding"),
        ("file:///a/../b", "must not have a segment"),
        ("file:///a/%2e%2e/b", "must not have a segment"),
    ];
    for (uri, rule) in cases {
        let error = Location::parse_uri(uri).unwrap_err();
        assert_names(&error, "DestinationUri", uri);
        assert!(error.to_string().contains(rule), "{uri:?}: {error}");
    }
}

#[test]
fn what_has_no_scheme_is_a_path() {
    for path in ["out", "./out", "../out", "/var/out", "C:\\out", "s3:/out", "a b?c#d", "out/://x"] {
        assert_eq!(Location::parse(path).unwrap(), Location::Local(path.into()));
    }
    assert_eq!(Location::parse("s3://b/a").unwrap(), Location::parse_uri("s3://b/a").unwrap());
    for bad in ["", "ftp://b/a", "s3://b/../a"] {
        assert_names(&Location::parse(bad).unwrap_err(), "location", bad);
    }
}

#[test]
fn the_last_segment_is_the_name() {
    let name = |text: &str| Location::parse(text).unwrap().name().map(str::to_owned);
    assert_eq!(name("s3://b/a/c%20d").as_deref(), Some("c d"));
    assert_eq!(name("/var/out/").as_deref(), Some("out"));
    assert_eq!((name("s3://b"), name("/"), name("..")), (None, None, None));
}

/// Pieces that URIs are made of, and that ways out of them are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("/".to_owned()),
        2 => Just("..".to_owned()),
        2 => "[a-z]{1,3}",
        1 => prop::sample::select(vec![
            ".", "%2e", "%2E%2e", "%252e", "%25", "%2f", "%252F", "%5c", "\\", "%00", "%0a", " ", "%20", "@", ":", "?",
            "#", "%", "~", "é", "%C3%A9", "\u{2028}", "{", "|",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_uri_leaves_its_prefix(rest in pieces()) {
        if let Ok(Location::Local(path)) = Location::parse_uri(&format!("file:///base/{rest}")) {
            prop_assert!(path.starts_with("/base"));
            prop_assert!(path.components().skip(1).all(|c| matches!(c, Component::Normal(_))), "{path:?}");
        }
        if let Ok(Location::Object(object)) = Location::parse_uri(&format!("s3://bucket/base/{rest}")) {
            prop_assert_eq!(object.container(), "bucket");
            prop_assert!(Path::new(object.key()).starts_with("base"));
            let plain = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(char::is_control);
            prop_assert!(object.key().split('/').all(plain), "{:?}", object.key());
        }
    }

    #[test]
    fn a_place_that_is_printed_parses_to_itself(rest in pieces(), prefix in prop::sample::select(
        vec!["", "/", "s3://b", "s3://b/", "gs://b/a", "az://", "file:///", "file://"],
    )) {
        let text = format!("{prefix}{rest}");
        if let Ok(location) = Location::parse_uri(&text) {
            prop_assert_eq!(&Location::parse_uri(&location.to_string()).unwrap(), &location);
        }
        if let Ok(location) = Location::parse(&text) {
            prop_assert_eq!(&Location::parse(&location.to_string()).unwrap(), &location);
        }
    }
}
