"""ORC of every type with every codec, block, stride, row count and dictionary, as three readers read it.

Values are compared with the source, statistics made again from it, and rows after a seek with those of a scan.
"""

import functools
import itertools
import random

import pytest

import orc_cases
import orc_index
import orc_readers
import orc_truth
import program

CASES = list(orc_cases.pairwise())
SEEKS, SEEK_ROWS = 200, 20
# Of every timestamp pyarrow makes nanoseconds of 64 bits.
NOT_IN_PYARROW = {"ts_s", "ts_ms"}


def name_of(case):
    strides, more = case["rows"]
    stripes = "one" if case["stripe"] is None else "stripes"
    rows = f"{strides}x{case['stride']}{more:+}"
    return "-".join([case["codec"], str(case["block"]), rows, case["dictionary"], stripes, case["source"]])


@functools.cache
def truth(table):
    """The values of the columns of a table with the most rows."""
    found = orc_cases.TABLES[table]()
    return {name: orc_truth.values(found[name].chunk(0)) for name in found.column_names}


@functools.cache
def kinds(table):
    schema = orc_cases.TABLES[table]().schema
    return {field.name: orc_truth.kind_of(field.type) for field in schema}


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Exports the table of a case once: the path of the file, its types and its values."""

    @functools.cache
    def export(table, number):
        case = CASES[number]
        rows = orc_cases.rows_of(case)
        directory = tmp_path_factory.mktemp(f"{table}-{number}")
        source = directory / f"source.{case['source']}"
        names = orc_cases.write(table, rows, source)
        (path,) = program.export(source, directory / "out", "orc", *orc_cases.options(case)).files
        columns = {name: truth(table)[name][:rows] for name in names}
        return path, {name: kinds(table)[name] for name in names}, columns

    return export


every_case = pytest.mark.parametrize(
    ("table", "number"),
    [pytest.param(table, number, id=f"{table}-{name_of(case)}")
     for table, (number, case) in itertools.product(orc_cases.TABLES, enumerate(CASES))],
)


@every_case
def test_every_value_reads_back(written, orc_java, table, number):
    path, types, columns = written(table, number)
    held = {name: kind for name, kind in types.items() if name not in NOT_IN_PYARROW}
    found = {
        "java": orc_readers.of_java(orc_java.ask("scan", path)["rows"], types),
        "pyorc": orc_readers.read_pyorc(path, types),
        "pyarrow": orc_readers.read_pyarrow(path, held),
    }
    for reader, by_name in found.items():
        for name, values in by_name.items():
            orc_truth.check(f"{reader}: {name}", values, columns[name])


@every_case
def test_statistics_and_index_are_those_of_the_values(written, orc_java, table, number):
    path, types, columns = written(table, number)
    meta = orc_java.ask("meta", path)
    orc_index.check(path, meta, types, columns)
    assert meta["proleptic"]
    assert all(stripe["footer"]["writer_timezone"] == "UTC" for stripe in meta["stripes"])


@every_case
def test_rows_after_a_seek_are_those_of_a_scan(written, orc_java, table, number):
    path, types, columns = written(table, number)
    rows = len(next(iter(columns.values())))
    answer = orc_java.ask("seek", path)
    assert answer["bad"] == []
    assert (answer["compared"] > 0) == (rows > 0)

    compared = 0
    for name, target in zip(itertools.cycle(types), targets(CASES[number]["stride"], rows)):
        found = orc_readers.seek_pyorc(path, name, types[name], target, SEEK_ROWS)
        if found is not None:
            orc_truth.check(f"pyorc: {name}", found, columns[name][target : target + SEEK_ROWS])
            compared += 1
    assert (compared > SEEKS // 2) == (rows > 0)


def targets(stride, rows):
    """Rows at the borders of row groups and anywhere."""
    borders = [row for border in range(0, rows + 1, stride) for row in (border - 1, border, border + 1)]
    inside = [row for row in borders if 0 <= row < rows]
    rng = random.Random(stride + rows)
    return [rng.choice(inside) if at % 2 else rng.randrange(rows) for at in range(SEEKS)] if rows else []
