"""Predicates that readers push down to ORC lose no row, and they skip row groups."""

import datetime as dt
import functools
import random
from decimal import Decimal

import pyarrow as pa
import pyarrow.ipc
import pytest

import orc_truth
import program
from orc_predicates import Predicate

ROWS, STRIDE, STRIPE_ROWS = 15_360, 1024, 5120
BLANK_ROWS = 7 * STRIDE
OPTIONS = ["--set", f"orc.row_index_stride={STRIDE}", "--set", f"stripe_rows={STRIPE_ROWS}"]
EPOCH = dt.date(1970, 1, 1)


def hashed(row):
    """A number that says nothing of where its row stands."""
    return row * 2_654_435_761 % 2**32


def some(values, seed):
    """The values with one in ten gone."""
    rng = random.Random(seed)
    return [None if rng.random() < 0.1 else value for value in values]


def rising():
    """Columns that rise with the rows, with gaps between their values, so that statistics tell where a value is."""
    rows = range(ROWS)
    return {
        "row": pa.array(rows, pa.int64()),
        "int": pa.array(some([3 * row - 9000 for row in rows], 1), pa.int32()),
        "byte": pa.array(some([row // 125 for row in rows], 2), pa.int8()),
        "double": pa.array(some([row / 4 - 100 for row in rows], 3)),
        "text": pa.array(some([f"{2 * row:06}é" for row in rows], 4)),
        "few": pa.array(some([f"name {row // 2000}" for row in rows], 5)),
        "day": pa.array(some([EPOCH + dt.timedelta(2 * row - 9000) for row in rows], 6)),
        "time": pa.array(some([(2 * row - 20_000) * 3_600_000_000 for row in rows], 7), pa.timestamp("us")),
        "zoned": pa.array(some([row * 86_400_000 for row in rows], 8), pa.timestamp("ms", "Europe/Paris")),
        "decimal": pa.array(some([Decimal(2 * row - 9000).scaleb(-2) for row in rows], 9), pa.decimal128(20, 2)),
        "blank": pa.array([None if row < BLANK_ROWS else row for row in rows], pa.int64()),
    }


def scattered():
    """Columns whose row groups all have the same range, so that only bloom filters tell where a value is."""
    rows = range(ROWS)
    return {
        "row": pa.array(rows, pa.int64()),
        "int": pa.array(some([hashed(row) - 2**31 for row in rows], 1), pa.int64()),
        "double": pa.array(some([hashed(row) / 16 for row in rows], 2)),
        "float": pa.array(some([hashed(row) / 2**20 for row in rows], 3), pa.float32()),
        "text": pa.array(some([f"{hashed(row):x}é" for row in rows], 4)),
        "few": pa.array(some([f"name {hashed(row // 300) % 500}" for row in rows], 5)),
        "day": pa.array(some([orc_truth.day(hashed(row // 40) % 90_000) for row in rows], 6)),
        "time": pa.array(some([(hashed(row) - 2**31) * 999_983 for row in rows], 7), pa.timestamp("us")),
        "decimal": pa.array(some([Decimal(hashed(row)).scaleb(-2) for row in rows], 8), pa.decimal128(20, 2)),
    }


TABLES = {"rising": rising, "scattered": scattered}


@functools.cache
def content(name):
    """The types and the values of a table."""
    columns = TABLES[name]()
    return (
        {column: orc_truth.kind_of(array.type) for column, array in columns.items()},
        {column: orc_truth.values(array) for column, array in columns.items()},
    )


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    @functools.cache
    def export(name, *options):
        directory = tmp_path_factory.mktemp(name)
        table = pa.table(TABLES[name]())
        with pa.ipc.new_file(directory / "source.arrow", table.schema) as file:
            file.write_table(table, max_chunksize=777)
        (path,) = program.export(directory / "source.arrow", directory / "out", "orc", *OPTIONS, *options).files
        return path

    return export


def literals(kind, values):
    """Values that are there, and such as are not: between those that are, below and above all."""
    there = [value for value in values if value is not None]
    present = [there[0], there[len(there) // 3], there[-2], min(there), max(there)]
    step = {"date": dt.timedelta(1), "decimal": Decimal("0.01"), "float": 0.125, "string": "!"}.get(kind.name, 1)
    absent = [value + step for value in present]
    absent += ["", "~"] if kind.name == "string" else [min(there) - step, max(there) + 2 * step]
    return present, [value for value in absent if value not in set(there)]


def predicates(column, kind, values):
    """Predicates of a column; a list of literals has some that are there and some that are not."""
    present, absent = literals(kind, values)
    for value in present + absent:
        yield Predicate(column, "equals", (value,))
    for value in (present[1], absent[1], absent[-1]):
        for op in ("nullSafeEquals", "lessThan", "lessThanEquals"):
            yield Predicate(column, op, (value,))
        yield Predicate(column, "equals", (value,), negated=True)
        yield Predicate(column, "lessThan", (value,), negated=True)
    low, high = sorted(present[:2])
    yield Predicate(column, "between", (low, high))
    yield Predicate(column, "between", (low, high), negated=True)
    yield Predicate(column, "in", (present[1], *absent[:2]))
    yield Predicate(column, "in", (present[1], absent[0]), negated=True)
    yield Predicate(column, "isNull")
    yield Predicate(column, "isNull", negated=True)


WRITTEN = [("zstd", 4096, False), ("none", 65_536, True), ("snappy", 262_144, True)]
every_column = pytest.mark.parametrize(
    ("table", "column"),
    [(table, column) for table, of in TABLES.items() for column in content(table)[0] if column != "row"],
)


def at_stride(rows):
    """How many rows the row groups have in which some rows stand."""
    return STRIDE * len({row // STRIDE for row in rows})


@every_column
@pytest.mark.parametrize(("codec", "block", "with_blooms"), WRITTEN)
def test_java_loses_no_row(written, orc_java, table, column, codec, block, with_blooms):
    kinds, columns = content(table)
    path = written(table, "--compression", codec, "--set", f"orc.block_bytes={block}", *blooms(table, with_blooms))
    for predicate in predicates(column, kinds[column], columns[column]):
        predicate.check(path, kinds, columns, orc_java)


def blooms(table, wanted):
    columns = ", ".join(f'"{name}"' for name in content(table)[0])
    return ["--set", f"orc.bloom_columns=[{columns}]"] if wanted else []


@every_column
@pytest.mark.parametrize("with_blooms", [False, True])
def test_pyorc_loses_no_row(written, table, column, with_blooms):
    kinds, columns = content(table)
    path = written(table, *blooms(table, with_blooms))
    for predicate in predicates(column, kinds[column], columns[column]):
        if predicate.is_for_pyorc(kinds):
            predicate.check_pyorc(path, kinds, columns)


@pytest.mark.parametrize("column", [column for column in content("rising")[0] if column != "row"])
def test_statistics_skip_row_groups(written, orc_java, column):
    kinds, columns = content("rising")
    values = columns[column]
    present, absent = literals(kinds[column], values)
    path = written("rising")
    for predicate in [Predicate(column, "equals", (present[1],)), Predicate(column, "lessThan", (present[1],))]:
        read = predicate.check(path, kinds, columns, orc_java)
        # A row group more: a value between two groups of the others may be in the range of one.
        assert read <= at_stride(predicate.rows(columns)) + STRIDE < ROWS
        assert predicate.check_pyorc(path, kinds, columns) <= at_stride(predicate.rows(columns)) + STRIDE
    for value in (absent[-1], absent[-2]):
        assert Predicate(column, "equals", (value,)).check(path, kinds, columns, orc_java) == 0
    blank = Predicate(column, "isNull").check(path, kinds, columns, orc_java)
    assert blank == (BLANK_ROWS if column == "blank" else ROWS)


@pytest.mark.parametrize("column", [column for column in content("scattered")[0] if column != "row"])
def test_bloom_filters_skip_row_groups(written, orc_java, column):
    kinds, columns = content("scattered")
    path = written("scattered", *blooms("scattered", True))
    present, absent = literals(kinds[column], columns[column])
    absent = [value for value in absent if min(present) < value < max(present)]
    for value in present[:3] + absent[:3]:
        predicate = Predicate(column, "equals", (value,))
        # Of 15 row groups one in a hundred is read for nothing.
        most = at_stride(predicate.rows(columns)) + 3 * STRIDE
        assert predicate.check(path, kinds, columns, orc_java) <= most
        assert not predicate.is_for_pyorc(kinds) or predicate.check_pyorc(path, kinds, columns) <= most


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("false_positives", [0.01, 0.2])
def test_bloom_filters_are_those_that_java_would_have_written(written, orc_java, table, false_positives):
    path = written(table, *blooms(table, True), "--set", f"orc.bloom_false_positives={false_positives}")
    answer = orc_java.ask("bloom", path, fpp=false_positives)
    assert answer["bad"] == []
    assert answer["filters"] == len(content(table)[0]) * ROWS // STRIDE
