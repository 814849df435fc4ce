"""The operators of a magnetic space group, as magCIF lists them, for the atoms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tg_molfield.structures.formats.cif.crystal.operators import (
    IDENTITY,
    SymmetryOperators,
    all_products,
    parse_operators,
)
from tg_molfield.structures.formats.cif.items import column

if TYPE_CHECKING:
    import gemmi

_OPERATIONS = (("_space_group_symop_magn_operation", "xyz"), ("_space_group_symop", "magn_operation_xyz"))
_CENTRINGS = (("_space_group_symop_magn_centering", "xyz"), ("_space_group_symop", "magn_centering_xyz"))
_TIME_REVERSAL = re.compile(r",\s*[+-]?1\s*\Z")


def magnetic_operators(block: gemmi.cif.Block, notes: list[str]) -> SymmetryOperators | None:
    """The operators by which the atoms are related, which time reversal does not move; None if none are listed.

    Args:
        block: the block.
        notes: gets that magnetic moments are not read.

    Raises:
        ValueError: see `parse_operators`.
    """
    operations, centrings = _parsed(block, _OPERATIONS), _parsed(block, _CENTRINGS)
    if operations is None:
        return None
    notes.append(
        "symmetry operators: expected those of a space group, got those of a magnetic one; the atoms were read, "
        "magnetic moments were not"
    )
    return all_products(centrings or IDENTITY, operations)


def _parsed(block: gemmi.cif.Block, tags: tuple[tuple[str, str], ...]) -> SymmetryOperators | None:
    for category, name in tags:
        texts = column(block, category, name)
        if any(texts):
            return parse_operators([_TIME_REVERSAL.sub("", text) for text in texts])
    return None
