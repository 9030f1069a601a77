#!/usr/bin/env python3
"""Peak memory of the program over large exports, against the limits that the README promises.

Uses the standard library only: the kernel counts the pages of this process to those of its children until
they start the program, so it must stay small itself.
"""

import argparse
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT_MIB = 256
GROWTH = 1.10
# A long run meets more of what happens by chance.
GROWTH_OF_HUGE = 1.25
MAKE_PROFILES = Path(__file__).resolve().parent.parent / "testdata" / "make_profiles.py"


@dataclass(frozen=True)
class Case:
    rows: int
    row_group: int
    # How many times the rows are read, as so many files.
    copies: int = 1
    # The peak of one run is chance: which threads freed what last.
    runs: int = 3

    @property
    def all_rows(self):
        return self.rows * self.copies

    def __str__(self):
        return f"{self.all_rows:,} rows in row groups of {self.row_group:,}"


MILLION = 1_000_000
SPLIT, WHOLE, MANY = Case(MILLION, 65_536), Case(MILLION, MILLION), Case(4 * MILLION, 65_536)
HUGE = Case(MILLION, 65_536, copies=20, runs=1)
CASES = {"small": [Case(200_000, 200_000)], "full": [SPLIT, WHOLE, MANY, HUGE]}


def made(cache, case):
    """Profiles made once and kept; pyarrow writes no page index."""
    directory = cache / f"profiles-{case.rows}-{case.row_group}"
    if not directory.exists():
        unfinished = cache / f".{directory.name}.{os.getpid()}"
        sizes = ["--rows", str(case.rows), "--row-group", str(case.row_group), "--variant", "nested"]
        subprocess.run([sys.executable, MAKE_PROFILES, *sizes, "--out", unfinished], check=True)
        unfinished.rename(directory)
    return directory / "nested"


@contextmanager
def source_of(cache, scratch, case):
    """A directory with the files of a case, each as often as it is read."""
    files = sorted(made(cache, case).iterdir())
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        for copy in range(case.copies):
            for file in files:
                Path(directory, f"{copy:02}-{file.name}").symlink_to(file.resolve())
        yield directory


def peak_of_export(program, source, destination, format_, rows):
    """Exports and gives the peak of the resident set in MiB; the output is deleted."""
    arguments = ["--source", source, "--destination", destination, "--format", format_, "--threads", "2", "--json"]
    began = time.monotonic()
    manifest = destination.parent / "manifest.json"
    with open(manifest, "wb") as out:
        process = subprocess.Popen([program, "export", *arguments, "--progress", "never"], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"the export failed with {process.returncode}")
    written = json.loads(manifest.read_text())["parts"]
    if sum(part["rows"] for part in written) != rows:
        sys.exit("the manifest counts other rows than the source has")
    shutil.rmtree(destination)
    peak = usage.ru_maxrss / 1024
    seconds, size = time.monotonic() - began, sum(part["size"] for part in written) / 2**20
    cpu = usage.ru_utime + usage.ru_stime
    print(f"  {format_:5} {rows:>10,} rows {size:>7.0f} MiB written: {seconds:6.1f} s, {cpu:6.1f} s CPU, peak {peak:6.1f} MiB")
    return peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("size", choices=["small", "full"])
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    failures = []
    for format_ in ("csv", "jsonl", "orc"):
        peaks = {}
        for case in CASES[given.size]:
            with source_of(given.data, given.scratch, case) as source:
                export = functools.partial(peak_of_export, given.program, source, given.scratch / "memory", format_)
                peaks[case] = statistics.median(export(case.all_rows) for _ in range(case.runs))
            if peaks[case] >= LIMIT_MIB:
                failures.append(f"{format_}: {case} took {peaks[case]:.1f} MiB")
        # A part of ORC keeps what its stripes say of themselves until it ends: it may grow within the limit.
        allowed = {MANY: GROWTH, HUGE: GROWTH_OF_HUGE} if format_ != "orc" and given.size == "full" else {}
        for case, growth in allowed.items():
            if peaks[case] > growth * peaks[SPLIT]:
                failures.append(f"{format_}: memory grows with the rows: {peaks[SPLIT]:.1f} MiB, and {peaks[case]:.1f} for {case}")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
