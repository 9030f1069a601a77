"""One program doing one case, in a process of its own: peer.py PROGRAM CASE SOURCE OUT THREADS.

The case `nothing` only starts the program: what that costs is taken off its other results.
"""

import importlib
import os
import sys

from cases import CASES, MODULES


def clickhouse(case, source, out, threads):
    import chdb

    format_ = {"csv": "CSVWithNames", "jsonl": "JSONEachRow", "orc": "ORC"}[case.format]
    settings = {
        "max_threads": threads,
        "max_insert_threads": 1,
        "format_csv_null_representation": "''",
        "output_format_json_quote_64bit_integers": 0,
        "output_format_json_skip_null_value_in_named_tuples": 1,
        "engine_file_truncate_on_insert": 1,
        "output_format_orc_compression_method": "'zstd'",
    }
    if case.format != "orc" and case.level is not None:
        settings["output_format_compression_level"] = case.level
    settings = ", ".join(f"{name} = {value}" for name, value in settings.items())
    chdb.query(
        f"INSERT INTO FUNCTION file('{out}', '{format_}') SELECT * FROM file('{source}/*.parquet', 'Parquet')"
        f" SETTINGS {settings}"
    )


def polars(case, source, out, threads):
    import polars as pl

    rows = pl.scan_parquet(f"{source}/*.parquet")
    if case.format == "jsonl":
        return rows.sink_ndjson(out)
    if case.variant == "nested":
        rows = rows.select(flattened(pl, name, type_) for name, type_ in rows.collect_schema().items())
        rows = rows.unnest([name for name, type_ in rows.collect_schema().items() if isinstance(type_, pl.Struct)])
    compression = {} if case.codec is None else {"compression": case.codec, "compression_level": case.level}
    rows.sink_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ", **compression)


def flattened(pl, name, type_):
    """Structs get the dotted names that they will be unnested to; lists and maps become JSON."""
    column = pl.col(name)
    if isinstance(type_, pl.Struct):
        return column.struct.rename_fields([f"{name}.{field.name}" for field in type_.fields])
    if isinstance(type_, (pl.List, pl.Map)):
        return pl.struct(column).struct.json_encode().alias(name)
    return column


def duckdb(case, source, out, threads):
    import duckdb

    options = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json"}[case.format]
    if case.codec is not None:
        options += f", COMPRESSION {case.codec}"
    connection = duckdb.connect(config={"threads": threads})
    # The order of the rows is kept, as every other program here does.
    connection.execute("SET preserve_insertion_order = true")
    connection.execute(f"COPY (SELECT * FROM read_parquet('{source}/*.parquet')) TO '{out}' ({options})")


def datafusion(case, source, out, threads):
    import datafusion

    config = datafusion.SessionConfig().with_target_partitions(threads)
    context = datafusion.SessionContext(config.set("datafusion.sql_parser.enable_ident_normalization", "false"))
    context.register_parquet("profiles", source)
    options = ""
    if case.codec is not None:
        options = f" OPTIONS ('format.compression' '{case.codec}', 'format.compression_level' '{case.level}')"
    stored = {"csv": "CSV", "jsonl": "JSON"}[case.format]
    context.sql(f"COPY profiles TO '{out}' STORED AS {stored}{options}").collect()


def pyarrow(case, source, out, threads):
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.dataset
    import pyarrow.orc

    pa.set_cpu_count(threads)
    rows = pa.dataset.dataset(source)
    if case.format == "orc":
        options = {"compression": "zstd", "compression_strategy": "speed", "dictionary_key_size_threshold": 0.8}
        with pa.orc.ORCWriter(out, **options) as writer:
            for batch in rows.to_batches(use_threads=threads > 1):
                writer.write(pa.Table.from_batches([batch]))
        return
    with (
        pa.OSFile(out, "wb") as sink,
        pa.csv.CSVWriter(sink, rows.schema, write_options=pa.csv.WriteOptions(quoting_style="needed")) as writer,
    ):
        for batch in rows.to_batches(use_threads=threads > 1):
            writer.write_batch(batch)


def main():
    program, case, source, out, threads = sys.argv[1:]
    for name in ("POLARS_MAX_THREADS", "TOKIO_WORKER_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = threads
    if case == "nothing":
        importlib.import_module(MODULES[program])
    else:
        globals()[program](CASES[case], source, out, int(threads))


if __name__ == "__main__":
    main()
