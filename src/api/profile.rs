//! A customer profile as the service writes it, and its Arrow schema.
//!
//! The exporter is not limited to this shape: any schema is a profile. Each member is written down once;
//! the JSON, the schema and `Debug` follow from it.
//!
//! Invariant: `Debug` names the members that are set and shows no value, not even the free keys of
//! `Attributes`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

/// A struct whose members are all optional strings, lists, maps or such structs.
macro_rules! wire_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$doc:meta])* $member:ident: $type:ty = $wire:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[expect(clippy::exhaustive_structs, reason = "callers write literals that end in `..default()`")]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(rename = $wire, skip_serializing_if = "Option::is_none")]
                pub $member: Option<$type>,
            )*
        }

        impl $name {
            fn fields() -> Vec<Field> {
                vec![$(Field::new($wire, <$type>::data_type(), true)),*]
            }
        }

        impl Wire for $name {
            fn data_type() -> DataType {
                DataType::Struct(Self::fields().into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let members = [$((self.$member.is_some(), $wire)),*];
                redacted(f, stringify!($name), &members)
            }
        }
    };
}

wire_struct! {
    /// A customer profile; everything but `ProfileId` and `FoundByItems` is sensitive.
    ///
    /// End a literal with `..Profile::default()`: members that the service adds come in a minor version.
    ///
    /// ```
    /// use segment_export::api::{Address, Profile};
    ///
    /// let profile = Profile {
    ///     profile_id: Some("5f2c".into()),
    ///     first_name: Some("Zoë".into()),
    ///     address: Some(Address { city: Some("Montréal".into()), ..Address::default() }),
    ///     ..Profile::default()
    /// };
    /// assert_eq!(format!("{profile:?}"), "Profile { set: [ProfileId, FirstName, Address] }");
    /// ```
    pub struct Profile {
        /// The id of the profile.
        profile_id: String = "ProfileId",
        /// The account number that the customer knows.
        account_number: String = "AccountNumber",
        /// Whatever else is known, up to 1,000 characters.
        additional_information: String = "AdditionalInformation",
        /// The type of the party, such as `INDIVIDUAL`.
        party_type: String = "PartyType",
        /// The name of the business.
        business_name: String = "BusinessName",
        /// The first name.
        first_name: String = "FirstName",
        /// The middle name.
        middle_name: String = "MiddleName",
        /// The last name.
        last_name: String = "LastName",
        /// The date of birth, free text.
        birth_date: String = "BirthDate",
        /// The gender, such as `UNSPECIFIED`.
        gender: String = "Gender",
        /// The phone number, where its kind is not known.
        phone_number: String = "PhoneNumber",
        /// The mobile phone number.
        mobile_phone_number: String = "MobilePhoneNumber",
        /// The home phone number.
        home_phone_number: String = "HomePhoneNumber",
        /// The phone number at work.
        business_phone_number: String = "BusinessPhoneNumber",
        /// The e-mail address, where its kind is not known.
        email_address: String = "EmailAddress",
        /// The personal e-mail address.
        personal_email_address: String = "PersonalEmailAddress",
        /// The e-mail address at work.
        business_email_address: String = "BusinessEmailAddress",
        /// The address, where its kind is not known.
        address: Address = "Address",
        /// Where orders go.
        shipping_address: Address = "ShippingAddress",
        /// Where letters go.
        mailing_address: Address = "MailingAddress",
        /// Where invoices go.
        billing_address: Address = "BillingAddress",
        /// What the domain adds, under free keys.
        attributes: BTreeMap<String, String> = "Attributes",
        /// The keys by which a search found the profile.
        found_by_items: Vec<FoundByItem> = "FoundByItems",
        /// The type of the party, free text.
        party_type_string: String = "PartyTypeString",
        /// The gender, free text.
        gender_string: String = "GenderString",
        /// `ACCOUNT_PROFILE` or `PROFILE`.
        profile_type: String = "ProfileType",
        /// How the customer wants to be reached.
        engagement_preferences: EngagementPreferences = "EngagementPreferences",
    }
}

wire_struct! {
    /// A postal address.
    pub struct Address {
        /// The first line.
        address1: String = "Address1",
        /// The second line.
        address2: String = "Address2",
        /// The third line.
        address3: String = "Address3",
        /// The fourth line.
        address4: String = "Address4",
        /// The city.
        city: String = "City",
        /// The county.
        county: String = "County",
        /// The state.
        state: String = "State",
        /// The province.
        province: String = "Province",
        /// The country.
        country: String = "Country",
        /// The postal code.
        postal_code: String = "PostalCode",
    }
}

wire_struct! {
    /// A key by which a search found a profile, and the values that matched.
    pub struct FoundByItem {
        /// The name of the key.
        key_name: String = "KeyName",
        /// The values that matched.
        values: Vec<String> = "Values",
    }
}

wire_struct! {
    /// How a customer wants to be reached.
    pub struct EngagementPreferences {
        /// By phone.
        phone: Vec<ContactPreference> = "Phone",
        /// By e-mail.
        email: Vec<ContactPreference> = "Email",
    }
}

wire_struct! {
    /// One way to reach a customer.
    pub struct ContactPreference {
        /// The name of the preference.
        key_name: String = "KeyName",
        /// What is preferred.
        key_value: String = "KeyValue",
        /// The profile that the preference comes from.
        profile_id: String = "ProfileId",
        /// The kind of phone number or address.
        contact_type: String = "ContactType",
    }
}

impl Profile {
    /// The Arrow schema of a profile: strings, structs, lists and a map, in the order of the members.
    ///
    /// Every column may be null.
    pub fn schema() -> SchemaRef {
        Arc::new(Schema::new(Self::fields()))
    }
}

/// What a member looks like in Arrow.
trait Wire {
    fn data_type() -> DataType;
}

impl Wire for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn data_type() -> DataType {
        DataType::new_list(T::data_type(), true)
    }
}

impl<V: Wire> Wire for BTreeMap<String, V> {
    fn data_type() -> DataType {
        let entries =
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", V::data_type(), true)];
        let entries = Field::new("entries", DataType::Struct(entries.into()), false);
        DataType::Map(Arc::new(entries), false)
    }
}

fn redacted(f: &mut fmt::Formatter<'_>, name: &str, members: &[(bool, &str)]) -> fmt::Result {
    let set: Vec<_> = members.iter().filter(|(set, _)| *set).map(|(_, member)| *member).collect();
    write!(f, "{name} {{ set: [{}] }}", set.join(", "))
}
