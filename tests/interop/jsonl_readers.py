"""JSON lines as other programs read them: for each column the values, native where the reader has the type.

Every reader takes the data objects in order and the columns that they should hold.
"""

import duckdb
import polars as pl
import pyarrow as pa

from compare import Json
from csv_readers import DUCKDB, POLARS


def records(paths):
    """One object a line, each line with its line feed; nothing else may stand between them."""
    for path in paths:
        text = path.read_bytes().decode("utf-8")
        assert not text or text.endswith("\n"), "the last line does not end with a line feed"
        for line in text.split("\n")[:-1]:
            assert line.startswith("{") and line.endswith("}"), "a line is no object without spaces around it"
            yield Json.loads(line)


def read_python(paths, columns):
    """A null must be left out, not written: a null that is there is found as something that equals nothing."""
    names = [column.name for column in columns]
    rows = list(records(paths))
    for row in rows:
        assert list(row) == [name for name in names if name in row], "the keys are not in the order of the columns"
        assert None not in row.values(), "a null is written"
    return [[row.get(name) for row in rows] for name in names]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def duckdb_type(kind):
    """The type in DuckDB; fractions go through a double there, whatever the type is, so a double they are."""
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{quoted(field.name)} {duckdb_type(field.type)}' for field in kind)})"
    if pa.types.is_map(kind):
        return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, 0)" if kind.scale == 0 else "DOUBLE"
    return DUCKDB.get(kind, "VARCHAR")


def read_duckdb(paths, columns):
    types = {column.name: duckdb_type(column.type) for column in columns}
    query = "select * from read_json(?, format = 'newline_delimited', columns = ?)"
    with duckdb.connect() as connection:
        rows = connection.execute(query, [list(map(str, paths)), types]).fetchall()
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in columns]


def keys_of(maps):
    return dict.fromkeys(key for one in maps if one is not None for key in one)


def polars_type(kind, values):
    """The type in Polars, which has no map: a struct of all keys that the values have. Its decimals are doubles."""
    if pa.types.is_struct(kind):
        parts = {field.name: [value[field.name] for value in values if value is not None] for field in kind}
        return pl.Struct({field.name: polars_type(field.type, parts[field.name]) for field in kind})
    if pa.types.is_map(kind):
        items = [item for value in values if value is not None for item in value.values()]
        return pl.Struct(dict.fromkeys(keys_of(values), polars_type(kind.item_type, items)))
    if pa.types.is_list(kind):
        items = [item for value in values if value is not None for item in value]
        return pl.List(polars_type(kind.value_type, items))
    if pa.types.is_decimal(kind):
        return pl.Float64
    if pa.types.is_integer(kind) and kind.bit_width < 32:
        return pl.Int32  # it panics on a narrower one
    return pl.String if kind == pa.date32() else POLARS.get(kind, pl.String)


def read_polars(paths, columns):
    schema = {column.name: polars_type(column.type, column.values) for column in columns}
    frame = pl.concat([pl.read_ndjson(path, schema=schema) for path in paths])
    return [frame[column.name].to_list() for column in columns]


# Each reader, and whether it tells an absent field from one that is null.
READERS = {"python": (read_python, True), "duckdb": (read_duckdb, False), "polars": (read_polars, False)}
