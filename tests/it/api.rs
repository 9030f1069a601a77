//! The wire shapes: names, members left out, the schema of a profile, and what `Debug` shows.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field};
use arrow::json::ReaderBuilder;
use segment_export::api::{
    Address, ContactPreference, CreateSegmentSnapshotRequest, EngagementPreferences, FoundByItem,
    GetSegmentSnapshotResponse, Profile, SnapshotStatus,
};
use serde::Serialize;
use serde_json::{Value, json};

#[expect(clippy::unnecessary_wraps, reason = "every member is optional")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn address(city: &str) -> Address {
    Address {
        address1: some("secret street"),
        address2: some("secret unit"),
        address3: some("secret gate"),
        address4: some("secret box"),
        city: some(city),
        county: some("secret county"),
        state: some("secret state"),
        province: some("secret province"),
        country: some("secret country"),
        postal_code: some("secret code"),
    }
}

fn contact(value: &str) -> Vec<ContactPreference> {
    vec![ContactPreference {
        key_name: some("secret name"),
        key_value: some(value),
        profile_id: some("secret id"),
        contact_type: some("secret type"),
    }]
}

/// A profile with every member set. It is written without `..default()`: a new member must come here too.
fn full() -> Profile {
    Profile {
        profile_id: some("secret 1"),
        account_number: some("secret 2"),
        additional_information: some("secret 3"),
        party_type: some("secret 4"),
        business_name: some("secret 5"),
        first_name: some("secret 6"),
        middle_name: some("secret 7"),
        last_name: some("secret 8"),
        birth_date: some("secret 9"),
        gender: some("secret 10"),
        phone_number: some("secret 11"),
        mobile_phone_number: some("secret 12"),
        home_phone_number: some("secret 13"),
        business_phone_number: some("secret 14"),
        email_address: some("secret 15"),
        personal_email_address: some("secret 16"),
        business_email_address: some("secret 17"),
        address: Some(address("secret city 1")),
        shipping_address: Some(address("secret city 2")),
        mailing_address: Some(address("secret city 3")),
        billing_address: Some(address("secret city 4")),
        attributes: Some(BTreeMap::from([("secret key".to_owned(), "secret 18".to_owned())])),
        found_by_items: Some(vec![FoundByItem {
            key_name: some("secret 19"),
            values: Some(vec!["secret 20".to_owned()]),
        }]),
        party_type_string: some("secret 21"),
        gender_string: some("secret 22"),
        profile_type: some("secret 23"),
        engagement_preferences: Some(EngagementPreferences {
            phone: Some(contact("secret 24")),
            email: Some(contact("secret 25")),
        }),
    }
}

#[test]
fn the_schema_names_every_member_of_the_json_in_its_order() {
    fn check(value: &Value, field: &Field) {
        match (value, field.data_type()) {
            (Value::String(_), DataType::Utf8) => {}
            (Value::Array(items), DataType::List(item)) => check(&items[0], item),
            (Value::Object(entries), DataType::Map(entry, _)) => {
                let DataType::Struct(fields) = entry.data_type() else { panic!("{entry:?}") };
                entries.values().for_each(|value| check(value, &fields[1]));
            }
            (Value::Object(members), DataType::Struct(fields)) => {
                let names: BTreeSet<_> = fields.iter().map(|field| field.name()).collect();
                assert_eq!(members.keys().collect::<BTreeSet<_>>(), names);
                fields.iter().for_each(|field| check(&members[field.name()], field));
            }
            (value, other) => panic!("{} is {other:?}, not {value}", field.name()),
        }
    }

    let schema = Profile::schema();
    let root = Field::new("", DataType::Struct(schema.fields().clone()), false);
    check(&serde_json::to_value(full()).unwrap(), &root);

    let text = serde_json::to_string(&full()).unwrap();
    let at: Vec<_> = schema.fields().iter().map(|f| text.find(&format!("\"{}\":", f.name()))).collect();
    assert!(at.is_sorted() && at[0].is_some(), "members come in the order of the schema");
}

#[test]
fn profiles_become_a_batch_through_the_serde_decoder() {
    let profiles = [full(), Profile::default(), Profile { first_name: some("Zoë"), ..Profile::default() }];
    let batch = batch_of(&profiles);
    assert_eq!((batch.num_rows(), batch.num_columns()), (3, 27));

    let text = |name: &str, row: usize| {
        let column = batch.column_by_name(name).unwrap().as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    assert_eq!([0, 1, 2].map(|row| text("FirstName", row)), [some("secret 6"), None, some("Zoë")]);

    let city = |name: &str| {
        let addresses = batch.column_by_name(name).unwrap().as_struct();
        assert!(addresses.is_valid(0) && addresses.is_null(1));
        addresses.column_by_name("City").unwrap().as_string::<i32>().value(0).to_owned()
    };
    assert_eq!(city("BillingAddress"), "secret city 4");

    let attributes = batch.column_by_name("Attributes").unwrap().as_map().value(0);
    assert_eq!(attributes.column(0).as_string::<i32>().value(0), "secret key");
    assert_eq!(attributes.column(1).as_string::<i32>().value(0), "secret 18");

    let found = batch.column_by_name("FoundByItems").unwrap().as_list::<i32>().value(0);
    let values = found.as_struct().column_by_name("Values").unwrap().as_list::<i32>().value(0);
    assert_eq!(values.as_string::<i32>().value(0), "secret 20");
}

fn batch_of<T: Serialize>(rows: &[T]) -> RecordBatch {
    let mut decoder = ReaderBuilder::new(Profile::schema()).with_strict_mode(true).build_decoder().unwrap();
    decoder.serialize(rows).unwrap();
    decoder.flush().unwrap().unwrap()
}

#[test]
fn a_profile_comes_back_from_its_json() {
    let text = serde_json::to_string(&full()).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), full());
    let newer: Profile = serde_json::from_str(r#"{"ProfileId":"1","MemberOfTomorrow":{"A":[1]}}"#).unwrap();
    assert_eq!(newer, Profile { profile_id: some("1"), ..Profile::default() });
}

#[test]
fn debug_names_what_is_set_and_shows_no_value() {
    let shown = format!("{:?} {:#?} {:?}", full(), full(), full().address);
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("FirstName") && shown.contains("Attributes"), "{shown}");
    assert_eq!(format!("{:?}", Profile::default()), "Profile { set: [] }");
}

#[test]
fn members_that_are_not_set_are_left_out() {
    assert_eq!(serde_json::to_value(Profile::default()).unwrap(), json!({}));
    let answer = GetSegmentSnapshotResponse {
        snapshot_id: "00112233445566778899aabbccddeeff".to_owned(),
        data_format: "ORC".to_owned(),
        ..GetSegmentSnapshotResponse::default()
    };
    assert_eq!(
        serde_json::to_value(&answer).unwrap(),
        json!({"SnapshotId": "00112233445566778899aabbccddeeff", "Status": "IN_PROGRESS", "DataFormat": "ORC"})
    );
}

#[test]
fn a_status_has_one_name_in_text_and_json() {
    for status in [SnapshotStatus::InProgress, SnapshotStatus::Completed, SnapshotStatus::Failed] {
        assert_eq!(serde_json::to_value(status).unwrap(), json!(status.to_string()));
    }
}

#[test]
fn a_request_body_without_its_labels_parses() {
    let body = r#"{"DataFormat": "CSV", "EncryptionKey": "", "Unknown": 1}"#;
    let request: CreateSegmentSnapshotRequest = serde_json::from_str(body).unwrap();
    assert_eq!(
        request,
        CreateSegmentSnapshotRequest {
            data_format: "CSV".to_owned(),
            encryption_key: some(""),
            ..CreateSegmentSnapshotRequest::default()
        }
    );
}
