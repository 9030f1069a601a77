"""Predicates, as the columns answer them and as readers push them down to row groups."""

import datetime as dt
from dataclasses import dataclass

import pyorc
from pyorc.predicates import PredicateColumn

import orc_readers

LITERALS = {
    "byte": "LONG", "int": "LONG", "float": "FLOAT", "string": "STRING", "date": "DATE", "timestamp": "TIMESTAMP",
    "decimal": "DECIMAL", "boolean": "BOOLEAN",
}
COMPARISONS = {
    "equals": lambda value, wanted: value == wanted[0],
    "nullSafeEquals": lambda value, wanted: value == wanted[0],
    "lessThan": lambda value, wanted: value < wanted[0],
    "lessThanEquals": lambda value, wanted: value <= wanted[0],
    "between": lambda value, wanted: wanted[0] <= value <= wanted[1],
    "in": lambda value, wanted: value in wanted,
}
PYORC_KINDS = {
    "byte": pyorc.TypeKind.BYTE, "int": pyorc.TypeKind.LONG, "float": pyorc.TypeKind.DOUBLE,
    "string": pyorc.TypeKind.STRING, "date": pyorc.TypeKind.DATE, "timestamp": pyorc.TypeKind.TIMESTAMP,
    "decimal": pyorc.TypeKind.DECIMAL, "boolean": pyorc.TypeKind.BOOLEAN,
}


@dataclass(frozen=True)
class Predicate:
    """A comparison of a column with literals."""

    column: str
    op: str
    wanted: tuple = ()
    negated: bool = False

    def holds(self, value):
        """What SQL says of a value; unknown does not hold, negated or not."""
        if self.op == "isNull":
            return (value is None) != self.negated
        if value is None:
            return self.negated and self.op == "nullSafeEquals"
        return COMPARISONS[self.op](value, self.wanted) != self.negated

    def rows(self, columns):
        """The rows of the whole file for which it holds."""
        return [row for row, value in enumerate(columns[self.column]) if self.holds(value)]

    def check(self, path, kinds, columns, orc_java):
        """How many rows ORC Java reads; fails when one that is wanted is not among them, or is another."""
        kind = kinds[self.column]
        command = {"column": self.column, "op": self.op, "not": self.negated, "type": LITERALS[kind.name]}
        answer = orc_java.ask("sarg", path, values=[java_literal(value) for value in self.wanted], **command)
        assert answer["bad"] == [], f"{self}: other values after rows that were skipped: rows {answer['bad']}"
        read = [row for start, end in answer["ranges"] for row in range(start, end)]
        lost = set(self.rows(columns)).difference(read)
        assert not lost, f"{self}: lost {len(lost)} rows, such as {min(lost)}"
        return len(read)

    def is_for_pyorc(self, kinds):
        """Whether ORC C++ can be asked. Of times before 1970 it cuts the statistics towards zero and loses rows."""
        is_early = kinds[self.column].name == "timestamp" and any(value < 0 for value in self.wanted)
        return self.op in {"equals", "lessThan", "lessThanEquals", "between"} and not is_early

    def check_pyorc(self, path, kinds, columns):
        """The same with ORC C++, by the column `row`."""
        kind = kinds[self.column]
        options = {"precision": 38, "scale": 2} if kind.name == "decimal" else {}
        place = PredicateColumn(PYORC_KINDS[kind.name], self.column, **options)
        with open(path, "rb") as file:
            predicate, names = pyorc_predicate(self, place), ["row", self.column]
            found = [row for row, _ in orc_readers.open_pyorc(file, predicate=predicate, column_names=names)]
        lost = set(self.rows(columns)).difference(found)
        assert not lost, f"{self}: lost {len(lost)} rows, such as {min(lost)}"
        return len(found)


def pyorc_predicate(predicate, place):
    wanted = predicate.wanted
    built = {
        "equals": lambda: place == wanted[0],
        "lessThan": lambda: place < wanted[0],
        "lessThanEquals": lambda: place <= wanted[0],
        "between": lambda: (place >= wanted[0]) & (place <= wanted[1]),
    }[predicate.op]()
    return ~built if predicate.negated else built


def java_literal(value):
    return value.isoformat() if isinstance(value, dt.date) else str(value)
