#!/usr/bin/env python3
"""Makes the hostile samples: values and names that break careless writers and readers.

  make_hostile.py DIR

Writes DIR/hostile.parquet (hostile values under plain names) and DIR/hostile_names.parquet (plain values
under hostile names). Every column repeats its list of values, each list of another length, so that values
meet in many combinations; the result is the same on every run.
"""
import datetime as dt
import sys
from decimal import Decimal
from itertools import cycle, islice

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 331  # more than twice the longest list, and prime: no list repeats at the same place

CONTROLS = [f"c{code:02x}{chr(code)}c" for code in [*range(0x20), 0x7F, 0x85, 0xA0]]
TEXT = [
    None, "", " ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\0", ",", '"', '""', "'", "\\", '\\"', "\\n",
    "plain", " leading", "trailing ", "\tleading tab", "trailing tab\t", "a,b", 'say "hi"', '"quoted"', '"open',
    "line\nfeed", "carriage\rreturn", "both\r\nof them", "ends with newline\n", "\nbegins with newline",
    "ends with return\r", "semi;colon", "pi|pe", "tab\tinside", "nul\0inside", 'all,"of\n it\r\n,"', "#comment", "// no",
    "=1+1", "=cmd|'/C calc'!A0", "+44 20 7946 0000", "-5", "@SUM(A1)", "=HYPERLINK(\"http://example.com\",\"x\")",
    "null", "NULL", "Null", "None", "nil", "NA", "N/A", "\\N", "NaN", "nan", "Infinity", "-Infinity", "inf",
    "true", "false", "TRUE", "yes", "0", "-0", "00123", "1e5", "1.0", "0x1F", "9223372036854775808", "12:30",
    "2024-02-30", "1999-12-31T23:59:59Z", "{}", "[]", '{"a":1}', "[1,2", "<b>&amp;</b>", "%00%0A", "$(id)", "`id`",
    "Zoë Größ", "日本語", "مرحبا", "👍🏽", "👩‍👩‍👧", "e\u0301", "\u2028line\u2029separators", "\ufeffmark", "\u200bzero width",
    "\ufffd", "\uffff", "\U0010ffff", "\ud7ff\ue000", "\u202eright to left", "a" * 15, "a" * 15 + '"', "a" * 16 + "\n",
    "é" * 33, '"' * 64, 'long "text", ' * 900, *CONTROLS,
]
BINARY = [None, b"", b"\0", b"\xff", b"\xff\xfe", b"\0\1\2", b"base64+/=", bytes(range(256)), b'","', b"\r\n"]


def signed(bits):
    top = 2 ** (bits - 1)
    return [None, 0, 1, -1, 9, 10, -10, 99, 100, top - 1, -top, top - 2, -top + 1]


def unsigned(bits):
    return [None, 0, 1, 9, 10, 99, 100, 2 ** (bits - 1) - 1, 2 ** (bits - 1), 2**bits - 2, 2**bits - 1]


DOUBLE = [
    None, 0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e15, 1e16, 1e17, 123456789012345680.0, 1e21, 1e22, 1e-4, 1e-5, 1e-6, 1e-7, 2.5e-8,
    5e-324, -5e-324, 2.2250738585072009e-308, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308,
    9007199254740991.0, 9007199254740992.0, 9007199254740993.0, 5e-315, 1e100, 3.141592653589793, 1.5e300, 4.35,
]
SINGLE = [
    None, 0.0, -0.0, 1.0, -1.5, 0.1, 16777216.0, 16777217.0, 1e10, 1e-10, 3.4028234663852886e38, -3.4028234663852886e38,
    1.401298464324817e-45, 1.1754943508222875e-38, 1.1754942106924411e-38, 3.14159274, 1e7, 9999999.0, 1e16, 1e17,
]
NOT_FINITE = [1.5, float("nan"), None, float("inf"), -0.0, float("-inf")]


def decimals(precision, scale):
    top = 10**precision - 1
    units = [0, 1, -1, 10**scale if scale < precision else 7, -(10 ** (scale // 2)), 5 * 10 ** max(scale - 1, 0), top, -top]
    return [None, *(Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale)) for n in units)]


DATES = [
    None, dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(1582, 10, 4),
    dt.date(1582, 10, 15), dt.date(1900, 2, 28), dt.date(2000, 2, 29), dt.date(2024, 12, 31), dt.date(99, 3, 1),
]
DAY = 86_400
FIRST, LAST = -719_162 * DAY, 2_932_896 * DAY + DAY - 1  # 0001-01-01T00:00:00 and 9999-12-31T23:59:59


def instants(per_second, wide=True):
    """Counts of a unit of time, many of them just before a whole second before 1970."""
    counts = [0, 1, -1, per_second - 1, 1 - per_second, per_second, -per_second, -per_second - 1, -per_second // 2,
              -DAY * per_second, -DAY * per_second - 1, 1_700_000_000 * per_second + per_second // 8, 951_782_400 * per_second]
    if per_second > 1000:
        counts += [per_second // 1000, -(per_second // 1000), per_second // 1000 + 1, -123_456_789 * (per_second // 1000) - 7]
    if wide:
        counts += [FIRST * per_second, LAST * per_second + per_second - 1]
    else:
        counts += [2**63 - 1, -(2**63) + 1]
    return [None, *counts]


WHOLE_SECONDS = [None, *(n * 1_000_000 for n in [0, 1, -1, -2, 1_700_000_000, -2_208_988_800, FIRST, LAST])]


def place(city, country, geo):
    return {"City": city, "Country": country, "Geo": geo}


PLACES = [
    None,
    place("Paris", "FR", {"Lat": 48.85, "Label": "a,b"}),
    place(None, None, None),
    place("", 'q"', {"Lat": None, "Label": None}),
    place(None, "DE", None),
    place("new\nline", None, {"Lat": -0.0, "Label": ""}),
    place("日本", "JP", {"Lat": 5e-324, "Label": "\0"}),
]
TEXT_LISTS = [None, [], [None], [""], ["a", None, ""], ['q"', "b,c", "d\\"], ["\n\r\t\0\x1f\x7f", "\u2028", "👍"], ["x"] * 40]
NUMBER_LISTS = [None, [], [[]], [None], [[1, None, -(2**63)], None, [], [2**63 - 1]], [[0]], [[None]]]
THINGS = pa.struct([
    ("Name", pa.string()), ("Day", pa.date32()), ("At", pa.timestamp("us", "UTC")), ("Amount", pa.decimal128(38, 10)),
    ("Data", pa.binary()), ("Yes", pa.bool_()), ("Big", pa.uint64()), ("Tags", pa.list_(pa.string())),
    ("Extra", pa.map_(pa.string(), pa.int64())),
])


def thing(**fields):
    return {name.name: fields.get(name.name) for name in THINGS}


THING_LISTS = [
    None, [], [None], [thing()],
    [thing(Name='n"', Day=dt.date(1, 1, 1), At=-1, Amount=Decimal("-0.0000000001"), Data=b"\xff", Yes=False, Big=2**64 - 1,
           Tags=[], Extra=[])],
    [thing(Name="", Tags=["a", None], Extra=[("k", 1), ("", -1)]), None, thing(Amount=Decimal("9" * 28 + "." + "9" * 10))],
]
TEXT_MAPS = [
    None, [], [("k", "v")], [("", "")], [('q"\\', "a,b"), ("new\nline", "\0"), ("👍", "\u2028")],
    [("tier", "gold"), ("Tier", "silver"), (" tier", "x"), ("null", "null")], [(f"key{n}", str(n)) for n in range(30)],
]
NUMBER_MAPS = [None, [], [("max", 2**63 - 1), ("min", -(2**63))], [("zero", 0)]]

COLUMNS = [
    ("text", pa.string(), TEXT),
    ("text_large", pa.large_string(), TEXT[::-1]),
    ("text_view", pa.string_view(), TEXT[3:] + TEXT[:3]),
    ("text_dictionary", pa.dictionary(pa.int32(), pa.string()), TEXT[7::3]),
    ("data", pa.binary(), BINARY),
    ("flag", pa.bool_(), [None, True, False]),
    *((f"i{bits}", pa.type_for_alias(f"int{bits}"), signed(bits)) for bits in (8, 16, 32, 64)),
    *((f"u{bits}", pa.type_for_alias(f"uint{bits}"), unsigned(bits)) for bits in (8, 16, 32, 64)),
    ("f32", pa.float32(), SINGLE),
    ("f64", pa.float64(), DOUBLE),
    ("not_finite", pa.float64(), NOT_FINITE),
    *((f"decimal_{p}_{s}", pa.decimal128(p, s), decimals(p, s)) for p, s in ((9, 2), (38, 0), (38, 10), (38, 38))),
    ("decimal_76_20", pa.decimal256(76, 20), decimals(76, 20)),
    ("day", pa.date32(), DATES),
    *((f"ts_{unit}", pa.timestamp(unit), instants(n, unit != "ns")) for unit, n in (("ms", 10**3), ("us", 10**6), ("ns", 10**9))),
    ("ts_ms_utc", pa.timestamp("ms", "UTC"), instants(10**3)[::-1]),
    ("ts_us_zone", pa.timestamp("us", "America/New_York"), instants(10**6)[1:-2]),
    ("ts_ns_offset", pa.timestamp("ns", "+05:30"), instants(10**9, wide=False)[::-1]),
    ("ts_whole", pa.timestamp("us"), WHOLE_SECONDS),
    ("nothing", pa.null(), [None]),
    ("place", pa.struct([("City", pa.string()), ("Country", pa.string()),
                         ("Geo", pa.struct([("Lat", pa.float64()), ("Label", pa.string())]))]), PLACES),
    ("texts", pa.list_(pa.string()), TEXT_LISTS),
    ("numbers", pa.list_(pa.list_(pa.int64())), NUMBER_LISTS),
    ("things", pa.list_(THINGS), THING_LISTS),
    ("labels", pa.map_(pa.string(), pa.string()), TEXT_MAPS),
    ("counts", pa.map_(pa.string(), pa.int64()), NUMBER_MAPS),
]
NAMES = ["a,b", 'say "hi"', "line\nfeed", "return\r", " leading", "trailing ", "Zoë 👍", "tab\there", "back\\slash", "=1+1",
         "nul\0", "\u2028", "null", "1", "ProfileId", "from"]


def column(kind, values):
    """The values, repeated to ROWS rows."""
    rows = list(islice(cycle(values), ROWS))
    if pa.types.is_timestamp(kind):
        return pa.array(rows, pa.int64()).cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(rows, kind.value_type).dictionary_encode()
    return pa.array(rows, kind)


def write(path, table):
    pq.write_table(table, path, compression="zstd", row_group_size=200, data_page_size=8192, version="2.6")
    print(f"{path}: {table.num_rows} rows, {table.num_columns} columns")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = sys.argv[1]
    fields = [("id", pa.int64(), list(range(ROWS))), *COLUMNS]
    write(f"{target}/hostile.parquet", pa.table({name: column(kind, values) for name, kind, values in fields}))
    texts = {name: column(pa.string(), TEXT[shift:] + TEXT[:shift]).slice(0, 40) for shift, name in enumerate(NAMES)}
    write(f"{target}/hostile_names.parquet", pa.table(texts))


if __name__ == "__main__":
    main()
