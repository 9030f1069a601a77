"""Statistics as they must be, made again from the values, and how far those of a file may be from them.

The fields have the names of the format's own messages (ORC v1 specification, "Column Statistics").
"""

import datetime as dt
from decimal import Decimal, localcontext

LONGEST_TEXT = 1024
INT64 = range(-(2**63), 2**63)
MESSAGES = {
    "boolean": "bucket_statistics", "byte": "int_statistics", "int": "int_statistics",
    "float": "double_statistics", "string": "string_statistics", "binary": "binary_statistics",
    "date": "date_statistics", "timestamp": "timestamp_statistics", "decimal": "decimal_statistics",
    "list": "collection_statistics", "map": "collection_statistics",
}


def slots(kind, values):
    """For each type id the values that have a place in its streams: none where the parent is null."""
    yield kind, values
    there = [value for value in values if value is not None]
    if kind.name == "struct":
        for at, child in enumerate(kind.children):
            yield from slots(child, [value[at] for value in there])
    elif kind.name == "union":
        for tag, child in enumerate(kind.children):
            yield from slots(child, [value.value for value in there if value.tag == tag])
    elif kind.name == "list":
        yield from slots(kind.children[0], [item for value in there for item in value])
    elif kind.name == "map":
        pairs = [pair for value in there for pair in value]
        for side, child in enumerate(kind.children):
            yield from slots(child, [pair[side] for pair in pairs])


def check(kind, values, found, where):
    """Fails where the statistics of a column are not those of its values."""
    there = [value for value in values if value is not None]
    assert found.get("number_of_values") == len(there), f"{where}: count {found}, {len(there)} wanted"
    assert found.get("has_null") is (len(there) < len(values)), f"{where}: has_null {found}"
    name = MESSAGES.get(kind.name)
    others = {key for key in found if key.endswith("_statistics")} - {name}
    if kind.name == "null":  # of whatever type it is written
        return
    assert not others, f"{where}: statistics of another type: {others}"
    if name:
        assert name in found, f"{where}: no {name}"
        message = found[name]
        problem = CHECKS[name](message, there, found)
        assert not problem, f"{where}: {problem}: {message} of {len(there)} values"


def wrong_range(message, low, high, fields=("minimum", "maximum")):
    got = tuple(message.get(field) for field in fields)
    return None if got == (low, high) else f"range {got}, ({low!r}, {high!r}) wanted"


def integers(message, there, _):
    if not there:
        return None if not message.get("sum") else "a sum of nothing"
    total = sum(there)
    # It may be missing when a part of it overflowed.
    must_be_there = sum(map(abs, there)) in INT64
    if message.get("sum") != (total if total in INT64 else None) and ("sum" in message or must_be_there):
        return f"sum, {total} wanted"
    return wrong_range(message, min(there), max(there))


def floats(message, there, _):
    if not there:
        return None
    low, high, total = (float(message.get(field, "nan")) for field in ("minimum", "maximum", "sum"))
    numbers = [value for value in there if value == value]
    if len(numbers) < len(there):
        if total == total:
            return "a sum in spite of NaN"
        outside = numbers and low == low and high == high and not (low <= min(numbers) and high >= max(numbers))
        return "a range that leaves values out" if outside or low > high else None
    want_low, want_high = min(there), max(there)
    if (low, high) != (want_low, want_high):
        return f"range ({low}, {high}), ({want_low}, {want_high}) wanted"
    # Readers that order zeros must not skip the negative one.
    signs = {str(value) for value in there if value == 0}
    if (low == 0 and "-0.0" in signs and str(low) != "-0.0") or (high == 0 and "0.0" in signs and str(high) != "0.0"):
        return "a zero of the wrong sign"
    # The order of the additions is the writer's own; of infinities any sum comes out.
    wanted, slack = sum(there), 1e-9 * sum(map(abs, there))
    is_right = slack == float("inf") or abs(total - wanted) <= slack
    return None if is_right else f"sum, {wanted} wanted"


def strings(message, there, _):
    if not there:
        return None if not message.get("sum") else "a sum of nothing"
    texts = [value.encode() for value in there]
    if message.get("sum") != sum(map(len, texts)):
        return "sum"
    low, high = min(texts), max(texts)
    if wrong_lower(message, low) or wrong_upper(message, high):
        return f"range, ({low[:40]!r} of {len(low)}, {high[:40]!r} of {len(high)}) wanted"
    return None


def wrong_lower(message, low):
    if len(low) <= LONGEST_TEXT:
        return message.get("minimum") != low.decode()
    bound = message.get("lower_bound", "").encode()
    # Cut before a character that does not fit, of four bytes at most.
    return "minimum" in message or not (low.startswith(bound) and LONGEST_TEXT - 4 < len(bound) <= LONGEST_TEXT)


def wrong_upper(message, high):
    if len(high) <= LONGEST_TEXT:
        return message.get("maximum") != high.decode()
    bound = message.get("upper_bound")
    if bound is None:  # where no text of that length is greater
        return set(high.decode()[: LONGEST_TEXT // 4]) != {"\U0010ffff"}
    return "maximum" in message or not (high < bound.encode() and len(bound.encode()) <= LONGEST_TEXT)


def binaries(message, there, _):
    return None if message.get("sum", 0) == sum(map(len, there)) else "sum"


def booleans(message, there, _):
    return None if message.get("count") == [sum(there)] else f"count, {sum(there)} wanted"


def dates(message, there, _):
    if not there:
        return None
    first = dt.date(1970, 1, 1).toordinal()
    return wrong_range(message, min(there).toordinal() - first, max(there).toordinal() - first)


def timestamps(message, there, found):
    if not there:
        return None
    low, high = min(there), max(there)
    # One more than the nanoseconds in the millisecond; not there: the first and the last.
    nanos = (message.get("minimum_nanos", 1) - 1, message.get("maximum_nanos", 10**6) - 1)
    if nanos != (low % 10**6, high % 10**6):
        return f"nanoseconds, {low % 10**6} and {high % 10**6} wanted"
    if "minimum" in message or "maximum" in message:
        return "times in the zone of the writer"
    read = wrong_range(found, low, high, ("javaMinimum", "javaMaximum"))
    return read or wrong_range(message, low // 10**6, high // 10**6, ("minimum_utc", "maximum_utc"))


def decimals(message, there, _):
    if not there:
        return None
    with localcontext(prec=100):
        got = {field: Decimal(message[field]) for field in ("minimum", "maximum", "sum") if field in message}
        total, most = sum(there), sum(map(abs, there))
        # It may be missing when a part of it overflowed.
        if got.get("sum") != (total if fits(total) else None) and ("sum" in got or fits(most)):
            return f"sum, {total} wanted"
        return wrong_range(got, min(there), max(there))


def fits(total):
    """Whether 38 digits hold a sum."""
    return len(total.as_tuple().digits) <= 38 and total.adjusted() < 38


def collections(message, there, _):
    sizes = list(map(len, there))
    if not sizes:
        return None if not message.get("total_children") else "children of nothing"
    if message.get("total_children") != sum(sizes):
        return f"total, {sum(sizes)} wanted"
    return wrong_range(message, min(sizes), max(sizes), ("min_children", "max_children"))


CHECKS = {
    "bucket_statistics": booleans, "int_statistics": integers, "double_statistics": floats,
    "string_statistics": strings, "binary_statistics": binaries, "date_statistics": dates,
    "timestamp_statistics": timestamps, "decimal_statistics": decimals, "collection_statistics": collections,
}
