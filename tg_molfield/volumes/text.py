"""The values of text formats: fast to read and write, in any of the number formats that Fortran programs print."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tg_molfield.volumes.volume_data import value_count_error

_NO_EXPONENT_LETTER = re.compile(rb"(\d)([+-]\d{3})(?![\d.])")
_NO_SPACE = re.compile(rb"(\d)([+-]\d)")


def read_values(path: Path, text: bytes, shape: np.ndarray, sets: int = 1) -> np.ndarray:
    """The values [n] of a grid, separated by white space or a sign; ``1.0D+00`` and ``1.0-100`` are numbers too.

    Args:
        path: the file, for messages.
        text: nothing but numbers.
        shape: number of nodes per axis [3] in the header.
        sets: number of values per node in the header.

    Raises:
        ValueError: the text contains something other than numbers, or more or fewer than the header announces.
    """
    expected = int(np.prod(shape)) * sets
    try:
        numbers = _parse_numbers(text, expected)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; correct the file") from error
    if len(numbers) != expected:
        raise value_count_error(path, shape, len(numbers), sets)
    return numbers


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
            words = text.split()
    numbers = np.empty(len(words))
    for i, word in enumerate(words):
        try:
            numbers[i] = float(word)
        except ValueError as error:
            raise ValueError(f"value {i + 1}: expected a number, got {word.decode('latin-1')[:40]!r}") from error
    return numbers
