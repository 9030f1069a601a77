"""The judges of ORC find what is wrong: shown on files of another writer, whole and then broken."""

import struct

import pyarrow as pa
import pyarrow.orc
import pytest

import orc_index
import orc_readers
import orc_truth
from orc_predicates import Predicate

ROWS, STRIDE = 5000, 1000
READERS = {"pyarrow": orc_readers.read_pyarrow, "pyorc": orc_readers.read_pyorc}


@pytest.fixture
def table():
    values = [(row * 7919) % 6007 / 4 for row in range(ROWS)]
    return pa.table({"row": pa.array(range(ROWS), pa.int64()), "a": pa.array(values)})


@pytest.fixture
def path(table, tmp_path):
    path = tmp_path / "others.orc"
    blooms = {"bloom_filter_columns": [2], "bloom_filter_fpp": 0.01}
    pyarrow.orc.write_table(table, path, compression="uncompressed", row_index_stride=STRIDE, **blooms)
    return path


@pytest.fixture
def kinds(table):
    return {name: orc_truth.kind_of(table.schema.field(name).type) for name in table.column_names}


@pytest.fixture
def columns(table):
    return {name: orc_truth.values(table[name].chunk(0)) for name in table.column_names}


def patch(path, old, new, nth=0):
    """Writes other bytes over those that are there."""
    assert len(old) == len(new)
    found, at = path.read_bytes(), -1
    for _ in range(nth + 1):
        at = found.index(old, at + 1)
    path.write_bytes(found[:at] + new + found[at + len(old) :])


def test_a_whole_file_is_found_whole(path, kinds, columns, orc_java):
    for read in READERS.values():
        for name, values in read(path, kinds).items():
            orc_truth.check(name, values, columns[name])
    found = orc_readers.of_java(orc_java.ask("scan", path)["rows"], kinds)
    assert found == columns
    assert orc_java.ask("seek", path)["bad"] == []
    with pytest.raises(AssertionError, match="bytes_on_disk"):  # which this writer leaves out
        orc_index.check(path, orc_java.ask("meta", path), kinds, columns)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_wrong_value_and_a_dropped_row_are_found(path, kinds, columns, read):
    wrong = columns["a"][:4000] + [0.125] + columns["a"][4001:]
    found = read(path, kinds)["a"]
    with pytest.raises(AssertionError, match="column 'a' row 4000"):
        orc_truth.check("a", found, wrong)
    with pytest.raises(AssertionError, match="4999 rows, 5000 wanted"):
        orc_truth.check("a", found[1:], columns["a"])


@pytest.mark.parametrize(("found", "want"), [
    (0.0, -0.0), (1, True), (1, 1.0), ("a", b"a"), (None, float("nan")), ([1], [1, 2]), ([None], [0]), ((1,), ((1,),)),
    (orc_truth.Tagged(0, 1), orc_truth.Tagged(1, 1)),
])
def test_what_python_takes_for_equal_is_told_apart(found, want):
    assert not orc_truth.same(found, want)


def test_a_wrong_position_is_found(path, orc_java):
    # The second row group of doubles begins at byte 8000: now at the value before.
    patch(path, b"\x0a\x02\xc0\x3e", b"\x0a\x02\xb8\x3e")
    assert orc_java.ask("seek", path)["bad"]


def test_a_wrong_statistic_is_found(path, kinds, columns, orc_java):
    least = min(columns["a"][STRIDE : 2 * STRIDE])
    patch(path, b"\x09" + struct.pack("<d", least), b"\x09" + struct.pack("<d", least + 50))
    meta = orc_java.ask("meta", path)
    with pytest.raises(AssertionError, match=r"row group \d type 2 \(float\): range"):
        rows = columns["a"][STRIDE : 2 * STRIDE]
        entry = meta["stripes"][0]["groups"][2][1]["statistics"]
        orc_index.orc_statistics.check(kinds["a"], rows, entry, "row group 1 type 2 (float)")
    with pytest.raises(AssertionError, match="lost"):
        Predicate("a", "equals", [least]).check(path, kinds, columns, orc_java)


def test_a_wrong_bloom_filter_is_found(path, kinds, columns, orc_java):
    assert orc_java.ask("bloom", path)["bad"] == []
    meta = orc_java.ask("meta", path)
    streams = orc_index.streams_of(meta["footer"]["stripes"][0], meta["stripes"][0])
    (bloom,) = [stream for stream in streams if stream["kind"] == "BLOOM_FILTER_UTF8"]
    whole = bytearray(path.read_bytes())
    middle = bloom["offset"] + bloom["length"] // 2
    whole[middle : middle + 50] = bytes(50)
    path.write_bytes(whole)
    assert orc_java.ask("bloom", path)["bad"] == ["stripe 0 column 2 group 2"]
    with pytest.raises(AssertionError, match="lost"):
        for value in columns["a"][2 * STRIDE : 2 * STRIDE + 300]:
            Predicate("a", "equals", [value]).check(path, kinds, columns, orc_java)
