"""Checks of what kind an argument is, for all public functions."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any


def check_integers(**counts: Any) -> None:
    """Raise a ValueError for counts that are no integers, such as 2.9, 3.0 or True; None is passed over."""
    for name, value in counts.items():
        if value is not None and not _is_integer(value):
            raise ValueError(f"{name}: expected an integer, got {str(value)[:40]}; give a whole number such as 8")


def check_counts(least: int, **counts: Any) -> None:
    """Raise a ValueError for counts that are no integers or below ``least``; None is passed over."""
    for name, value in counts.items():
        check_integers(**{name: value})
        if value is not None and value < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}; give more")


def require_counts(least: int, **counts: Any) -> None:
    """Raise a ValueError for counts that are no integers, None included, or below ``least``."""
    for name, value in counts.items():
        if value is None:
            raise ValueError(f"{name}: expected an integer, got None; leave it out, or give a number such as 8")
    check_counts(least, **counts)


def check_kind(name: str, value: Any, kind: type, what: str, remedy: str) -> None:
    """Raise a TypeError unless ``value`` is a ``kind``.

    Args:
        name: of the argument.
        value: of the argument.
        kind: a class.
        what: the class in words, such as ``"a Grid"``.
        remedy: what to give instead.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {what}, got {type(value).__name__}; {remedy}")


def check_number(name: str, value: Any) -> None:
    """Raise a TypeError unless ``value`` is one real number, of Python, NumPy or torch."""
    try:
        if not isinstance(value, str | bytes):
            float(value)
            return
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(f"{name}: expected a number, got {type(value).__name__}; give for example 1.5")


def as_path(path: Any, name: str = "path") -> Path:
    """The path of a file.

    Raises:
        TypeError: it is neither a string nor a path.
    """
    if not isinstance(path, str | PathLike):
        raise TypeError(f"{name}: expected the name of a file, got {type(path).__name__}; give a string or a Path")
    return Path(path)


def as_list(name: str, values: Any, what: str) -> list[Any]:
    """The elements of an iterable that is no string.

    Args:
        name: of the argument.
        values: of the argument.
        what: the elements are, such as ``"Data"``.

    Raises:
        TypeError: it is a string, a mapping, or cannot be iterated over.
    """
    try:
        iterator = None if isinstance(values, str | bytes | Mapping) else iter(values)
    except TypeError:
        iterator = None
    if iterator is None:
        raise TypeError(f"{name}: expected a list of {what}, got {type(values).__name__}; give one in brackets")
    return list(iterator)


def as_names(name: str, names: Any) -> list[str]:
    """Names given as one string, with blanks or commas between them, or as a list of strings.

    Raises:
        TypeError: it is something else.
    """
    words = names.replace(",", " ").split() if isinstance(names, str) else as_list(name, names, "names")
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"{name}: expected names, got {type(word).__name__}; give strings, such as 'C N O'")
    return words


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True
