#!/usr/bin/env python3
"""Peak memory of the program over large exports, against the limits that the README promises.

Uses the standard library only: the kernel counts the pages of this process to those of its children until
they start the program, so it must stay small itself.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT_MIB = 256
GROWTH = 1.10
# The peak of one run is chance: which threads freed what last.
RUNS = 3
MAKE_PROFILES = Path(__file__).resolve().parent.parent / "testdata" / "make_profiles.py"


def data(cache, rows, row_group):
    """Profiles made once and kept; pyarrow writes no page index."""
    directory = cache / f"profiles-{rows}-{row_group}"
    if not directory.exists():
        unfinished = cache / f".{directory.name}.{os.getpid()}"
        sizes = ["--rows", str(rows), "--row-group", str(row_group), "--variant", "nested"]
        subprocess.run([sys.executable, MAKE_PROFILES, *sizes, "--out", unfinished], check=True)
        unfinished.rename(directory)
    return directory / "nested"


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
    print(f"  {format_:5} {rows:>9,} rows {size:>7.0f} MiB written: {seconds:6.1f} s, {cpu:6.1f} s CPU, peak {peak:6.1f} MiB")
    return peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("size", choices=["small", "full"])
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    million = 1_000_000
    # (rows, rows of a row group)
    cases = {"small": [(200_000, 200_000)], "full": [(million, 65_536), (million, million), (4 * million, 65_536)]}
    failures = []
    for format_ in ("csv", "jsonl", "orc"):
        peaks = {}
        for rows, row_group in cases[given.size]:
            source = data(given.data, rows, row_group)
            runs = [peak_of_export(given.program, source, given.scratch / "memory", format_, rows) for _ in range(RUNS)]
            peak = statistics.median(runs)
            peaks[rows, row_group] = peak
            if peak >= LIMIT_MIB:
                failures.append(f"{format_}: {rows:,} rows in row groups of {row_group:,} took {peak:.1f} MiB")
        # A part of ORC keeps what its stripes say of themselves until it ends: it may grow within the limit.
        is_steady = format_ != "orc"
        if is_steady and given.size == "full" and peaks[4 * million, 65_536] > GROWTH * peaks[million, 65_536]:
            failures.append(f"{format_}: memory grows with the rows: {peaks}")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
