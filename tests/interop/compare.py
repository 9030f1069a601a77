"""Whether what a reader found is what the source holds.

A reader may give a value natively or as text; text must have just the documented form.
"""

import base64
import datetime as dt
import json
import re
import struct
from decimal import Decimal

import pyarrow as pa

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{3}|\d{6}|\d{9}))?(Z?)")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
EPOCH = dt.datetime(1970, 1, 1)
NOT_FINITE = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


class Json:
    """Parses strict JSON and keeps every digit: -0 stays -0, fractions are decimals."""

    @staticmethod
    def loads(text):
        return json.loads(
            text,
            parse_int=lambda digits: Decimal("-0") if digits == "-0" else int(digits),
            parse_float=Decimal,
            parse_constant=Json.refuse,
            object_pairs_hook=Json.once,
        )

    @staticmethod
    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    @staticmethod
    def once(pairs):
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a key comes twice: {keys}")
        return dict(pairs)


def timestamp_of(text, kind):
    """Nanoseconds since 1970 of a timestamp text with the digits of its unit and the `Z` of its zone, or None."""
    match = TIMESTAMP.fullmatch(text)
    if not match or (match[3] == "Z") != (kind.tz is not None) or len(match[2] or "") != DIGITS[kind.unit]:
        return None
    seconds = (dt.datetime.fromisoformat(match[1]) - EPOCH) // dt.timedelta(seconds=1)
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0"))


def same_float(got, want, single):
    shape = "<f" if single else "<d"
    got = float(got)
    if got != got or want != want:
        return got != got and want != want
    return struct.pack(shape, got) == struct.pack(shape, want)


def same_decimal(got, want):
    """Doubles are what some readers take from any JSON number; then only the nearest double is wanted."""
    if isinstance(got, float):
        return got == float(want)
    return isinstance(got, (int, Decimal)) and not isinstance(got, bool) and got == want


def same(got, want, kind, absent):
    """Whether a native value is the wanted one; `absent`: null fields of a struct must be left out."""
    if got is None or want is None:
        return got is None and want is None
    if pa.types.is_boolean(kind):
        return got is want
    if pa.types.is_integer(kind):
        return isinstance(got, int) and not isinstance(got, bool) and got == want
    if pa.types.is_floating(kind):
        return not isinstance(got, (bool, str)) and same_float(got, want, kind == pa.float32())
    if pa.types.is_decimal(kind):
        return same_decimal(got, want)
    if pa.types.is_nested(kind):
        return same_nested(got, want, kind, absent)
    if isinstance(got, str):
        return same_text(got, want, kind)
    return type(got) is type(want) and got == want


def same_nested(got, want, kind, absent):
    if pa.types.is_list(kind):
        return len(got) == len(want) and all(same(g, w, kind.value_type, absent) for g, w in zip(got, want))
    if not isinstance(got, dict):
        return False
    if pa.types.is_map(kind):
        got = got if absent else without_nulls(got)
        return got.keys() == want.keys() and all(same(got[k], want[k], kind.item_type, absent) for k in want)
    got, want = (got, without_nulls(want)) if absent else (without_nulls(got), without_nulls(want))
    return got.keys() == want.keys() and all(same(got[k], want[k], kind.field(k).type, absent) for k in want)


def without_nulls(fields):
    return {name: value for name, value in fields.items() if value is not None}


def same_text(text, want, kind):
    """Whether a text is the documented form of a value that is not null."""
    if pa.types.is_nested(kind):
        return same(Json.loads(text), want, kind, absent=True)
    if pa.types.is_boolean(kind):
        return text == ("true" if want else "false")
    if pa.types.is_integer(kind):
        return text == str(want)
    if pa.types.is_decimal(kind):
        return text == format(want, "f")
    if pa.types.is_floating(kind):
        finite = text not in NOT_FINITE
        return bool(not finite or NUMBER.fullmatch(text)) and same_float(NOT_FINITE.get(text, text), want, kind == pa.float32())
    if pa.types.is_timestamp(kind):
        return timestamp_of(text, kind) == want
    if pa.types.is_date(kind):
        return bool(DATE.fullmatch(text)) and text == want.isoformat()
    if is_binary(kind):
        return text == base64.b64encode(want).decode()
    return text == want


def is_binary(kind):
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def check(column, got, equal):
    """Fails with the first value that differs."""
    assert len(got) == len(column.values), f"{column.name}: {len(got)} rows, {len(column.values)} wanted"
    for row, (found, want) in enumerate(zip(got, column.values)):
        assert equal(found, want), (
            f"column {column.name!r} ({column.type}) row {row}: found {found!r}, wanted {want!r}"
        )
