"""The values of a Parquet file, in plain Python, as the checks compare them.

Timestamps are nanoseconds since 1970 (int), dates `datetime.date`, decimals `Decimal` with their scale,
structs and maps `dict`, binaries `bytes`. Nothing goes through pandas or NumPy, which would lose digits.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

NANOS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@dataclass(frozen=True)
class Column:
    """A column of the output and the values that it must hold."""

    name: str
    type: pa.DataType
    values: list


def columns(path, names=None):
    """The top-level columns of a Parquet file."""
    table = pq.read_table(path, columns=names)
    return [Column(field.name, logical(field.type), plain(whole(table[field.name]))) for field in table.schema]


def leaves(tops):
    """The same with each struct taken apart into dotted columns, as CSV holds them."""
    for top in tops:
        if not pa.types.is_struct(top.type):
            yield top
            continue
        for field in top.type:
            child = [None if value is None else value[field.name] for value in top.values]
            yield from leaves([Column(f"{top.name}.{field.name}", field.type, child)])


def whole(column):
    """One array of a chunked column, not a slice of another."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def logical(kind):
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def plain(array):
    kind = array.type
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_timestamp(kind):
        factor = NANOS[kind.unit]
        return [None if count is None else count * factor for count in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        rows = zip(*(plain(array.field(index)) for index in range(kind.num_fields)))
        return masked(array, [dict(zip(names, row)) for row in rows])
    if pa.types.is_map(kind):
        return masked(array, [dict(pairs) for pairs in cut(array, zip(plain(array.keys), plain(array.items)))])
    if pa.types.is_list(kind):
        return masked(array, cut(array, plain(array.values)))
    return array.to_pylist()


def cut(array, values):
    """The values of a list or map array, cut at its offsets."""
    values, offsets = list(values), array.offsets.to_pylist()
    return [values[start:end] for start, end in zip(offsets, offsets[1:])]


def masked(array, values):
    return [value if valid else None for value, valid in zip(values, array.is_valid().to_pylist())]
