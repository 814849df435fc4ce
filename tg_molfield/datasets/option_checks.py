"""Checks of the options that data sets share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tg_molfield.arguments import as_names, require_counts
from tg_molfield.structures.needed import Definition, properties_to_compute


def check_given(**counts: Any) -> None:
    """Raise a ValueError for counts that are None."""
    require_counts(0, **{name: value for name, value in counts.items() if value is None})


def check_flags(**flags: Any) -> None:
    """Raise a TypeError for what is neither True nor False."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name}: expected True or False, got {str(value)[:40]!r}; give one of them")


def check_functions(**functions: Any) -> None:
    """Raise a TypeError for what can neither be called nor is None."""
    for name, value in functions.items():
        if value is not None and not callable(value):
            raise TypeError(
                f"{name}: expected a function or a transform, got {type(value).__name__}; give one that takes a Data"
            )


def computed_properties(properties: str | Iterable[str], mol_field: Definition | None) -> tuple[tuple[str, ...], bool]:
    """The properties that a data set computes, and whether the pharmacophore features.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a property is not known, or only one of ``"auto"`` and ``mol_field`` is given.
    """
    named = properties if isinstance(properties, str) else as_names("properties", properties)
    return properties_to_compute(named, mol_field)
