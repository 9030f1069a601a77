"""The values of Arrow arrays as ORC must hold them, in plain Python.

A struct is a tuple, a list or map a list (of pairs), a value of a union `Tagged`. Timestamps are nanoseconds
since 1970, times of day integers in their unit, dates `datetime.date`, unsigned 64-bit integers `Decimal`.
"""

import datetime as dt
import struct
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

NANOS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@dataclass(frozen=True)
class Tagged:
    """A value of a union and the number of its child."""

    tag: int
    value: object


@dataclass(frozen=True)
class Kind:
    """A type of ORC, as far as the judges tell types apart."""

    name: str
    children: tuple = ()

    def preorder(self):
        """This type and those below, in the order of their ids."""
        yield self
        for child in self.children:
            yield from child.preorder()


SCALARS = [
    (is_.is_null, "null"),
    (is_.is_boolean, "boolean"),
    (is_.is_uint64, "decimal"),
    (is_.is_int8, "byte"),
    (is_.is_integer, "int"),
    (is_.is_time, "int"),
    (is_.is_floating, "float"),
    (is_.is_decimal, "decimal"),
    (is_.is_date, "date"),
    (is_.is_timestamp, "timestamp"),
]
TEXTS = {pa.string(), pa.large_string(), pa.string_view()}


def is_list(kind):
    return any(test(kind) for test in (is_.is_list, is_.is_large_list, is_.is_list_view, is_.is_fixed_size_list))


def kind_of(arrow):
    """The type of ORC that an Arrow type becomes."""
    if is_.is_dictionary(arrow) or is_.is_run_end_encoded(arrow):
        return kind_of(arrow.value_type)
    if is_.is_struct(arrow) or is_.is_union(arrow):
        name = "struct" if is_.is_struct(arrow) else "union"
        return Kind(name, tuple(kind_of(arrow.field(index).type) for index in range(arrow.num_fields)))
    if is_.is_map(arrow):
        return Kind("map", (kind_of(arrow.key_type), kind_of(arrow.item_type)))
    if is_list(arrow):
        return Kind("list", (kind_of(arrow.value_type),))
    if arrow in TEXTS:
        return Kind("string")
    return Kind(next((name for test, name in SCALARS if test(arrow)), "binary"))


def values(array):
    """The values of an array that is no slice."""
    kind = array.type
    if is_.is_dictionary(kind):
        return values(array.dictionary_decode())
    if is_.is_run_end_encoded(kind):
        return values(pc.run_end_decode(array))
    if is_.is_struct(kind):
        return masked(array, zip(*(values(array.field(index)) for index in range(kind.num_fields))))
    if is_.is_map(kind):
        return masked(array, cut(array, list(zip(values(array.keys), values(array.items)))))
    if is_.is_fixed_size_list(kind):
        size, items = kind.list_size, values(array.values)
        return masked(array, [items[row * size : (row + 1) * size] for row in range(len(array))])
    if is_.is_list_view(kind):
        items, places = values(array.values), zip(array.offsets.to_pylist(), array.sizes.to_pylist())
        return masked(array, [items[start : start + size] for start, size in places])
    if is_list(kind):
        return masked(array, cut(array, values(array.values)))
    if is_.is_union(kind):
        return union_values(array)
    return scalars(array)


def scalars(array):
    kind = array.type
    if is_.is_timestamp(kind):
        factor = NANOS[kind.unit]
        return [None if count is None else count * factor for count in array.cast(pa.int64()).to_pylist()]
    if is_.is_time(kind):
        return array.cast(pa.int32() if is_.is_time32(kind) else pa.int64()).to_pylist()
    if is_.is_date64(kind):
        return array.cast(pa.date32()).to_pylist()
    if is_.is_float16(kind):
        return array.cast(pa.float32()).to_pylist()
    if is_.is_uint64(kind):
        return [None if value is None else Decimal(value) for value in array.to_pylist()]
    return array.to_pylist()


def union_values(array):
    """Child by child; a row is null where its child is, and no tag is kept of it."""
    codes = {code: index for index, code in enumerate(array.type.type_codes)}
    tags = [codes[code] for code in array.type_codes.to_pylist()]
    children = [values(array.field(index)) for index in range(array.type.num_fields)]
    rows = array.offsets.to_pylist() if array.type.mode == "dense" else range(len(array))
    found = ((tag, children[tag][row]) for tag, row in zip(tags, rows))
    return [None if value is None else Tagged(tag, value) for tag, value in found]


def cut(array, items):
    offsets = array.offsets.to_pylist()
    return [items[start:end] for start, end in zip(offsets, offsets[1:])]


def masked(array, found):
    return [value if valid else None for value, valid in zip(found, array.is_valid().to_pylist())]


def same(found, want):
    """Whether a value is the wanted one, to the bit and of the same type."""
    if isinstance(want, float) and isinstance(found, float):
        return struct.pack("<d", found) == struct.pack("<d", want) or (found != found and want != want)
    if isinstance(want, Tagged):
        if isinstance(found, Tagged):
            return found.tag == want.tag and same(found.value, want.value)
        return same(found, want.value)  # of a reader that gives the values of unions without their tags
    if isinstance(want, (list, tuple)):
        if not isinstance(found, (list, tuple)) or len(found) != len(want):
            return False
        return all(map(same, found, want))
    return type(found) is type(want) and found == want


def check(name, found, wanted):
    """Fails with the first value that differs."""
    assert len(found) == len(wanted), f"{name}: {len(found)} rows, {len(wanted)} wanted"
    for row, (value, want) in enumerate(zip(found, wanted)):
        assert same(value, want), f"column {name!r} row {row}: found {shown(value)}, wanted {shown(want)}"


def shown(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:100]}... ({len(text)} characters)"


def day(number):
    """The date of a day counted from 1970."""
    return dt.date.fromordinal(number + dt.date(1970, 1, 1).toordinal())
