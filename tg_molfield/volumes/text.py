"""The numbers of text formats: strict, fast, and in any of the formats that Fortran programs print."""

from __future__ import annotations

import math
import re
import warnings
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tg_molfield.text_numbers import parse_number
from tg_molfield.volumes.volume_data import value_count_error

_NO_EXPONENT_LETTER = re.compile(rb"(\d)([+-]\d{3})(?![\d.])")
_NO_SPACE = re.compile(rb"(\d)([+-]\d)")
_VALUE = re.compile(rb"[+-]?((\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?|nan|inf(inity)?)\Z", re.IGNORECASE)


def to_float(word: str) -> float:
    """The finite number that ``word`` spells, see `parse_number`.

    Raises:
        ValueError: it is none.
    """
    try:
        number = parse_number(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number, got {word[:40]!r}; correct it")
    return number


def to_floats(words: Sequence[str]) -> list[float]:
    """The numbers that ``words`` spell, see `to_float`."""
    return [to_float(word) for word in words]


def to_counts(words: Sequence[str]) -> list[int]:
    """The integers that ``words`` spell.

    Raises:
        ValueError: a word is no integer of at most 18 digits.
    """
    for word in words:
        if not re.fullmatch(r"[+-]?\d{1,18}", word, re.ASCII):
            raise ValueError(f"expected a whole number, got {word[:40]!r}; correct it")
    return [int(word) for word in words]


def read_values(path: Path, text: bytes, shape: Sequence[int], sets: int = 1, extra: int = 0) -> np.ndarray:
    """The values [n] of a grid, separated by white space or a sign; ``1.0D+00`` and ``1.0-100`` are numbers too.

    Args:
        path: the file, for messages.
        text: nothing but numbers.
        shape: number of nodes per axis [3] in the header.
        sets: number of values per node in the header.
        extra: as many numbers may follow, and are left out.

    Raises:
        ValueError: the text contains something other than numbers, or more or fewer than the header announces.
    """
    expected = math.prod(shape) * sets
    try:
        numbers = _parse_numbers(text, expected)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if len(numbers) not in (expected, expected + extra):
        raise value_count_error(path, shape, len(numbers), sets)
    return numbers[:expected]


def format_rows(rows: np.ndarray, number: str, per_line: int) -> Iterator[bytes]:
    """Each row of ``rows`` [R, L] as lines of at most ``per_line`` numbers; every row starts on a new line.

    Args:
        rows: the numbers.
        number: the ``%`` format of one number, including the space before it.
        per_line: numbers per line.
    """
    length = rows.shape[1]
    full, rest = divmod(length, per_line)
    template = (number * per_line + "\n") * full + (number * rest + "\n" if rest else "")
    for row in rows:
        yield (template % tuple(row.tolist())).encode()


def format_numbers(numbers: np.ndarray, number: str, per_line: int) -> Iterator[bytes]:
    """The numbers [n] as lines of ``per_line`` numbers, see `format_rows`."""
    full = len(numbers) // per_line * per_line
    yield from format_rows(numbers[:full].reshape(-1, per_line), number, per_line)
    if full < len(numbers):
        yield from format_rows(numbers[full:][None], number, per_line)


def _parse_numbers(text: bytes, expected: int) -> np.ndarray:
    """The numbers [n] in ``text``; Fortran formats are tried if there are not ``expected`` plain numbers."""
    try:
        numbers = _parse_plain(text)
        if len(numbers) == expected:
            return numbers
    except ValueError:
        pass
    text = _NO_EXPONENT_LETTER.sub(rb"\1E\2", text.translate(bytes.maketrans(b"Dd", b"EE")))
    return _parse_plain(_NO_SPACE.sub(rb"\1 \2", text))


def _parse_plain(text: bytes) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ") if text.strip() else np.zeros(0)
        except (DeprecationWarning, ValueError):
            return _parse_words(text)


def _parse_words(text: bytes) -> np.ndarray:
    """The numbers [n] one by one, so that the first word that is none is named."""
    numbers = array("d")
    for found in re.finditer(rb"\S+", text):
        word = found[0]
        if not _VALUE.match(word):
            is_last = not text[found.end() :].strip()
            remedy = "download or copy the file again, it is cut short" if is_last else "correct the file"
            raise ValueError(
                f"value {len(numbers) + 1}: expected a number, got {word[:40].decode('latin-1')!r}; {remedy}"
            )
        numbers.append(float(word))
    return np.array(numbers)
