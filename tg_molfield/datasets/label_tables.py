"""Tables that give numbers of complexes by their names: CSV, TSV, and the index files of PDBbind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tg_molfield.files import Lines, decoded, decoding, format_suffix, shortened
from tg_molfield.files.separated import SeparatedRow, distinct, separated_rows

_NAMES = (
    "name", "id", "title", "complex", "pdb", "pdb_id", "pdbid", "pdb_code", "pdbcode", "code", "entry", "ligand",
    "compound", "molecule",
)  # fmt: skip
"""The usual columns of names, in this order."""

_INDEX_ROW = re.compile(r"(\w{4})\s+(\S+)\s+(\d{4})\s+(?:(-?[\d.]+)\s+)?([A-Za-z0-9]+[<>=~]+\S+)\s*(?://.*)?")
_INDEX_COLUMNS = ("resolution", "release year", "-logKd/Ki", "Kd/Ki")
"""How the index files of PDBbind head what follows the code; not all have the third."""

Values = dict[str, str]


class LabelTable:
    """The rows of a table by name.

    Args:
        path: a CSV or TSV with a header and a column of names (``name``, ``id``, ``pdb``, ``ligand``, …, else the
            first), or an index file of PDBbind, whose columns are ``-logKd/Ki``, ``resolution`` and ``release year``.
        labels: columns that there must be.

    Attributes:
        path: the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: a column is missing, or there is no row.
    """

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        self.path = path
        self._rows: dict[str, list[Values]] = {}
        with decoding(path):
            lines = map(decoded, Lines(path))
            separated = format_suffix(path) in (".csv", ".tsv")
            for name, values in _separated(lines, labels) if separated else _indexed(lines, labels):
                self._rows.setdefault(name, []).append(values)
            if not self._rows:
                raise ValueError("expected rows with names, got none; give a CSV, a TSV or an index file of PDBbind")
        self._folded: dict[str, list[str]] = {}
        for name in self._rows:
            self._folded.setdefault(name.casefold(), []).append(name)

    def values(self, names: Iterable[str]) -> tuple[Values, tuple[str, ...]]:
        """The values of the first of some names that the table has, also in other case, and notes about them.

        Raises:
            ValueError: the table has several rows of that name with different values.
        """
        for name in names:
            found = [name] if name in self._rows else self._folded.get(name.casefold(), [])
            rows = [row for one in found for row in self._rows[one]]
            if any(row != rows[0] for row in rows):
                raise ValueError(
                    f"{self.path.name}: expected one row of {name[:40]!r}, got {len(rows)}; remove the others"
                )
            if rows:
                return rows[0], tuple(_notes(rows[0]))
        return {}, ()


def _notes(values: Values) -> Iterator[str]:
    measured = values.get("Kd/Ki", "")
    if "-logKd/Ki" in values and (sign := next((sign for sign in "<>~" if sign in measured), "")):
        yield f"Kd/Ki: expected measured values, got bounds or estimates with {sign!r}; leave them out by pre_filter"


def _separated(lines: Iterator[str], labels: tuple[str, ...]) -> Iterator[tuple[str, Values]]:
    rows = separated_rows(lines)
    columns = [name.strip() for name in next(rows, SeparatedRow([])).fields]
    for label in labels:
        if columns.count(label) != 1:
            raise ValueError(
                f"labels: expected one column {label!r}, got {columns.count(label)} among "
                f"{shortened(', '.join(columns), 80)}; correct the name"
            )
    plain = [re.sub(r"[\s-]+", "_", name.lower()) for name in columns]
    at = next((plain.index(name) for name in _NAMES if name in plain), 0)
    columns = distinct(columns)
    for number, (row, fault) in enumerate(rows, 2):
        if fault:
            raise ValueError(f"row {number}: {fault.removeprefix('row: ')}")
        if at < len(row) and row[at].strip():
            yield row[at].strip(), {name: text.strip() for name, text in zip(columns, row, strict=False)}


def _indexed(lines: Iterator[str], labels: tuple[str, ...]) -> Iterator[tuple[str, Values]]:
    for label in labels:
        if label not in _INDEX_COLUMNS:
            raise ValueError(
                f"labels: expected a column of the index ({', '.join(_INDEX_COLUMNS)}), got {label[:40]!r}; correct "
                "the name, or give a table with the suffix .csv or .tsv"
            )
    for line in lines:
        if match := _INDEX_ROW.match(line):
            values = dict(zip(_INDEX_COLUMNS, match.groups()[1:], strict=True))
            yield match[1], {name: value for name, value in values.items() if value is not None}
