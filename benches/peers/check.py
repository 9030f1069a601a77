"""Whether an output holds the rows of its source, as another reader sees it: check.py CASE SOURCE FILE...

Prints what differs, and nothing if all is well.
"""

import sys

import duckdb
import pyarrow as pa
import pyarrow.orc

from cases import CASES

# What is compared: all rows by their key, and how many values some columns have, NULL being no value.
SUMS = """count(*), count(DISTINCT "ProfileId"), sum(hash("ProfileId"::VARCHAR))::VARCHAR, count("FirstName"),
sum(length("LastName")), sum("LoyaltyPoints"::BIGINT), count("CreatedAt"), sum("LifetimeValue"::DECIMAL(18, 2)),
max("AdditionalInformation")"""


def main():
    case, source, *files = sys.argv[1:]
    truth = sums(f"read_parquet('{source}/*.parquet')")
    try:
        found = sums(relation(files, CASES[case]))
    except duckdb.Error as error:
        found = str(error).splitlines()[0]
    if found != truth:
        print(f"{found} instead of {truth}")


def relation(files, case):
    if case.format == "orc":
        table = pa.concat_tables(pa.orc.read_table(path) for path in sorted(files))
        return ("rows", table)
    paths = ", ".join(f"'{path}'" for path in sorted(files))
    if case.format == "csv":
        # DuckDB would guess types from a sample and then stumble.
        options = "header = true, all_varchar = true, quote = '\"', escape = '\"', delim = ',', parallel = false"
        return f"read_csv([{paths}], {options})"
    names = ["ProfileId", "FirstName", "LastName", "CreatedAt", "AdditionalInformation"]
    columns = {name: "VARCHAR" for name in names} | {"LoyaltyPoints": "BIGINT", "LifetimeValue": "DECIMAL(18, 2)"}
    return f"read_json([{paths}], format = 'newline_delimited', columns = {columns})"


def sums(relation):
    connection = duckdb.connect()
    if isinstance(relation, tuple):
        name, table = relation
        connection.register(name, table)
        relation = name
    return connection.execute(f"SELECT {SUMS} FROM {relation}").fetchone()


if __name__ == "__main__":
    main()
