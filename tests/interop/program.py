"""Runs the program and knows where its output lies."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_SECONDS = 300


def path_of_program():
    """The program under test, from the variable SEGMENT_EXPORT."""
    path = os.environ.get("SEGMENT_EXPORT")
    if not path:
        raise RuntimeError("SEGMENT_EXPORT must name the program; `.ci/run` sets it")
    return path


def run(*arguments, cwd=None, env=None):
    """Runs the program; no answer of it is checked."""
    command = [path_of_program(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, cwd=cwd, env=env)


def one_line(done):
    """What the program said when it failed: one line."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].strip(), done.stderr
    return lines[0]


@dataclass(frozen=True)
class Snapshot:
    """One committed export."""

    directory: Path
    manifest: dict

    @property
    def files(self):
        """The data objects in the order of the manifest."""
        return [self.directory / part["name"] for part in self.manifest["parts"]]

    def bytes(self):
        return b"".join(path.read_bytes() for path in self.files)


def export(source, destination, format_, *options):
    """Exports a source and checks that the program says that it did."""
    arguments = ["export", "--source", source, "--destination", destination, "--format", format_, "--json"]
    done = run(*arguments, "--progress", "never", *options)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    directories = [entry for entry in Path(destination).iterdir() if entry.is_dir()]
    assert len(directories) == 1, f"one snapshot wanted, found {directories}"
    return Snapshot(directories[0], json.loads(done.stdout))
