"""Checks of what kind an argument is, for all public functions."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Iterable, Mapping
from os import PathLike
from pathlib import Path
from types import UnionType
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


def require_integers(**counts: Any) -> None:
    """Raise a ValueError for counts that are no integers, None included."""
    for name, value in counts.items():
        if value is None:
            raise ValueError(f"{name}: expected an integer, got None; leave it out, or give a number such as 8")
    check_integers(**counts)


def check_seed(seed: int, name: str = "seed") -> None:
    """Raise a ValueError unless ``seed`` is an integer of 64 bits."""
    require_integers(**{name: seed})
    if not -(2**63) <= int(seed) < 2**63:
        raise ValueError(f"{name}: expected an integer of 64 bits, -2**63 to 2**63 - 1, got {seed}; give another")


def require_counts(least: int, **counts: Any) -> None:
    """Raise a ValueError for counts that are no integers, None included, or below ``least``."""
    require_integers(**counts)
    check_counts(least, **counts)


def check_kind(name: str, value: Any, kind: type | UnionType, what: str, remedy: str) -> None:
    """Raise a TypeError unless ``value`` is a ``kind``.

    Args:
        name: of the argument.
        value: of the argument.
        kind: a class, or several, such as ``Grid | None``.
        what: the class in words, such as ``"a Grid"``.
        remedy: what to give instead.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {what}, got {type(value).__name__}; {remedy}")


def check_number(name: str, value: Any) -> None:
    """Raise an error unless ``value`` is one real number, of Python, NumPy or torch.

    Raises:
        TypeError: it is something else, such as True.
        ValueError: it is an integer beyond all floating-point numbers.
    """
    try:
        if not isinstance(value, str | bytes) and not _is_flag(value) and "complex" not in _dtype(value):
            float(value)
            return
    except OverflowError as error:
        raise ValueError(f"{name}: expected a number below 1e308, got a greater one; give a smaller one") from error
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(f"{name}: expected a number, got {type(value).__name__}; give for example 1.5")


def check_finite(name: str, value: Any) -> None:
    """Raise an error unless ``value`` is a number as for `check_number`, neither NaN nor infinite."""
    check_number(name, value)
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value}; correct it")


def check_positive(name: str, value: Any, remedy: str) -> None:
    """Raise an error unless ``value`` is a number as for `check_number`, finite and above 0."""
    check_number(name, value)
    if not 0 < float(value) < math.inf:
        raise ValueError(f"{name}: expected a positive, finite number, got {value}; {remedy}")


def check_not_negative(name: str, value: Any, remedy: str) -> None:
    """Raise an error unless ``value`` is a number as for `check_number`, finite and not below 0."""
    check_number(name, value)
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{name}: expected a finite number of at least 0, got {value}; {remedy}")


def check_share(name: str, value: Any, remedy: str) -> None:
    """Raise an error unless ``value`` is a number as for `check_number`, from 0 to 1."""
    check_number(name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected 0 to 1, got {value}; {remedy}")


def check_flag(**flags: Any) -> None:
    """Raise a TypeError for flags that are no truth values, such as "no" or 1."""
    for name, value in flags.items():
        if not _is_flag(value):
            raise TypeError(f"{name}: expected True or False, got {_short(value)}; give one of them")


def check_choice(name: str, value: Any, choices: Collection[str], remedy: str = "choose one") -> None:
    """Raise a TypeError unless ``value`` is a string, and a ValueError unless it is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"{name}: expected one of {', '.join(choices)}, got {_short(value)}; {remedy}")


def check_callable(name: str, value: Any) -> None:
    """Raise a TypeError unless ``value`` can be called; None is passed over."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: expected a function, got {type(value).__name__}; leave it out or give a function")


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


def as_index(name: str, index: Any) -> Any:
    """An index of a tuple: an integer of Python, or a slice as it is.

    Raises:
        TypeError: it is neither an integer nor a slice.
    """
    if isinstance(index, slice):
        return index
    if not _is_integer(index):
        raise TypeError(f"{name}: expected an integer or a slice, got {_short(index)}; give for example 0")
    return operator.index(index)


def as_channel_names(names: Any, count: int, remedy: str) -> tuple[str, ...]:
    """The names of ``count`` channels, one string a channel; numbered if None.

    Raises:
        TypeError: they are something else.
        ValueError: there are more or fewer, or two are the same.
    """
    if isinstance(names, str):
        names = list(names)
    words = tuple(map(str, range(count)) if names is None else as_names("channels", names))
    if len(words) != count or len(set(words)) != count:
        raise ValueError(f"channels: expected {count} different names, got {words}; {remedy}")
    return words


def as_three_flags(name: str, flags: Any) -> tuple[bool, bool, bool]:
    """A truth value for each axis, from one for all or one for each.

    Raises:
        ValueError: it is something else.
    """
    given = [flags] * 3 if _is_flag(flags) or not isinstance(flags, Iterable) else list(flags)
    if len(given) != 3 or not all(map(_is_flag, given)):
        raise ValueError(f"{name}: expected True or False, or three of them, got {flags!r}; give one for each axis")
    x, y, z = map(bool, given)
    return (x, y, z)


def _is_integer(value: Any) -> bool:
    if _is_flag(value) or "bool" in _dtype(value):
        return False
    try:
        operator.index(value)
    except (TypeError, RuntimeError):
        return False
    return True


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or ("bool" in _dtype(value) and getattr(value, "ndim", None) == 0)


def _dtype(value: Any) -> str:
    return str(getattr(value, "dtype", ""))


def _short(value: Any) -> str:
    return repr(value[:40]) if isinstance(value, str) else type(value).__name__
