"""A process that dies leaves nothing that a reader could take for data, and the next one finishes the work.

SEGMENT_EXPORT_KILLS says how many processes of each format are killed; default 10.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest

import program

KILLS = int(os.environ.get("SEGMENT_EXPORT_KILLS", "10"))
COPIES, ROWS_OF_A_COPY = 20, 2000
SNAPSHOT_ID = "fedcba9876543210fedcba9876543210"


@pytest.fixture(scope="session")
def many_rows(testdata, tmp_path_factory):
    """A directory of the same profiles many times."""
    directory = tmp_path_factory.mktemp("source")
    content = (testdata / "profiles.parquet").read_bytes()
    for number in range(COPIES):
        (directory / f"{number:03}.parquet").write_bytes(content)
    return directory


def arguments(source, destination, format_):
    options = ["--format", format_, "--snapshot-id", SNAPSHOT_ID, "--part-rows", "5000", "--threads", "2"]
    return ["export", "--source", source, "--destination", destination, *options]


def bytes_below(directory):
    """What lies there now, whatever it is called; files may come and go meanwhile."""
    total = 0
    for root, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue
    return total


def kill_at(size, directory, command):
    """Kills the program once so many bytes are written; says whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and bytes_below(directory) < size:
        time.sleep(0.0005)
    process.kill()
    return process.wait() < 0


def visible(directory):
    return [path.name for path in directory.glob("*") if not path.name.startswith((".", "_"))]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_a_killed_export_leaves_nothing_visible_and_runs_again(many_rows, tmp_path, format_):
    reference = program.export(many_rows, tmp_path / "reference", format_, "--part-rows", "5000").bytes()
    for kill in range(KILLS):
        destination = tmp_path / f"out{kill}"
        directory = destination / SNAPSHOT_ID
        command = [program.path_of_program(), *map(str, arguments(many_rows, destination, format_))]
        # Spread over the first four fifths of the bytes: the commit has not begun there.
        killed = kill_at(len(reference) * 4 * kill // (5 * KILLS), directory, command)
        assert killed, "the export ended before it could be killed"
        assert visible(directory) == []
        assert not (directory / "_manifest.json").exists()

        done = program.run(*arguments(many_rows, destination, format_), "--json")
        assert done.returncode == 0, done.stderr
        names = sorted(visible(directory))
        assert len(names) == COPIES * ROWS_OF_A_COPY // 5000
        assert b"".join((directory / name).read_bytes() for name in names) == reference
        assert program.run("verify", directory).returncode == 0
        hidden = {path.name for path in directory.iterdir()} - set(names)
        assert hidden <= {"_manifest.json", "_claim.json"}, "the dead export's files are left behind"


def test_five_thousand_parts_need_few_open_files(many_rows, tmp_path):
    limit = ["bash", "-c", 'ulimit -n 256 && exec "$@"', "limited", program.path_of_program()]
    parts = 5000
    rows = COPIES * ROWS_OF_A_COPY // parts
    wanted = ["export", "--source", many_rows, "--destination", tmp_path, "--format", "csv", "--columns", "ProfileId"]
    command = [*limit, *wanted, "--part-rows", str(rows), "--snapshot-id", SNAPSHOT_ID]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=program.TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    names = sorted(visible(Path(tmp_path) / SNAPSHOT_ID))
    assert len(names) == parts
    assert all((tmp_path / SNAPSHOT_ID / name).read_bytes().count(b"\n") == rows + 1 for name in names[:: parts // 10])
