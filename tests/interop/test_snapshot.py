"""A snapshot is what its manifest says: whole, in order, all or nothing."""

import json
import re
import stat

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

import csv_readers
import jsonl_readers
import program
import truth
from compare import Json, check, same, same_text

SNAPSHOT_ID = "0123456789abcdef0123456789abcdef"
PART_NAME = re.compile(r"part-(\d{5})-([0-9a-f]{8})\.(csv|jsonl|orc)")
FLAT = "ProfileId,FirstName,Address.City,LoyaltyPoints,Score,OptIn,CreatedAt,LastPurchaseDate"


@pytest.fixture(params=["csv", "jsonl", "orc"])
def in_parts(request, exported):
    """The flat profiles in four parts of 500 rows."""
    return exported("profiles_flat.parquet", request.param, "--part-rows", "500", "--columns", FLAT)


def test_the_parts_are_those_of_the_manifest(in_parts):
    parts = in_parts.manifest["parts"]
    assert [part["rows"] for part in parts] == [500] * 4
    assert [path.stat().st_size for path in in_parts.files] == [part["size"] for part in parts]
    names = [PART_NAME.fullmatch(part["name"]) for part in parts]
    assert [int(name[1]) for name in names] == [0, 1, 2, 3]
    assert len({name[2] for name in names}) == 1, "one attempt, one mark"
    visible = {path.name for path in in_parts.directory.iterdir() if not path.name.startswith(("_", "."))}
    assert visible == {part["name"] for part in parts}


def test_the_manifest_at_the_destination_is_the_one_that_was_printed(in_parts):
    stored = (in_parts.directory / "_manifest.json").read_text("utf-8")
    assert Json.loads(stored)["format_version"].startswith("1.")
    assert json.loads(stored) == in_parts.manifest


def test_nobody_else_may_read_the_files(in_parts):
    assert stat.S_IMODE(in_parts.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in in_parts.files} == {0o600}


@pytest.mark.parametrize("reader", ["strict", "duckdb", "polars", "pandas"])
def test_csv_parts_read_as_one_in_order(exported, testdata, reader):
    files = exported("profiles.parquet", "csv", "--part-rows", "500").files
    columns = list(truth.leaves(truth.columns(testdata / "profiles.parquet")))
    found = csv_readers.READERS[reader][0](files, columns)
    check(columns[0], found[0], lambda found, want: same_text(found, want, pa.string()))


@pytest.mark.parametrize("reader", jsonl_readers.READERS)
def test_jsonl_parts_read_as_one_in_order(exported, testdata, reader):
    files = exported("profiles.parquet", "jsonl", "--part-rows", "500").files
    columns = truth.columns(testdata / "profiles.parquet")
    found = jsonl_readers.READERS[reader][0](files, columns)
    check(columns[0], found[0], lambda found, want: same(found, want, pa.string(), absent=False))


def test_jsonl_parts_are_the_single_part_cut_into_pieces(exported):
    whole = exported("profiles.parquet", "jsonl").bytes()
    assert exported("profiles.parquet", "jsonl", "--part-rows", "500").bytes() == whole


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_the_number_of_threads_changes_no_byte(exported, format_):
    one, many = (exported("profiles.parquet", format_, "--part-rows", "500", "--threads", n) for n in ("1", "4"))
    assert [path.read_bytes() for path in one.files] == [path.read_bytes() for path in many.files]


@pytest.fixture
def fresh(testdata, tmp_path):
    """A snapshot that a test may break."""
    options = ["--snapshot-id", SNAPSHOT_ID, "--part-rows", "500"]
    return program.export(testdata / "profiles.parquet", tmp_path / "out", "csv", *options)


def test_verify_accepts_what_was_exported(in_parts):
    done = program.run("verify", in_parts.directory)
    assert done.returncode == 0, done.stderr


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "harm",
    [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1]), flip],
    ids=["missing", "cut", "changed"],
)
def test_verify_names_the_object_that_was_harmed(fresh, harm):
    harmed = fresh.files[2]
    harm(harmed)
    done = program.run("verify", fresh.directory)
    assert done.returncode == 1
    assert harmed.name in done.stdout + done.stderr
    assert fresh.files[1].name not in done.stderr


def test_a_snapshot_that_is_complete_is_not_written_again(fresh, testdata):
    before = {path.name: path.read_bytes() for path in fresh.directory.iterdir() if path.is_file()}
    arguments = ["--source", testdata / "profiles.parquet", "--destination", fresh.directory.parent]
    done = program.run("export", *arguments, "--format", "csv", "--snapshot-id", SNAPSHOT_ID)
    assert done.returncode == 1 and "already complete" in done.stderr
    assert {path.name: path.read_bytes() for path in fresh.directory.iterdir() if path.is_file()} == before


@pytest.fixture(scope="session")
def empty(tmp_path_factory, testdata):
    path = tmp_path_factory.mktemp("empty") / "empty.parquet"
    pq.write_table(pq.read_table(testdata / "profiles_flat.parquet", columns=FLAT.split(",")).slice(0, 0), path)
    return path


@pytest.mark.parametrize("format_", ["csv", "jsonl", "orc"])
def test_an_empty_segment_is_one_valid_part(empty, tmp_path, format_):
    snapshot = program.export(empty, tmp_path / "out", format_)
    assert [part["rows"] for part in snapshot.manifest["parts"]] == [0]
    (path,) = snapshot.files
    if format_ == "csv":
        assert path.read_bytes() == FLAT.encode() + b"\n"
    elif format_ == "jsonl":
        assert path.read_bytes() == b""
    else:
        table = pyarrow.orc.read_table(path)
        assert (table.num_rows, table.column_names) == (0, FLAT.split(","))
    assert program.run("verify", snapshot.directory).returncode == 0
