"""Compressed text, as readers that were made by others decompress it."""

import gzip
import subprocess
import sys
import zlib

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import zstandard

import program

SUFFIX = {"gzip": ".gz", "zstd": ".zst"}
LEVELS = ["gzip:1", "gzip:6", "gzip:12", "zstd:1", "zstd:3", "zstd:19"]
# A chunk of 32 KiB, so that the sample has many members.
CHUNKS = ["--set", "chunk_bytes=32768"]


def codec_of(level):
    return level.split(":")[0]


def read_in_python(path):
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    with zstandard.ZstdDecompressor().stream_reader(path.open("rb")) as reader:
        return reader.read()


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
@pytest.mark.parametrize("level", LEVELS)
def test_decompressed_bytes_are_those_of_the_plain_export(exported, format_, level):
    plain = exported("hostile.parquet", format_, "--set", "jsonl.non_finite=null", *CHUNKS).bytes()
    snapshot = exported("hostile.parquet", format_, "--set", "jsonl.non_finite=null", "--compression", level, *CHUNKS)
    assert all(path.name.endswith(f".{format_}{SUFFIX[codec_of(level)]}") for path in snapshot.files)
    assert b"".join(map(read_in_python, snapshot.files)) == plain
    assert snapshot.manifest["settings"]["compression"] == level


@pytest.mark.parametrize("codec", SUFFIX)
def test_many_members_are_read_to_the_end(exported, codec):
    """Profiles in many members and frames; readers that stop after the first would have fewer rows."""
    plain = exported("profiles.parquet", "csv")
    snapshot = exported("profiles.parquet", "csv", "--compression", codec, *CHUNKS)
    [path] = snapshot.files
    rows = sum(part["rows"] for part in plain.manifest["parts"])
    assert read_in_python(path) == plain.bytes()
    if codec == "gzip":
        assert subprocess.run(["gzip", "-dc", path], check=True, capture_output=True).stdout == plain.bytes()
    assert len(pd.read_csv(path, dtype=str)) == rows
    assert pl.read_csv(path, infer_schema=False).height == rows
    with duckdb.connect() as connection:
        query = "select count(*) from read_csv(?, all_varchar = true)"
        assert connection.execute(query, [str(path)]).fetchall() == [(rows,)]


@pytest.mark.parametrize("codec", SUFFIX)
def test_json_lines_are_read_compressed(exported, codec):
    [path] = exported("profiles.parquet", "jsonl", "--compression", codec, *CHUNKS).files
    rows = 2000
    assert len(pd.read_json(path, lines=True)) == rows
    assert pl.read_ndjson(read_in_python(path)).height == rows
    with duckdb.connect() as connection:
        query = "select count(*) from read_json(?, format = 'newline_delimited')"
        assert connection.execute(query, [str(path)]).fetchall() == [(rows,)]


@pytest.mark.parametrize("codec", SUFFIX)
def test_an_empty_segment_is_a_compressed_file_of_nothing(testdata, tmp_path, codec):
    empty = tmp_path / "empty.parquet"
    pq.write_table(pq.read_table(testdata / "profiles.parquet").slice(0, 0), empty)
    [path] = program.export(empty, tmp_path / "out", "jsonl", "--compression", codec).files
    assert path.stat().st_size > 0 and read_in_python(path) == b""


def test_members_cost_little_against_one_frame(testdata, tmp_path):
    """At the default size of chunks, within 3 % of what the same codec makes of the file in one piece."""
    make = [sys.executable, testdata / "make_profiles.py", "--rows", "30000", "--row-group", "30000"]
    subprocess.run([*make, "--variant", "flat", "--out", tmp_path / "in"], check=True)
    source = tmp_path / "in" / "flat"
    plain = program.export(source, tmp_path / "plain", "csv").bytes()
    compressors = {"gzip": lambda text: zlib.compress(text, 6), "zstd": zstandard.ZstdCompressor(level=3).compress}
    for codec, compress in compressors.items():
        members = program.export(source, tmp_path / codec, "csv", "--compression", codec).bytes()
        assert len(members) <= 1.03 * len(compress(plain)), codec


def test_a_single_frame_is_read_by_a_call_that_stops_after_the_first(exported):
    options = ["--compression", "zstd", "--set", "single_frame=true"]
    snapshot = exported("profiles.parquet", "csv", *options, *CHUNKS)
    text = zstandard.ZstdDecompressor().decompressobj().decompress(snapshot.files[0].read_bytes())
    assert text == exported("profiles.parquet", "csv").bytes()


def test_a_call_that_stops_after_the_first_frame_is_told_of(exported):
    """What docs/reading.md warns of: if it reads on some day, the warning goes."""
    snapshot = exported("profiles.parquet", "csv", "--compression", "zstd", *CHUNKS)
    first = zstandard.ZstdDecompressor().decompress(snapshot.files[0].read_bytes())
    assert 0 < len(first) < len(exported("profiles.parquet", "csv").bytes())
