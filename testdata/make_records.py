#!/usr/bin/env python3
"""Makes profiles.jsonl: records as the API of Customer Profiles answers them (PascalCase, absent fields left out).

  make_records.py profiles.parquet profiles.jsonl

Takes every tenth profile of the sample and adds what only the API has (FoundByItems, the Phone and Email
preferences, the free-text twins of Gender and PartyType); the columns that are not part of the API's record are
left out. The first record holds every field, the second holds nothing but its ProfileId.
"""
import json
import sys

import pyarrow.parquet as pq

RECORDS = 200
ADDRESSES = ["Address", "ShippingAddress", "MailingAddress", "BillingAddress"]
SCALARS = [
    "ProfileId", "AccountNumber", "AdditionalInformation", "PartyType", "BusinessName", "FirstName", "MiddleName",
    "LastName", "BirthDate", "Gender", "PhoneNumber", "MobilePhoneNumber", "HomePhoneNumber", "BusinessPhoneNumber",
    "EmailAddress", "PersonalEmailAddress", "BusinessEmailAddress",
]
PHONES = ["PhoneNumber", "MobilePhoneNumber", "HomePhoneNumber", "BusinessPhoneNumber"]
EMAILS = ["EmailAddress", "PersonalEmailAddress", "BusinessEmailAddress"]
GENDERS = {"MALE": "Male", "FEMALE": "Female", "UNSPECIFIED": "Prefers not to say"}


def present(fields):
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def found_by(row, number):
    keys = [("_email", row["EmailAddress"]), ("_phone", row["PhoneNumber"]), ("_account", row["AccountNumber"])]
    items = [{"KeyName": name, "Values": [value]} for name, value in keys if value is not None]
    if items and number % 5 == 0:
        items[0]["Values"].append(f"alias{number}@example.com")
    return items[: number % 4]


def preferences(row, number):
    """One preference for each second way to reach the profile."""
    def of(kinds):
        reachable = [kind for kind in kinds if row[kind] is not None]
        return [
            {"KeyName": "PREFERENCE", "KeyValue": ["PREFERRED", "DO_NOT_CONTACT"][number % 2],
             "ProfileId": row["ProfileId"], "ContactType": kind}
            for kind in reachable[number % 2 :: 2]
        ]

    kinds = {"Phone": of(PHONES), "Email": of(EMAILS)}
    return {name: items for name, items in kinds.items() if items} or None


def record(row, number):
    fields = {name: row[name] for name in SCALARS}
    for name in ADDRESSES:
        fields[name] = present(row[name]) if row[name] is not None else None
    fields["Attributes"] = dict(row["Attributes"]) if row["Attributes"] else None
    fields["FoundByItems"] = found_by(row, number) or None
    fields["PartyTypeString"] = row["PartyType"].capitalize() if number % 3 and row["PartyType"] else None
    fields["GenderString"] = GENDERS.get(row["Gender"]) if number % 3 else None
    fields["ProfileType"] = "ACCOUNT_PROFILE" if row["BusinessName"] else "PROFILE"
    fields["EngagementPreferences"] = preferences(row, number)
    return present(fields)


def full():
    """A profile with a value in every field."""
    profile_id = "f" * 32
    fields = {name: f"{name} of the full record" for name in SCALARS}
    fields |= {"ProfileId": profile_id, "PartyType": "BUSINESS", "Gender": "FEMALE", "BirthDate": "1984-02-29"}
    for name in ADDRESSES:
        parts = ["Address1", "Address2", "Address3", "Address4", "City", "County", "State", "Province", "Country", "PostalCode"]
        fields[name] = {part: f"{name} {part}" for part in parts}
    fields["Attributes"] = {"tier": "gold", "note, with comma": 'a "quoted" word', "second line": "one\ntwo", "日本": "👍"}
    fields["FoundByItems"] = [{"KeyName": "_email", "Values": ["one@example.com", "two@example.com"]}]
    fields |= {"PartyTypeString": "Business", "GenderString": "Female", "ProfileType": "ACCOUNT_PROFILE"}
    preference = {"KeyName": "PREFERENCE", "KeyValue": "PREFERRED", "ProfileId": profile_id}
    fields["EngagementPreferences"] = {
        "Phone": [preference | {"ContactType": kind} for kind in PHONES],
        "Email": [preference | {"ContactType": kind} for kind in EMAILS],
    }
    return fields


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows = pq.read_table(sys.argv[1]).to_pylist()
    records = [record(rows[10 * number], number) for number in range(RECORDS)]
    records[0] = full()
    records[1] = {"ProfileId": records[1]["ProfileId"]}
    with open(sys.argv[2], "w", encoding="utf-8", newline="\n") as out:
        for one in records:
            out.write(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
