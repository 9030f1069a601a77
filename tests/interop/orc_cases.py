"""Tables of every type that ORC can hold, and the settings to write them with.

Each table is made once with the most rows; smaller ones are its first rows. Under nulls lies garbage.
"""

import datetime as dt
import functools
import itertools
import random
import struct
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet

import orc_nested

ROWS = 30_000
BATCH_ROWS = 777
DAY_RANGE = (dt.date.min.toordinal() - 719_163, dt.date.max.toordinal() - 719_163)
SECOND = 10**9


def integers(rng, low, high):
    """Runs of every shape: equal, rising, falling, small, wide, mostly small, and the extremes."""

    def clamp(value):
        return max(low, min(high, value))

    shapes = [
        lambda start, at: start,
        lambda start, at: clamp(start + at),
        lambda start, at: clamp(start - 7 * at),
        lambda start, at: clamp(start + at * at),
        lambda start, at: clamp(rng.randrange(100)),
        lambda start, at: rng.randint(low, high),
        lambda start, at: clamp(rng.randrange(100) if at % 40 else rng.randint(low, high)),
        lambda start, at: rng.choice([low, high]),
        lambda start, at: clamp(rng.choice([0, -1, 1, 255, 256])),
    ]
    while True:
        shape, start = rng.choice(shapes), rng.randint(low, high)
        for at in range(rng.choice([1, 2, 3, 9, 10, 11, 130, 511, 512, 513, rng.randint(1, 900)])):
            yield shape(start, at)


def taken(count, values):
    return list(itertools.islice(values, count))


def masks(rng, rows):
    """Where values are: everywhere, nowhere, mostly, rarely, and in long runs."""
    runs = itertools.chain.from_iterable([rng.random() < 0.5] * rng.randint(1, 3000) for _ in itertools.count())
    return {
        "full": None,
        "none": [False] * rows,
        "most": [rng.random() < 0.9 for _ in range(rows)],
        "few": [rng.random() < 0.03 for _ in range(rows)],
        "runs": taken(rows, runs),
    }


def hidden(array, mask):
    """The array with nulls where the mask is false, and the values still under them."""
    if mask is None:
        return array
    bitmap = pa.array(mask).buffers()[1]
    if pa.types.is_dictionary(array.type):
        return pa.DictionaryArray.from_arrays(hidden(array.indices, mask), array.dictionary)
    return pa.Array.from_buffers(array.type, len(array), [bitmap, *array.buffers()[1:]])


def float_values(rng, size):
    special = [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1.5, -1.5]
    shape, bits = {16: ("<e", "<H"), 32: ("<f", "<I"), 64: ("<d", "<Q")}[size]
    while True:
        block = rng.choice(["special", "finite", "bits"])
        for _ in range(rng.randint(1, 2500)):
            if block == "special":
                yield rng.choice(special)
            elif block == "finite":
                yield rng.randrange(-2000, 2000) / 8
            else:
                yield struct.unpack(shape, struct.pack(bits, rng.getrandbits(size)))[0]


def decimals(rng, precision, scale):
    most = 10**precision - 1
    for unscaled in integers(rng, -most, most):
        yield Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale))


def timestamps(rng, low, high, unit):
    """Counts of a unit; ORC has no place for the last fraction of a second before 1970."""
    per_second = SECOND // unit
    for count in integers(rng, low * per_second, high * per_second):
        yield 0 if -per_second <= count < 0 else count


def texts(rng):
    pieces = ["", "a", "Zoë", "東京", "😀", "\0", "tab\t", "a longer text that does not repeat ", "\U0010ffff"]
    while True:
        block = rng.choice(["few", "many", "empty", "sorted"])
        for at in range(rng.randint(1, 3000)):
            if block == "few":
                yield rng.choice(pieces)
            elif block == "many":
                yield rng.choice(pieces) + str(rng.getrandbits(rng.choice([8, 40])))
            else:
                yield "" if block == "empty" else f"key {at:08}"


def scalar_types():
    """Names, types, and endless values of each."""
    rng = random.Random(4)
    for bits in (8, 16, 32, 64):
        yield f"i{bits}", getattr(pa, f"int{bits}")(), integers(rng, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        yield f"u{bits}", getattr(pa, f"uint{bits}")(), integers(rng, 0, 2**bits - 1)
    yield "flag", pa.bool_(), (value > 49 for value in integers(rng, 0, 99))
    for bits in (16, 32, 64):
        yield f"f{bits}", getattr(pa, f"float{bits}")(), float_values(rng, bits)
    yield "sums", pa.float64(), (value / 16 for value in integers(rng, -(2**40), 2**40))
    for bits, precision, scale in [(32, 9, 2), (64, 18, 0), (128, 38, 10), (128, 38, 38), (128, 5, 5), (256, 38, 3)]:
        kind = getattr(pa, f"decimal{bits}")(precision, scale)
        yield f"d{bits}_{precision}_{scale}", kind, decimals(rng, precision, scale)
    for name, kind, unit in [("date32", pa.date32(), 1), ("date64", pa.date64(), 86_400_000)]:
        yield name, kind, (value * unit for value in integers(rng, *DAY_RANGE))
    for unit, nanos in [("s", SECOND), ("ms", 10**6)]:
        yield f"t32_{unit}", pa.time32(unit), integers(rng, 0, 86_399 * SECOND // nanos)
    for unit, nanos in [("us", 1000), ("ns", 1)]:
        yield f"t64_{unit}", pa.time64(unit), integers(rng, 0, 86_399 * SECOND // nanos)
    ages = {"s": (-62_135_596_800, 253_402_300_799), "ms": (-62_135_596_800, 253_402_300_799)}
    for unit, nanos in [("s", SECOND), ("ms", 10**6), ("us", 1000), ("ns", 1)]:
        years = ages.get(unit, (-8_000_000_000, 9_000_000_000))
        yield f"ts_{unit}", pa.timestamp(unit), timestamps(rng, *years, nanos)
        yield f"tz_{unit}", pa.timestamp(unit, "Europe/Paris"), timestamps(rng, -(10**9), 2 * 10**9, nanos)
    yield "nothing", pa.null(), itertools.repeat(None)


def of_counts(kind, values):
    """An array of a type that is a count of units, which Python's own types could not all hold."""
    if pa.types.is_float16(kind):
        return pa.array(values, pa.float32()).cast(kind)
    if pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_timestamp(kind):
        return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    return pa.array(values, kind)


@functools.cache
def scalars():
    rng = random.Random(1)
    modes = itertools.cycle(["most", "full", "runs", "few"])
    columns = {}
    for (name, kind, values), mode in zip(scalar_types(), modes):
        array = of_counts(kind, taken(ROWS, values))
        columns[name] = array if pa.types.is_null(kind) else hidden(array, masks(rng, ROWS)[mode])
    columns["i64_none"] = hidden(pa.array(range(ROWS), pa.int64()), [False] * ROWS)
    columns["row"] = pa.array(range(ROWS), pa.int32())
    return pa.table(columns)


@functools.cache
def strings():
    rng = random.Random(2)
    mask = masks(rng, ROWS)
    few = [None, "unused", "Zoë", "", "東京", "b", "a"]
    indices = pa.array([2 + rng.randrange(5) for _ in range(ROWS)], pa.int8())
    runs = itertools.chain.from_iterable(
        [rng.choice([None, "x", "y", ""])] * rng.randint(1, 90) for _ in itertools.count()
    )
    columns = {
        "utf8": hidden(pa.array(taken(ROWS, texts(rng))), mask["most"]),
        "large": hidden(pa.array(taken(ROWS, texts(rng)), pa.large_string()), mask["runs"]),
        "view": pa.array(taken(ROWS, texts(rng)), pa.string_view()),
        "few": hidden(pa.array([rng.choice("abcde") * 9 for _ in range(ROWS)]), mask["few"]),
        "unique": pa.array([f"{rng.getrandbits(64):016x}" for _ in range(ROWS)]),
        "none": hidden(pa.array(["x"] * ROWS), mask["none"]),
        "empty": pa.array([""] * ROWS),
        "dictionary": hidden(pa.DictionaryArray.from_arrays(indices, pa.array(few)), mask["most"]),
        "dictionary_of_ints": pa.array([rng.randrange(9) - 4 for _ in range(ROWS)]).dictionary_encode(),
        "runs": pc.run_end_encode(pa.array(taken(ROWS, runs), pa.string())),
        "binary": hidden(pa.array([value.encode() for value in taken(ROWS, texts(rng))]), mask["most"]),
        "large_binary": pa.array([rng.randbytes(rng.randrange(9)) for _ in range(ROWS)], pa.large_binary()),
        "binary_view": pa.array([rng.randbytes(rng.randrange(40)) for _ in range(ROWS)], pa.binary_view()),
        "fixed": hidden(pa.array([rng.randbytes(5) for _ in range(ROWS)], pa.binary(5)), mask["runs"]),
    }
    return pa.table(columns)


@functools.cache
def nested():
    return orc_nested.table(ROWS)


TABLES = {"scalars": scalars, "strings": strings, "nested": nested}


# What Parquet has no type for; it makes milliseconds of seconds.
NOT_IN_PARQUET = {"t32_s", "dictionary", "runs", "views", "sparse", "dense", "list_of_unions"}


def write(name, rows, path):
    """Writes the first rows, in batches that fit no border of ORC: the names of the columns."""
    table = TABLES[name]().slice(0, rows)
    if path.suffix == ".parquet":
        table = table.drop_columns([column for column in table.column_names if column in NOT_IN_PARQUET])
        pa.parquet.write_table(table, path, row_group_size=9 * BATCH_ROWS, data_page_size=8192)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=BATCH_ROWS)
    return table.column_names


AXES = {
    "codec": ["zstd", "zlib", "snappy", "lz4", "none", "zstd:9"],
    "block": [4096, 65_536, 262_144],
    "stride": [1000, 10_000],
    # Strides and rows beyond them.
    "rows": [(0, 0), (0, 1), (1, -1), (1, 0), (1, 1), (3, 0)],
    "dictionary": ["auto", "always", "never"],
    "stripe": [None, (1, 0), (2, -1)],
    "threads": [2, 1],
    "profile": ["lake", "instant", "hive3"],
    "source": ["arrow", "parquet"],
    "patched": ["false", "true"],
}


def pairwise():
    """Settings such that every two values of two axes come together, picked greedily."""
    pairs = {
        frozenset([(one, left), (other, right)])
        for one, other in itertools.combinations(AXES, 2)
        for left, right in itertools.product(AXES[one], AXES[other])
    }
    rng = random.Random(3)
    while pairs:
        best = max((draw(rng, pairs) for _ in range(40)), key=lambda case: len(pairs & covered(case)))
        pairs -= covered(best)
        yield best


def draw(rng, pairs):
    """Any settings that cover one of the pairs."""
    wanted = dict(min(pairs, key=lambda pair: sorted(map(str, pair))))
    return {axis: wanted.get(axis, rng.choice(values)) for axis, values in AXES.items()}


def covered(case):
    return {frozenset(pair) for pair in itertools.combinations(case.items(), 2)}


def rows_of(case):
    """How many rows the table of a case has."""
    strides, more = case["rows"]
    return strides * case["stride"] + more


def options(case):
    """The settings as arguments of the program."""
    stride = case["stride"]
    settings = {
        "orc.block_bytes": case["block"], "orc.row_index_stride": stride,
        "orc.dictionary": case["dictionary"], "orc.profile": case["profile"], "orc.times": "integer",
        "orc.patched_base": case["patched"],
    }
    if case["stripe"]:
        strides, more = case["stripe"]
        settings["stripe_rows"] = strides * stride + more
    assignments = itertools.chain.from_iterable(["--set", f"{name}={value}"] for name, value in settings.items())
    return [*assignments, "--compression", case["codec"], "--threads", case["threads"]]
