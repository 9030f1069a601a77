"""What cannot work is refused in one line, with the right exit code, and writes nothing."""

import pytest

import program

USAGE, FAILED = 2, 1


@pytest.fixture
def refused(testdata, tmp_path):
    """Runs an export that must not work; what is given replaces what would."""
    def run(**changes):
        wanted = {"source": testdata / "profiles.parquet", "destination": tmp_path / "out", "format": "csv"} | changes
        arguments = [item for name, value in wanted.items() for item in (f"--{name.replace('_', '-')}", value)]
        done = program.run("export", *arguments, cwd=tmp_path)
        written = [path for path in tmp_path.rglob("*") if path != tmp_path / "out"]
        assert not written
        return done

    return run


CASES = {
    "source missing": ({"source": "no/such/file.parquet"}, {FAILED, USAGE}, "no/such/file.parquet"),
    "source of another format": ({"source": __file__}, {FAILED, USAGE}, "test_refusals.py"),
    "destination with a query": ({"destination": "s3://bucket/prefix?x=1"}, {FAILED, USAGE}, "query"),
    "destination of an unknown scheme": ({"destination": "ftp://host/prefix"}, {FAILED, USAGE}, "s3://"),
    "format": ({"format": "xml"}, {USAGE}, "xml"),
    "column": ({"columns": "ProfileId,NoSuchColumn"}, {FAILED, USAGE}, "NoSuchColumn"),
    "setting": ({"set": "no_such_setting=1"}, {FAILED, USAGE}, "no_such_setting"),
    "value of a setting": ({"set": "chunk_bytes=many"}, {FAILED, USAGE}, "chunk_bytes"),
    "snapshot id": ({"snapshot_id": "XYZ"}, {FAILED, USAGE}, "napshot"),
    "rows of a part": ({"part_rows": "0"}, {FAILED, USAGE}, "part"),
    "compression": ({"compression": "snappy"}, {FAILED, USAGE}, "--compression"),
}


@pytest.mark.parametrize(("changes", "codes", "named"), CASES.values(), ids=CASES)
def test_a_bad_argument_is_named_in_one_line(refused, changes, codes, named):
    done = refused(**changes)
    assert done.returncode in codes
    assert named in program.one_line(done)


def test_a_destination_that_cannot_be_written_is_named(testdata, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    arguments = ["--source", testdata / "profiles.parquet", "--destination", tmp_path / "file" / "out"]
    done = program.run("export", *arguments, "--format", "csv")
    assert done.returncode in {FAILED, USAGE}
    assert "file" in program.one_line(done)


def test_verify_of_nothing_says_so(tmp_path):
    done = program.run("verify", tmp_path / "nothing")
    assert done.returncode in {FAILED, USAGE}
    assert "snapshot" in program.one_line(done)
