"""`computed_properties`: what a data set computes for each molecule."""

from __future__ import annotations

from collections.abc import Iterable

from tg_molfield.arguments import as_names
from tg_molfield.structures.needed import Definition, properties_to_compute


def computed_properties(properties: str | Iterable[str], mol_field: Definition | None) -> tuple[tuple[str, ...], bool]:
    """The properties that a data set computes, and whether the pharmacophore features.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a property is not known, or only one of ``"auto"`` and ``mol_field`` is given.
    """
    named = properties if isinstance(properties, str) else as_names("properties", properties)
    return properties_to_compute(named, mol_field)
