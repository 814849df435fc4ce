"""The ``_chem_comp_atom`` tables of the Chemical Component Dictionary and of monomer libraries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.formats.cif.items import columns, has_values, number, rows_by_value
from tg_molfield.structures.formats.elements import parse_elements
from tg_molfield.structures.formats.records import ReadOptions, Record

if TYPE_CHECKING:
    import gemmi

CATEGORY = "_chem_comp_atom"
_COORDINATES = {
    "ideal": tuple(f"pdbx_model_Cartn_{axis}_ideal" for axis in "xyz"),
    "model": tuple(f"model_Cartn_{axis}" for axis in "xyz"),
    "monomer": ("x", "y", "z"),
}
_COLUMNS = ("comp_id", "atom_id", "type_symbol", "charge", *(name for names in _COORDINATES.values() for name in names))


def has_component(block: gemmi.cif.Block) -> bool:
    """Whether a block has the atoms of a component with coordinates."""
    return has_values(block, *(f"{CATEGORY}.{name}" for names in _COORDINATES.values() for name in names))


def component_records(block: gemmi.cif.Block, options: ReadOptions) -> Iterator[Record]:
    """One record per component of the block."""
    table = columns(block, CATEGORY, _COLUMNS)
    count = len(next(iter(table.values())))
    names = table.get("comp_id", [block.name.removeprefix("comp_")] * count)
    for name, rows in rows_by_value(names).items():
        notes: list[str] = []
        component = {key: [values[row] for row in rows] for key, values in table.items()}
        yield Record(name, partial(_component, name, component, options, notes), notes)


def _component(name: str, table: dict[str, list[str]], options: ReadOptions, notes: list[str]) -> Data:
    """The atoms of one component, with its formal charges if the table has them for every atom."""
    if "type_symbol" not in table:
        raise ValueError(f"{CATEGORY}.type_symbol: expected this column, got none; add it")
    numbers = parse_elements(table["type_symbol"])
    pos = _positions(table, notes)
    charges = table.get("charge", [""])
    if any(charges) and not all(charges):
        notes.append(
            f"{CATEGORY}.charge: expected the formal charge of every atom, got it for {sum(map(bool, charges))} of "
            f"{len(charges)}; complete them, formal_charge was left out"
        )
    data = build(
        numbers,
        pos,
        options.dtype,
        formal_charge=[number(text, f"{CATEGORY}.charge") for text in charges] if all(charges) else None,
        name=name,
    )
    check_coincident_atoms(torch.as_tensor(pos))
    return data


def _positions(table: dict[str, list[str]], notes: list[str]) -> np.ndarray:
    """[N, 3] ideal coordinates, or those of the model if the ideal ones are not complete."""
    count = len(next(iter(table.values())))
    incomplete: dict[str, int] = {}
    for kind, names in _COORDINATES.items():
        if not any(name in table for name in names):
            continue
        texts = [table.get(name, [""] * count) for name in names]
        pos = np.array([[number(text, f"{CATEGORY}.{names[0]}") for text in axis] for axis in texts]).T
        located = np.isfinite(pos).all(axis=1)
        if located.all() and (count == 1 or pos.any()):
            if incomplete:
                found = next(iter(incomplete.values()))
                notes.append(
                    f"{CATEGORY}: expected the ideal coordinates of every atom, got them for {found} of {count}; the "
                    f"{kind} coordinates were used"
                )
            return pos
        incomplete[kind] = int(located.sum()) if pos.any() else 0
    given = ", ".join(f"{kind} ones of {number_of} atoms" for kind, number_of in incomplete.items())
    raise ValueError(
        f"{CATEGORY}: expected coordinates of all {count} atoms, got {given}; add the missing ones, or download the "
        "component again"
    )
