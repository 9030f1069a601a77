"""ORC as other programs read it: for each column the values, as `orc_truth` has them."""

import base64
from decimal import Decimal

import pyarrow.orc
import pyorc

import orc_truth
from orc_truth import Tagged


def read_pyarrow(path, kinds):
    """C++ through Arrow. It has nanoseconds of 64 bits for every timestamp, and no tag of a union is lost."""
    table = pyarrow.orc.ORCFile(path).read(columns=list(kinds))
    return {name: [value for chunk in table[name].chunks for value in orc_truth.values(chunk)] for name in kinds}


class Nanoseconds(pyorc.converters.ORCConverter):
    """Timestamps as nanoseconds since 1970: Python's own type would cut them to microseconds."""

    @staticmethod
    def from_orc(seconds, nanoseconds, timezone):
        return seconds * 10**9 + nanoseconds

    @staticmethod
    def to_orc(value, timezone):
        return divmod(value, 10**9)


CONVERTERS = {pyorc.TypeKind.TIMESTAMP: Nanoseconds, pyorc.TypeKind.TIMESTAMP_INSTANT: Nanoseconds}


def open_pyorc(file, **options):
    return pyorc.Reader(file, converters=CONVERTERS, struct_repr=pyorc.StructRepr.TUPLE, **options)


def read_pyorc(path, kinds):
    """C++ through plain rows. A map is a dict there, which has each key once."""
    with open(path, "rb") as file:
        rows = list(open_pyorc(file, column_names=list(kinds)))
    return {name: [pyorc_value(kind, row[at]) for row in rows] for at, (name, kind) in enumerate(kinds.items())}


# C++ cannot skip strings right after a seek when all of them are empty, whoever wrote them.
ONLY_EMPTY = "StringDirectColumnReader::skip: lastBuffer_ is null"


def seek_pyorc(path, name, kind, target, count):
    """Some values of a column from a row on; none where the reader cannot go there."""
    with open(path, "rb") as file:
        reader = open_pyorc(file, column_names=[name])
        try:
            reader.seek(target)
        except pyorc.errors.ParseError as error:
            if ONLY_EMPTY in str(error):
                return None
            raise
        return [pyorc_value(kind, value) for (value,) in reader.read(count)]


def pyorc_value(kind, value):
    if value is None or not kind.children:
        return value
    if kind.name == "struct":
        return tuple(map(pyorc_value, kind.children, value))
    if kind.name == "list":
        return [pyorc_value(kind.children[0], item) for item in value]
    if kind.name == "map":
        key_kind, item_kind = kind.children
        return [(pyorc_value(key_kind, key), pyorc_value(item_kind, item)) for key, item in value.items()]
    return value


JAVA = {"float": float, "decimal": Decimal, "date": orc_truth.day, "binary": base64.b64decode}


def java_value(kind, value):
    """A value as `OrcDump` shows it."""
    if value is None:
        return None
    if kind.name == "struct":
        return tuple(map(java_value, kind.children, value))
    if kind.name == "list":
        return [java_value(kind.children[0], item) for item in value]
    if kind.name == "map":
        return [tuple(map(java_value, kind.children, pair)) for pair in value]
    if kind.name == "union":
        tag, value = value
        return Tagged(tag, java_value(kind.children[tag], value))
    return JAVA[kind.name](value) if kind.name in JAVA else value


def of_java(rows, kinds):
    """Rows of `OrcDump` as columns."""
    return {name: [java_value(kind, row[at]) for row in rows] for at, (name, kind) in enumerate(kinds.items())}
