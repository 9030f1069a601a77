"""ORC holds every value of the samples, as three readers read it, and refuses what it has no type for."""

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

import orc_index
import orc_readers
import orc_statistics
import orc_truth
import program

# The years of this column are beyond the nanoseconds that pyarrow makes of every timestamp.
NOT_IN_PYARROW = {"ts_whole"}
MOST_DIGITS = 38


def is_refused(kind, values):
    """Whether ORC has no place for a column: for so many digits, or for a time in the last second before 1970."""
    if pa.types.is_decimal(kind):
        return kind.precision > MOST_DIGITS
    parts = orc_statistics.slots(orc_truth.kind_of(kind), values)
    times = (value for part, found in parts if part.name == "timestamp" for value in found if value is not None)
    return any(-999_000_000 <= value < 0 for value in times)


@pytest.mark.parametrize("source", ["profiles_flat.parquet", "profiles.parquet", "hostile.parquet"])
def test_every_value_of_the_samples_reads_back(exported, testdata, orc_java, source):
    table = pyarrow.parquet.read_table(testdata / source).combine_chunks()
    columns = {name: orc_truth.values(table[name].chunk(0)) for name in table.column_names}
    fields = [field for field in table.schema if not is_refused(field.type, columns[field.name])]
    kinds = {field.name: orc_truth.kind_of(field.type) for field in fields}
    columns = {name: columns[name] for name in kinds}
    (path,) = exported(source, "orc", "--columns", ",".join(kinds)).files
    held = {name: kind for name, kind in kinds.items() if name not in NOT_IN_PYARROW}
    for found in (
        orc_readers.of_java(orc_java.ask("scan", path)["rows"], kinds),
        orc_readers.read_pyorc(path, kinds),
        orc_readers.read_pyarrow(path, held),
    ):
        for name, values in found.items():
            orc_truth.check(name, values, columns[name])
    orc_index.check(path, orc_java.ask("meta", path), kinds, columns)
    assert orc_java.ask("seek", path)["bad"] == []


def test_a_type_that_orc_does_not_have_is_refused_by_name(tmp_path):
    intervals = pa.array([None, (1, 2, 3)], pa.month_day_nano_interval())
    table = pa.table({"id": [1, 2], "wait": intervals})
    with pa.ipc.new_file(tmp_path / "source.arrow", table.schema) as file:
        file.write_table(table)
    arguments = ["--source", tmp_path / "source.arrow", "--destination", tmp_path / "out", "--format", "orc"]
    done = program.run("export", *arguments)
    assert done.returncode in {1, 2}
    assert "column=`wait`" in done.stderr and "type=`" in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
