"""ORC holds every value of the flat columns, as the C++ reader reads it through pyarrow and pyorc."""


import pyarrow as pa
import pyarrow.orc
import pytest
import pyorc

import program
import truth
from compare import check, same

# What the ORC writer holds for now: neither decimals nor unsigned or nested columns. The last one has years that
# pyarrow's reader cannot hold, as it makes nanoseconds of every timestamp.
HOSTILE = ["id", "text", "data", "flag", "i8", "i16", "i32", "i64", "f32", "f64", "not_finite", "day", "ts_whole"]


def flat_columns(testdata, source):
    tops = truth.columns(testdata / source)
    if source == "hostile.parquet":
        return [column for name in HOSTILE for column in tops if column.name == name]
    return [column for column in tops if not pa.types.is_decimal(column.type)]


def read_pyarrow(paths, columns):
    names = [column.name for column in columns]
    assert all(pyarrow.orc.ORCFile(path).schema.names[: len(names)] == names for path in paths)
    table = pa.concat_tables([pyarrow.orc.read_table(path, columns=names) for path in paths])
    return [truth.plain(truth.whole(column)) for column in table.columns]


class Nanoseconds(pyorc.converters.ORCConverter):
    """Timestamps as nanoseconds since 1970: Python's own type would cut them to microseconds."""

    @staticmethod
    def from_orc(seconds, nanoseconds, timezone):
        return seconds * 10**9 + nanoseconds

    @staticmethod
    def to_orc(value, timezone):
        raise NotImplementedError


def read_pyorc(paths, columns):
    converters = {pyorc.TypeKind.TIMESTAMP: Nanoseconds, pyorc.TypeKind.TIMESTAMP_INSTANT: Nanoseconds}
    rows = []
    for path in paths:
        with open(path, "rb") as file:
            reader = pyorc.Reader(file, converters=converters)
            assert list(reader.schema.fields) == [column.name for column in columns]
            rows += reader
    return [list(column) for column in zip(*rows)]


@pytest.mark.parametrize("read", [read_pyarrow, read_pyorc])
@pytest.mark.parametrize("source", ["profiles_flat.parquet", "hostile.parquet"])
def test_every_value_reads_back(exported, testdata, source, read):
    columns = flat_columns(testdata, source)
    files = exported(source, "orc", "--columns", ",".join(column.name for column in columns)).files
    if read is read_pyarrow:
        columns = [column for column in columns if column.name != "ts_whole"]
    for column, values in zip(columns, read(files, columns), strict=True):
        check(column, values, lambda found, want: same(found, want, column.type, absent=False))


@pytest.mark.parametrize(
    ("source", "column"), [("profiles.parquet", "Address"), ("profiles.parquet", "Attributes"), ("hostile.parquet", "texts")]
)
def test_a_nested_column_is_refused_by_name(testdata, tmp_path, source, column):
    arguments = ["--source", testdata / source, "--destination", tmp_path / "out", "--format", "orc"]
    done = program.run("export", *arguments, "--columns", column)
    assert done.returncode in {1, 2}
    assert f"column=`{column}`" in done.stderr and "type=`" in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
