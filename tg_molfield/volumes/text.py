"""Long runs of numbers as text: fast both ways, and patient with what Fortran prints."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np

_NO_EXPONENT_LETTER = re.compile(rb"(\d)([+-]\d{3})(?![\d.])")
_NO_SPACE = re.compile(rb"(\d)([+-]\d)")


def parse_numbers(text: bytes, expected: int) -> np.ndarray:
    """The numbers [n] in ``text``, separated by white space or a sign; ``1.0D+00`` and ``1.0-100`` are numbers too.

    Args:
        text: nothing but numbers.
        expected: how many there should be; where fewer or more are found, Fortran spellings are tried.

    Raises:
        ValueError: something in the text is no number.
    """
    try:
        numbers = _parse(text)
        if len(numbers) == expected:
            return numbers
    except ValueError:
        pass
    text = _NO_EXPONENT_LETTER.sub(rb"\1E\2", text.translate(bytes.maketrans(b"Dd", b"EE")))
    return _parse(_NO_SPACE.sub(rb"\1 \2", text))


def format_rows(rows: np.ndarray, number: str, per_line: int) -> Iterator[bytes]:
    """Each row of ``rows`` [R, L] as lines of at most ``per_line`` numbers; every row begins a new line.

    Args:
        rows: the numbers.
        number: the ``%`` format of one of them, the space between included.
        per_line: how many numbers a line holds.
    """
    length = rows.shape[1]
    full, rest = divmod(length, per_line)
    template = (number * per_line + "\n") * full + (number * rest + "\n" if rest else "")
    for row in rows:
        yield (template % tuple(row.tolist())).encode()


def _parse(text: bytes) -> np.ndarray:
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
            raise ValueError(f"number {i + 1} reads {word.decode('latin-1')[:40]!r}") from error
    return numbers
