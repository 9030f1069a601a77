"""CSV holds every value of the source, as each of several readers reads it."""

import pytest

import truth
from compare import check, same, same_text
from csv_readers import READERS, records

SOURCES = ["profiles.parquet", "profiles_flat.parquet", "hostile.parquet", "hostile_names.parquet"]
SPECIAL = set('",\r\n')
# Readers trim white space at the ends, and take a `#` at the beginning for a comment.
BLANK = " \t\v\f"


def needs_quotes(text):
    return not text or SPECIAL & set(text) or text[0] in BLANK + "#" or text[-1] in BLANK


def equal_in(column, is_null):
    """How a cell is compared with the value of a column."""
    def equal(found, want):
        if want is None:
            return is_null(found, column.type)
        if isinstance(found, str):
            return same_text(found, want, column.type)
        return same(found, want, column.type, absent=True)

    return equal


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_value_reads_back(exported, testdata, source, reader):
    columns = list(truth.leaves(truth.columns(testdata / source)))
    read, is_null = READERS[reader]
    found = read(exported(source, "csv").files, columns)
    assert len(found) == len(columns)
    for column, values in zip(columns, found):
        check(column, values, equal_in(column, is_null))


@pytest.mark.parametrize("source", SOURCES)
def test_the_header_names_the_columns_in_order(exported, testdata, source):
    names = [column.name for column in truth.leaves(truth.columns(testdata / source))]
    assert [header for header, _ in records(exported(source, "csv").files)] == [names]


@pytest.mark.parametrize("source", SOURCES)
def test_only_cells_that_need_quotes_have_them(exported, source):
    for _, rows in records(exported(source, "csv").files):
        needless = {text for row in rows for text, quoted in row if quoted and not needs_quotes(text)}
        assert not needless


def test_nested_and_flat_profiles_give_the_same_bytes(exported):
    assert exported("profiles.parquet", "csv").bytes() == exported("profiles_flat.parquet", "csv").bytes()


@pytest.mark.parametrize("column", ["text", "i64", "nothing"])
def test_a_single_column_with_nulls_has_no_empty_line(exported, testdata, column):
    files = exported("hostile.parquet", "csv", "--columns", column).files
    ((_, rows),) = records(files)
    assert len(rows) == len(truth.columns(testdata / "hostile.parquet", [column])[0].values)
    assert all(text or quoted for row in rows for text, quoted in row)


def test_columns_are_chosen_and_ordered(exported, testdata):
    names = ["u64", "place", "id"]
    columns = list(truth.leaves([truth.columns(testdata / "hostile.parquet", [name])[0] for name in names]))
    files = exported("hostile.parquet", "csv", "--columns", ",".join(names)).files
    ((header, _),) = records(files)
    assert header == [column.name for column in columns]
    read, is_null = READERS["strict"]
    for column, values in zip(columns, read(files, columns)):
        check(column, values, equal_in(column, is_null))
