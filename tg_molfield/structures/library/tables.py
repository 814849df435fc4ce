"""Tables of SMILES: one molecule a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tg_molfield.files import decoded, shortened
from tg_molfield.files.separated import SeparatedRow, distinct, separated_rows

TABLES = (".smi", ".smiles", ".csv", ".tsv")
"""Their suffixes, each also with ``.gz``."""

_TITLES = ("name", "title", "id", "molecule", "compound", "chembl_id", "zinc_id")
_EXTENSION = re.compile(r"^\|[^|]*\|")
"""Of CXSMILES, between the SMILES and the title."""
_NO_SMILES = "smiles: expected a SMILES, got nothing; complete the row"


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        title: the name of the molecule, may be empty.
        smiles: its SMILES.
        fault: what is wrong with the row, or an empty text.
        values: the text of each other column that is not blank; that of the title only where it is no usual one, or is
            one of the labels.
    """

    title: str
    smiles: str
    fault: str
    values: Mapping[str, str]


def table_rows(lines: Iterable[str], suffix: str, labels: tuple[str, ...] = ()) -> Iterator[Row]:
    """The rows of a table that are not blank.

    ``.smi`` and ``.smiles`` have a SMILES and, after a blank, a title in each row; a first row that begins with the
    word SMILES is a header. ``.csv`` and ``.tsv`` have a header with a column ``smiles``, and may have one of titles
    (``name``, ``title``, ``id``, …, whatever the case; else the first other column that is no label, where it has no
    numbers).

    Args:
        lines: of the file.
        suffix: of its name.
        labels: columns that there must be, named as in the header.

    Raises:
        ValueError: there is no column of SMILES, or none of some label.
    """
    if suffix in (".csv", ".tsv"):
        return _separated(separated_rows(map(decoded, lines)), labels)
    if labels:
        raise ValueError(f"labels: expected a table with columns (.csv, .tsv), got {suffix}; convert it")
    return _plain(decoded(line) for line in lines if line.strip())


def _plain(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines):
        words = line.split(None, 1)
        if number == 0 and words[0].lower() == "smiles":
            continue
        title = _EXTENSION.sub("", words[1]).strip() if len(words) > 1 else ""
        yield Row(title, line.strip(), "", {})


def _separated(rows: Iterator[SeparatedRow], labels: tuple[str, ...]) -> Iterator[Row]:
    header = next(rows, SeparatedRow([]))
    columns = [name.strip() for name in header.fields]
    names = [name.lower() for name in columns]
    column = next((names.index(name) for name in ("smiles", "canonical_smiles") if name in names), None)
    if column is None:
        raise ValueError(f"expected a column 'smiles' in the first row, got {', '.join(names)[:40]!r}; name the column")
    if names.count(names[column]) > 1:
        raise ValueError(f"expected one column {names[column]!r}, got {names.count(names[column])}; rename the others")
    for label in labels:
        if columns.count(label) != 1:
            raise ValueError(
                f"labels: expected one column {label!r}, got {columns.count(label)} among "
                f"{shortened(', '.join(columns), 80)}; correct the name"
            )
    others = [row for row in range(len(names)) if row != column]
    known = [names.index(name) for name in _TITLES if name in names]
    title = next(iter(known + [at for at in others if columns[at] not in labels]), None)
    kept = [at for at in others if columns[at] and (not known or at != title or columns[at] in labels)]
    columns = distinct(columns)
    for row, fault in rows:
        if fault:
            yield Row("", "", fault, {})
            continue
        smiles = row[column].strip() if column < len(row) else ""
        name = row[title].strip() if title is not None and title < len(row) else ""
        name = "" if not known and _is_number(name) else name
        values = {columns[at]: row[at].strip() for at in kept if at < len(row) and row[at].strip()}
        yield Row(name, smiles, "" if smiles else _NO_SMILES, values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
