"""CSV as other programs read it: for each column the values, native where the reader has the type, else text.

Every reader takes the data objects in order and the columns that they should hold.
"""

import csv
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

MICROS = 1000  # nanoseconds
csv.field_size_limit(sys.maxsize)


class MalformedCsv(ValueError):
    """A byte stands where RFC 4180 has no place for it."""


def cells(text):
    """The records of an RFC 4180 text with LF line ends; a cell is (text, whether it was quoted)."""
    at, record = 0, []
    while at < len(text):
        cell, at = quoted(text, at + 1) if text[at] == '"' else bare(text, at)
        record.append(cell)
        if at == len(text):
            raise MalformedCsv("the last record does not end with a line feed")
        if text[at] == "\n":
            yield record
            record = []
        elif text[at] != ",":
            raise MalformedCsv(f"{text[at]!r} follows a closing quote at {at}")
        elif text[at + 1 : at + 2] == "\n":  # an empty last cell
            record.append(("", False))
            yield record
            record, at = [], at + 1
        at += 1


def quoted(text, start):
    pieces, at = [], start
    while True:
        end = text.index('"', at)
        pieces.append(text[at:end])
        if text[end + 1 : end + 2] != '"':
            return ("".join(pieces), True), end + 1
        pieces.append('"')
        at = end + 2


def bare(text, start):
    end = min(place for place in (text.find(",", start), text.find("\n", start)) if place >= 0)
    cell = text[start:end]
    if '"' in cell or "\r" in cell:
        raise MalformedCsv(f"a quote or return outside quotes at {start}")
    return (cell, False), end


def transposed(rows, width):
    assert all(len(row) == width for row in rows), "a record has too few or too many cells"
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in range(width)]


def records(paths):
    """Header and records of each file, read by the strict reader above."""
    for path in paths:
        header, *rows = cells(path.read_bytes().decode("utf-8"))
        yield [text for text, _ in header], rows


def read_strictly(paths, columns):
    rows = [row for _, part in records(paths) for row in part]
    null = [[None if cell == ("", False) else cell[0] for cell in row] for row in rows]
    return transposed(null, len(columns))


def read_python(paths, columns):
    rows = []
    for path in paths:
        with open(path, newline="", encoding="utf-8") as file:
            header, *part = csv.reader(file, strict=True)
        assert header == [column.name for column in columns]
        rows += part
    return transposed(rows, len(columns))


INTEGERS = {
    pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT", pa.uint16(): "USMALLINT", pa.uint32(): "UINTEGER", pa.uint64(): "UBIGINT",
}
DUCKDB = INTEGERS | {pa.bool_(): "BOOLEAN", pa.float32(): "FLOAT", pa.float64(): "DOUBLE", pa.date32(): "DATE"}


def duckdb_type(kind):
    """The type in DuckDB; what it has none for, or would cut (nanoseconds), stays text."""
    if pa.types.is_decimal128(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind) and kind.unit != "ns":
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    return DUCKDB.get(kind, "VARCHAR")


def read_duckdb(paths, columns):
    # By position: names that differ only in case or hold a NUL are no column names in DuckDB.
    types = {f"c{index}": duckdb_type(column.type) for index, column in enumerate(columns)}
    wanted = [f"epoch_us({name})" if "TIMESTAMP" in kind else name for name, kind in types.items()]
    query = f"""select {", ".join(wanted)} from read_csv(?, columns = ?, header = true, auto_detect = false,
        delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false,
        strict_mode = true)"""
    with duckdb.connect() as connection:
        rows = connection.execute(query, [list(map(str, paths)), types]).fetchall()
    found = transposed(rows, len(columns))
    for index, kind in enumerate(types.values()):
        if "TIMESTAMP" in kind:
            found[index] = [None if micros is None else micros * MICROS for micros in found[index]]
    return found


POLARS = {
    pa.bool_(): pl.Boolean, pa.float32(): pl.Float32, pa.float64(): pl.Float64, pa.date32(): pl.Date,
    pa.int8(): pl.Int8, pa.int16(): pl.Int16, pa.int32(): pl.Int32, pa.int64(): pl.Int64,
    pa.uint8(): pl.UInt8, pa.uint16(): pl.UInt16, pa.uint32(): pl.UInt32, pa.uint64(): pl.UInt64,
}


def polars_type(kind):
    if pa.types.is_decimal128(kind):
        return pl.Decimal(kind.precision, kind.scale)
    return POLARS.get(kind, pl.String)


def read_polars(paths, columns):
    # By position: Polars leaves doubled quotes in a name as they are.
    types = [polars_type(column.type) for column in columns]
    frame = pl.concat([pl.read_csv(path, schema_overrides=types, infer_schema=False) for path in paths])
    return [series.to_list() for series in frame.get_columns()]


PANDAS = {kind: pd.api.types.pandas_dtype(str(kind).replace("int", "Int").replace("uI", "UI")) for kind in INTEGERS}
PANDAS |= {pa.bool_(): "boolean", pa.float64(): "float64"}


def read_pandas(paths, columns):
    """An empty cell is NULL in the columns that pandas takes as numbers, and the empty text in the others.

    NaN must be named as missing too, or pandas takes no column with it as floats: it has one NaN for both.
    """
    types = {index: PANDAS.get(column.type, "str") for index, column in enumerate(columns)}
    frames = [
        pd.read_csv(
            path, header=0, names=list(types), dtype=types, keep_default_na=False,
            na_values={index: ["", "NaN"] for index, kind in types.items() if kind != "str"},
        )
        for path in paths
    ]
    return [native(pd.concat([frame[index] for frame in frames])) for index in types]


def native(series):
    return [None if value is pd.NA else getattr(value, "item", lambda value=value: value)() for value in series]


def is_none(found, kind):
    return found is None


def is_empty(found, kind):
    return found == ""


def is_missing_in_pandas(found, kind):
    if kind == pa.float64():
        return found != found
    return found is None if kind in PANDAS else found == ""


# Each reader, and what it makes of NULL.
READERS = {
    "strict": (read_strictly, is_none),
    "python": (read_python, is_empty),
    "duckdb": (read_duckdb, is_none),
    "polars": (read_polars, is_none),
    "pandas": (read_pandas, is_missing_in_pandas),
}
