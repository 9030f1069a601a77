"""JSON lines hold every value of the source, as each of several readers reads it."""

import pyarrow.parquet as pq
import pytest

import program
import truth
from compare import check, same
from jsonl_readers import READERS, records

SOURCES = ["profiles.parquet", "profiles_flat.parquet", "hostile.parquet", "hostile_names.parquet"]
# Column names that DuckDB cannot hold, as its strings in SQL end at a NUL.
NOT_IN_DUCKDB = {"nul\0"}


@pytest.fixture(scope="session")
def jsonl(exported, testdata):
    """A sample as JSON lines, without the column of numbers that JSON cannot hold."""
    def export(source):
        names = pq.read_schema(testdata / source).names
        finite = [name for name in names if name != "not_finite"]
        options = ["--columns", ",".join(finite)] if finite != names else []
        return exported(source, "jsonl", *options).files, truth.columns(testdata / source, finite)

    return export


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_value_reads_back(jsonl, source, reader):
    files, columns = jsonl(source)
    if reader == "duckdb":
        columns = [column for column in columns if column.name not in NOT_IN_DUCKDB]
    read, absent = READERS[reader]
    for column, values in zip(columns, read(files, columns), strict=True):
        check(column, values, lambda found, want: same(found, want, column.type, absent))


def test_a_number_that_json_cannot_hold_fails_and_names_column_and_row(testdata, tmp_path):
    arguments = ["--source", testdata / "hostile.parquet", "--destination", tmp_path / "out", "--format", "jsonl"]
    done = program.run("export", *arguments)
    assert done.returncode == 1
    assert "column=`not_finite`" in done.stderr and "row=1" in done.stderr
    assert not list((tmp_path / "out").rglob("*.jsonl"))


def test_such_a_number_becomes_null_by_setting(exported, testdata):
    options = ["--columns", "id,not_finite", "--set", "jsonl.non_finite=null"]
    values = truth.columns(testdata / "hostile.parquet", ["not_finite"])[0].values
    finite = [value if value is not None and abs(value) < float("inf") else None for value in values]
    rows = list(records(exported("hostile.parquet", "jsonl", *options).files))
    assert [row.get("not_finite") for row in rows] == finite
