"""The columns of a table of codes: text, or numbers where all of the text are numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tg_molfield.cli.embed.records import Source
from tg_molfield.text_numbers import parse_number

_LONGEST_INTEGER = 20
"""Characters of the longest number of 64 bits, with its sign."""
_RESERVED = ("row", "file", "record", "name", "smiles", "code", "summary", "neighbors", "distances")
_NUMBERED = ("code_", "summary_", "neighbor_", "distance_")

Values = list[str] | np.ndarray


@dataclass(frozen=True)
class Column:
    """A column of text in the files.

    Attributes:
        name: in the table.
        text: the text of a molecule.
        kind: ``"i8"`` or ``"f8"`` where all of it are numbers, which have to be finite or empty, else ``"U"``.
        width: the characters of the longest text.
    """

    name: str
    text: Callable[[Source], str]
    kind: str
    width: int

    def texts(self, sources: Sequence[Source]) -> list[str]:
        """The text of some molecules."""
        return [self.text(one) for one in sources]

    def values(self, sources: Sequence[Source]) -> Values:
        """Their numbers, NaN for an empty text, or the text where these are none."""
        texts = self.texts(sources)
        if self.kind == "U":
            return texts
        if self.kind == "i8":
            return np.array([int(text) for text in texts], dtype=np.int64)
        return np.array([parse_number(text) if text else math.nan for text in texts], dtype=np.float64)


def columns_of(parts: Iterable[Sequence[Source]], several_files: bool) -> list[Column]:
    """The columns of text of a table, in one pass over its molecules.

    Digits with leading zeros are names, not numbers.

    Args:
        parts: molecules, some at a time.
        several_files: whether there is a column of files.
    """
    surveys = {name: _Survey() for name in ("file", "name", "smiles")}
    labels: dict[str, _Survey] = {}
    count = 0
    for sources in parts:
        count += len(sources)
        for one in sources:
            surveys["file"].add(one.file)
            surveys["name"].add(one.name)
            surveys["smiles"].add(one.smiles)
            for label, text in one.labels.items():
                labels.setdefault(label, _Survey()).add(text)
    known: dict[str, Callable[[Source], str]] = {"name": _name_of, "smiles": _smiles_of}
    if several_files:
        known = {"file": _file_of, **known}
    columns = [Column(name, text, surveys[name].kind(count), surveys[name].width) for name, text in known.items()]
    taken = {"row", "file", "record", *known} if several_files else {"row", "record", *known}
    for label, survey in labels.items():
        name = _free_name(label, taken)
        taken.add(name)
        columns.append(Column(name, _Labelled(label), survey.kind(count), survey.width))
    return columns


@dataclass(frozen=True)
class _Labelled:
    """The text of a named value; empty where there is none."""

    label: str

    def __call__(self, source: Source) -> str:
        return source.labels.get(self.label, "")


def _file_of(source: Source) -> str:
    return source.file


def _name_of(source: Source) -> str:
    return source.name


def _smiles_of(source: Source) -> str:
    return source.smiles


class _Survey:
    """What the text of a column has in common.

    Attributes:
        width: the characters of the longest.
    """

    def __init__(self) -> None:
        self.width = 0
        self._filled = 0
        self._integers = True
        self._whole = True
        self._numbers = True

    def add(self, text: str) -> None:
        """Take another text."""
        if not text:
            return
        self.width = max(self.width, len(text))
        self._filled += 1
        if self._integers and not text.removeprefix("-").isdecimal():
            self._integers = False
        if self._integers and self._whole:
            self._whole = _is_integer(text)
        if self._numbers:
            self._numbers = _is_number(text)

    def kind(self, count: int) -> str:
        """What becomes of the column of ``count`` texts; those that were not taken are empty."""
        if not self._filled:
            return "U"
        if self._integers and self._filled == count:
            return "i8" if self._whole else "U"
        return "f8" if self._numbers else "U"


def _is_integer(digits: str) -> bool:
    return len(digits) <= _LONGEST_INTEGER and str(int(digits)) == digits and abs(int(digits)) < 2**63


def _is_number(text: str) -> bool:
    digits = text.lstrip("+-")
    if digits[:1] == "0" and digits[1:2].isdecimal():
        return False
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def _free_name(label: str, taken: Iterable[str]) -> str:
    """The label, with ``_in_file`` after it where a column of this table has its name."""
    if label in _RESERVED or label.startswith(_NUMBERED):
        label = f"{label}_in_file"
    while label in taken:
        label += "_"
    return label
