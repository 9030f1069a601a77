"""What is measured: the work of each case, and which programs can do it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    # Which of the two forms of the same profiles is read.
    variant: str
    format: str
    codec: str | None = None
    level: int | None = None

    @property
    def suffix(self):
        return f".{self.format}" + {"zstd": ".zst", "gzip": ".gz"}.get(self.codec if self.format != "orc" else None, "")


CASES = {
    case.name: case
    for case in [
        Case("csv-flat", "flat", "csv"),
        Case("csv-nested", "nested", "csv"),
        Case("jsonl-nested", "nested", "jsonl"),
        Case("jsonl-flat", "flat", "jsonl"),
        Case("csv-flat-zstd3", "flat", "csv", "zstd", 3),
        Case("csv-flat-gzip6", "flat", "csv", "gzip", 6),
        Case("orc-flat-zstd1", "flat", "orc", "zstd", 1),
        Case("orc-nested-zstd1", "nested", "orc", "zstd", 1),
    ]
}

OURS = "segment-export"
# Programs of other people, and the writers of the arrow crates behind the same reader.
PEERS = ["clickhouse", "polars", "duckdb", "datafusion", "pyarrow", "arrow-rs"]
MODULES = {
    "clickhouse": "chdb",
    "polars": "polars",
    "duckdb": "duckdb",
    "datafusion": "datafusion",
    "pyarrow": "pyarrow",
}


def can(program, case):
    """Whether a program writes such files from such columns."""
    if program == "clickhouse":
        return True
    if case.format == "orc":
        # The writer of orc-rust has no timestamps, dates, decimals or nested columns.
        return program == "pyarrow"
    if program == "pyarrow":
        # Its streams take no level of compression.
        return case.name == "csv-flat"
    if case.name == "csv-nested":
        return program in ("polars", "duckdb")
    if program == "arrow-rs":
        return case.codec is None
    return True
