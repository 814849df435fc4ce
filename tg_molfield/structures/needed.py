"""What a definition of a field reads of atoms, and the one rule by which it is computed.

A property that the file gives is taken, else RDKit computes it from the bonds of the file or of the SMILES. In formats
without bonds a property must be given; pharmacophore features are those of bonds perceived from the positions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol

from torch_geometric.data import Data

from tg_molfield.structures.added_properties import with_color
from tg_molfield.structures.formats.records import Record
from tg_molfield.structures.properties import PROPERTIES, check_properties

AUTO = "auto"


class Definition(Protocol):
    """What a `MolField` tells of itself here."""

    @property
    def attributes(self) -> set[str]:
        """The attributes that it reads, apart from ``z`` and ``pos``."""


def to_compute(names: Collection[str]) -> tuple[tuple[str, ...], bool]:
    """The properties among ``names`` that can be computed, and whether pharmacophore features are."""
    return tuple(name for name in PROPERTIES if name in names), "color_pos" in names


def properties_to_compute(
    properties: str | Iterable[str], mol_field: Definition | None
) -> tuple[tuple[str, ...], bool]:
    """The properties that a data set computes, and whether the pharmacophore features.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a property is not known, or only one of ``"auto"`` and ``mol_field`` is given.
    """
    needed = needed_names(properties, mol_field)
    return (check_properties(properties), False) if needed is None else to_compute(needed)


def needed_names(properties: Iterable[str] | None, mol_field: Definition | None) -> frozenset[str] | None:
    """The attributes that ``mol_field`` reads, with ``properties="auto"``; None for other properties.

    Raises:
        TypeError: it is no definition.
        ValueError: one of the two is given without the other.
    """
    if not (isinstance(properties, str) and properties == AUTO):
        if mol_field is not None:
            raise ValueError("mol_field: expected properties='auto' with it, got other properties; leave one out")
        return None
    if mol_field is None:
        raise ValueError("mol_field: expected a definition with properties='auto', got None; give the MolField")
    names: Any = getattr(mol_field, "attributes", None)
    if not isinstance(names, set | frozenset):
        raise TypeError(f"mol_field: expected a MolField, got {type(mol_field).__name__}; give the definition")
    return frozenset(names)


def with_needed(data: Data, names: Collection[str], fault: str) -> Data:
    """A molecule of a format without bonds with what is needed.

    Args:
        data: the molecule.
        names: what is needed.
        fault: what to say where a property is missing.

    Raises:
        ValueError: a property is missing, or bonds cannot be perceived.
    """
    properties, color = to_compute(names)
    if not all(name in data for name in properties):
        raise ValueError(fault)
    return with_color(data) if color and "color_pos" not in data else data


def completed(record: Record, names: Collection[str], fault: str) -> Record:
    """A record whose ``Data`` is that of `with_needed`."""
    return replace(record, build=lambda: with_needed(record.build(), names, fault))
