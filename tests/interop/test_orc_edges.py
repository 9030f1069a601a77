"""ORC at the edges of what it can hold, and how large its files are."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet
import pytest

import orc_index
import orc_readers
import orc_truth
import program
from orc_predicates import Predicate

MIB = 2**20
SECOND = 10**9


def export(tmp_path, columns, *options):
    """Writes the columns: the file, their types and their values."""
    table = pa.table(columns)
    with pa.ipc.new_file(tmp_path / "source.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=5)
    (path,) = program.export(tmp_path / "source.arrow", tmp_path / "out", "orc", *options).files
    kinds = {name: orc_truth.kind_of(array.type) for name, array in columns.items()}
    return path, kinds, {name: orc_truth.values(array) for name, array in columns.items()}


def check(path, kinds, columns, orc_java, readers=("java", "pyorc", "pyarrow"), seeks=50):
    found = {
        "java": lambda: orc_readers.of_java(orc_java.ask("scan", path)["rows"], kinds),
        "pyorc": lambda: orc_readers.read_pyorc(path, kinds),
        "pyarrow": lambda: orc_readers.read_pyarrow(path, kinds),
    }
    for reader in readers:
        for name, values in found[reader]().items():
            orc_truth.check(f"{reader}: {name}", values, columns[name])
    orc_index.check(path, orc_java.ask("meta", path), kinds, columns)
    assert orc_java.ask("seek", path, seeks=seeks)["bad"] == []


@pytest.mark.parametrize("dictionary", ["never", "always"])
@pytest.mark.parametrize(
    ("block", "codec"), [(4096, "zstd"), (65_536, "none"), (65_536, "zlib"), (262_144, "snappy"), (262_144, "lz4")]
)
def test_texts_longer_than_a_block_are_kept(tmp_path, orc_java, block, dictionary, codec):
    lengths = [0, 1, block - 1, block, block + 1, 3 * block, MIB + 1, 1, 3 * MIB // 2]
    texts = [(f"{length}é東" * length).encode()[:length].decode(errors="ignore") for length in lengths]
    columns = {"text": pa.array(texts), "bytes": pa.array([text.encode() for text in texts])}
    options = ["--compression", codec, "--set", f"orc.block_bytes={block}", "--set", f"orc.dictionary={dictionary}"]
    check(*export(tmp_path, columns, *options), orc_java, seeks=2)


TEXTS = {
    "just_short_enough": ["a" * 1024, "b" * 1024],
    "one_byte_too_long": ["a" * 1025, "b" * 1025],
    "cut_in_a_character_of_two_bytes": ["a" * 1023 + "éé", "b" * 1023 + "éé"],
    "cut_in_a_character_of_four_bytes": ["a" * 1021 + "😀😀", "b" * 1021 + "😀😀"],
    "nothing_greater_at_the_end": ["a" * 2000, "b" + "\U0010ffff" * 500],
    "nothing_greater_at_all": ["a", "\U0010ffff" * 500],
    "the_gap_of_surrogates": ["a", "\ud7ff" * 500],
    "only_nul": ["\0" * 2000, "\x7f" * 2000],
}


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_long_texts_have_bounds_that_lose_no_row(tmp_path, orc_java, texts):
    columns = {"row": pa.array(range(4)), "text": pa.array([*texts, None, texts[0]])}
    path, kinds, columns = export(tmp_path, columns)
    check(path, kinds, columns, orc_java)
    for text in texts:
        Predicate("text", "equals", (text,)).check(path, kinds, columns, orc_java)


def test_times_before_1970_keep_their_fraction(tmp_path, orc_java):
    seconds = [-1_000_000_001, -1_500_000_000, -1_999_999_999, -2_000_000_000, -10**15 - 1]
    counts = [*seconds, -999_999_999, -999_000_001, 0, 1]
    columns = {"t": pa.array(counts, pa.timestamp("ns")), "z": pa.array(counts, pa.timestamp("ns", "Asia/Tokyo"))}
    check(*export(tmp_path, columns), orc_java)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_time_that_orc_cannot_hold_is_refused(tmp_path, unit):
    count = -(SECOND // orc_truth.NANOS[unit]) // 2
    table = pa.table({"t": pa.array([0, None, count], pa.timestamp(unit))})
    with pa.ipc.new_file(tmp_path / "source.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=5)
    arguments = ["--source", tmp_path / "source.arrow", "--destination", tmp_path / "out", "--format", "orc"]
    done = program.run("export", *arguments)
    assert done.returncode == 1
    assert "column=`t`" in done.stderr and "row=2" in done.stderr and str(abs(count)) not in done.stderr
    assert not list((tmp_path / "out").glob("*/part*"))


def test_a_file_without_a_row_index_is_read(tmp_path, orc_java):
    columns = {"a": pa.array(range(5000)), "t": pa.array([f"{row % 7}" for row in range(5000)])}
    path, kinds, columns = export(tmp_path, columns, "--set", "orc.row_index_stride=0")
    assert orc_readers.read_pyorc(path, kinds) == columns == orc_readers.read_pyarrow(path, kinds)
    assert orc_readers.of_java(orc_java.ask("scan", path)["rows"], kinds) == columns
    assert orc_java.ask("meta", path)["footer"].get("row_index_stride", 0) == 0


def test_a_key_that_comes_twice_is_kept(tmp_path, orc_java):
    """Python's own readers make dicts of maps; ORC Java has the pairs."""
    pairs = [[("a", 1), ("a", 2)], [], None, [("b", None), ("b", 3)]]
    path, kinds, columns = export(tmp_path, {"m": pa.array(pairs, pa.map_(pa.string(), pa.int64()))})
    check(path, kinds, columns, orc_java, ["java", "pyarrow"])


@pytest.fixture(scope="session")
def profiles(testdata, tmp_path_factory):
    directory = tmp_path_factory.mktemp("profiles")
    arguments = ["--rows", "100000", "--row-group", "65536", "--variant", "nested", "--out", directory]
    subprocess.run([sys.executable, testdata / "make_profiles.py", *arguments], check=True, capture_output=True)
    return directory / "nested"


@pytest.mark.parametrize("block", [65_536, 262_144])
def test_profiles_in_one_stripe_are_no_larger_than_those_of_pyarrow(profiles, tmp_path, block):
    # One stripe, as pyarrow writes for so few rows: each stripe has dictionaries of its own.
    stripe = ["--set", f"stripe_bytes={512 * MIB}", "--set", f"memory_budget={4096 * MIB}"]
    options = ["--compression", "zstd", "--set", f"orc.block_bytes={block}", *stripe]
    written = program.export(profiles, tmp_path / "out", "orc", *options).files
    ours, theirs = sum(path.stat().st_size for path in written), tmp_path / "theirs.orc"
    pyarrow.orc.write_table(
        pyarrow.parquet.read_table(profiles), theirs, compression="zstd", compression_block_size=block,
        dictionary_key_size_threshold=0.8,
    )
    print(f"blocks of {block}: {ours:,} bytes, pyarrow {theirs.stat().st_size:,}")
    assert ours <= theirs.stat().st_size
