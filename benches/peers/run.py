#!/usr/bin/env python3
"""Ours beside other programs on the same Parquet files: CPU, wall time, memory, size; outputs checked.

  run.py --program target/release/segment-export

Each program does each case in a process of its own, all programs of a case in turn, `--runs` times; the medians are
printed. CPU is user and system time of the process, less what starting the program alone takes; wall time likewise.
Makes what it reads with testdata/make_profiles.py, in `--scratch`, and needs the packages of requirements.txt.

Uses the standard library only itself: the kernel counts the pages of this process to those of its children until they
start their program.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cases import CASES, MODULES, OURS, PEERS, can

HERE = Path(__file__).resolve().parent
MAKE_PROFILES = HERE.parent.parent / "testdata" / "make_profiles.py"


@dataclass
class Usage:
    cpu: float
    wall: float
    peak_mib: float

    def less(self, other):
        return Usage(max(self.cpu - other.cpu, 0), max(self.wall - other.wall, 0), self.peak_mib)


class Failed(Exception):
    pass


def run(command):
    """Runs a command to its end and gives what it took."""
    began = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"failed with {process.returncode}: {' '.join(map(str, command))}")
    return Usage(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


class Bench:
    def __init__(self, given):
        self.given = given
        self.source = given.scratch / f"profiles-{given.rows}"
        self.out = given.scratch / "out"
        self.starts = {}

    def make_source(self):
        if not self.source.exists():
            unfinished = self.source.with_suffix(f".{os.getpid()}")
            rows = ["--rows", self.given.rows, "--out", unfinished]
            subprocess.run([sys.executable, MAKE_PROFILES, *map(str, rows)], check=True, stdout=subprocess.DEVNULL)
            unfinished.rename(self.source)

    def command(self, program, case, threads):
        source, target = self.source / case.variant, self.out / f"out{case.suffix}"
        if program == OURS:
            command = [self.given.program, "export", "--source", source, "--destination", self.out]
            command += ["--format", case.format, "--threads", threads, "--progress", "never"]
            if case.format == "orc":
                return command + ["--set", f"orc.compression={case.codec}:{case.level}"]
            return command + (["--compression", f"{case.codec}:{case.level}"] if case.codec else [])
        if program == "arrow-rs":
            return [self.given.baseline, case.format, source, target]
        return [sys.executable, HERE / "peer.py", program, case.name, source, target, threads]

    def start(self, program, threads):
        """What starting a program takes: the imports of Python are no work of the case."""
        if program not in MODULES:
            return Usage(0, 0, 0)
        if (program, threads) not in self.starts:
            command = [sys.executable, HERE / "peer.py", program, "nothing", "-", "-", threads]
            runs = [run(command) for _ in range(3)]
            self.starts[program, threads] = min(runs, key=lambda usage: usage.cpu)
        return self.starts[program, threads]

    def once(self, program, case, threads):
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        # What the program before left in the page cache is written now, not on the account of the next one.
        os.sync()
        usage = run(self.command(program, case, threads)).less(self.start(program, threads))
        files = [path for path in self.out.rglob("*") if path.is_file() and not path.name.startswith("_")]
        return usage, files

    def check(self, program, case, files):
        command = [sys.executable, HERE / "check.py", case.name, self.source / case.variant, *sorted(files)]
        problem = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
        if problem:
            print(f"{program} writes something else: {problem}", file=sys.stderr)

    def measure(self, case, threads):
        """The median run of each program, and the size of what it wrote."""
        programs = [OURS, *(peer for peer in self.given.peers if can(peer, case))]
        if threads > 1 and "arrow-rs" in programs:
            programs.remove("arrow-rs")
        runs, sizes = {program: [] for program in programs}, {}
        for round_ in range(self.given.runs):
            for program in list(runs):
                try:
                    usage, files = self.once(program, case, threads)
                except Failed as failure:
                    # A program that cannot do a case does not keep the others from it.
                    print(failure, file=sys.stderr)
                    del runs[program]
                    continue
                runs[program].append(usage)
                if round_ == 0:
                    sizes[program] = sum(path.stat().st_size for path in files)
                    self.check(program, case, files)
        shutil.rmtree(self.out, ignore_errors=True)
        return {program: (median(usages), sizes[program]) for program, usages in runs.items()}


def median(runs):
    fields = zip(*((usage.cpu, usage.wall, usage.peak_mib) for usage in runs))
    return Usage(*(statistics.median(field) for field in fields))


def show(case, threads, results):
    if OURS not in results:
        return
    ours, _ = results[OURS]
    print(f"\n### {case.name}, {threads} thread{'s' if threads > 1 else ''}\n")
    print("| program | CPU s | wall s | peak MiB | output MB | CPU over ours | wall over ours |")
    print("|---|---|---|---|---|---|---|")
    for program, (usage, size) in results.items():
        cells = [program, f"{usage.cpu:.2f}", f"{usage.wall:.2f}", f"{usage.peak_mib:.0f}", f"{size / 1e6:.0f}"]
        cells += [f"{usage.cpu / ours.cpu:.2f}", f"{usage.wall / ours.wall:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    others = {program: usage for program, (usage, _) in results.items() if program not in (OURS, "arrow-rs")}
    if others:
        best = min(others, key=lambda program: others[program].cpu)
        print(f"\nBest of the others: {best}, {others[best].cpu / ours.cpu:.2f} times our CPU.", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--baseline", type=Path, help="a program for the peer arrow-rs: csv|jsonl DIRECTORY FILE")
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/segment-export-peers"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    given = parser.parse_args()
    if given.baseline is None:
        given.peers = [peer for peer in given.peers if peer != "arrow-rs"]
    given.scratch.mkdir(parents=True, exist_ok=True)
    bench = Bench(given)
    bench.make_source()
    print(f"{given.rows:,} profiles, medians of {given.runs}")
    for name in given.cases:
        for threads in given.threads:
            show(CASES[name], threads, bench.measure(CASES[name], threads))


if __name__ == "__main__":
    main()
