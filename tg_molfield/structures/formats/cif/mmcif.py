"""mmCIF: the models of a macromolecule, read with gemmi, and plain tables of elements and positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.formats.cif.items import columns, has_values, number, rows_by_value
from tg_molfield.structures.formats.elements import parse_elements
from tg_molfield.structures.formats.macromolecule import ModelRecord, atom_sites, model_record
from tg_molfield.structures.formats.records import ReadOptions, Record

if TYPE_CHECKING:
    import gemmi

_ATOM_NAMES = ("label_atom_id", "auth_atom_id")
_RESIDUE_NAMES = ("label_comp_id", "auth_comp_id")
_POSITION = ("Cartn_x", "Cartn_y", "Cartn_z")
_MODEL = "pdbx_PDB_model_num"
FULL = 0.999
"""Smallest occupancy that counts as full."""


def mmcif_models(block: gemmi.cif.Block) -> Iterator[ModelRecord]:
    """The models of an mmCIF block with their residues.

    Raises:
        ValueError: a column of positions, names or residues is missing, or gemmi cannot read the block.
    """
    import gemmi

    _check_positions(block)
    lacking = _lacking(block)
    if lacking:
        raise ValueError(f"_atom_site.{lacking[0]}: expected residues, got no such column; add {', '.join(lacking)}")
    _complete(block)
    try:
        structure = gemmi.make_structure_from_block(block)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"_atom_site: expected values that gemmi can read, got: {' '.join(str(error).split())}; correct the value"
        ) from error
    for model_number, model in enumerate(structure, start=1):
        title = f"{block.name} model {model_number}" if len(structure) > 1 else block.name
        yield model_record(title, block.name, partial(atom_sites, model))


def mmcif_records(block: gemmi.cif.Block, options: ReadOptions) -> Iterator[Record]:
    """The models of an mmCIF block; elements and positions alone if its atoms have no names or residues.

    Raises:
        ValueError: a column of positions is missing, or gemmi cannot read the block.
    """
    _check_positions(block)
    if not _lacking(block):
        for model in mmcif_models(block):
            yield model.record(options.dtype)
        return
    table = columns(block, "_atom_site", ("type_symbol", *_POSITION, _MODEL, "label_alt_id", "occupancy"))
    models = table.get(_MODEL, [""] * len(table["Cartn_x"]))
    for name, rows in rows_by_value(models).items():
        title = f"{block.name} model {name}" if len(rows) < len(models) else block.name
        yield Record(title, partial(_plain, block.name, table, rows, options))


def _check_positions(block: gemmi.cif.Block) -> None:
    missing = [f"_atom_site.{name}" for name in _POSITION if not has_values(block, f"_atom_site.{name}")]
    if missing:
        raise ValueError(f"{missing[0]}: expected this column, got none; add {', '.join(missing)}")


def _lacking(block: gemmi.cif.Block) -> list[str]:
    """The columns that name atoms and residues and that the block lacks."""
    return [
        names[0]
        for names in (_ATOM_NAMES, _RESIDUE_NAMES)
        if not has_values(block, *(f"_atom_site.{name}" for name in names))
    ]


def _complete(block: gemmi.cif.Block) -> None:
    """Add the columns that gemmi needs and that some programs do not write."""
    table = block.get_mmcif_category("_atom_site.", raw=True)
    given = {name.lower(): values for name, values in table.items()}
    rows = len(given["cartn_x"])
    added = {
        "id": [str(row) for row in range(1, rows + 1)],
        "type_symbol": ["."] * rows,
        "label_alt_id": ["."] * rows,
        "label_asym_id": given.get("auth_asym_id", ["A"] * rows),
        "occupancy": ["1"] * rows,
        "B_iso_or_equiv": ["0"] * rows,
    }
    if "auth_seq_id" not in given:
        added["label_seq_id"] = ["."] * rows
    added = {name: values for name, values in added.items() if name.lower() not in given}
    if added:
        block.set_mmcif_category("_atom_site.", {**table, **added}, raw=True)


def _plain(name: str, table: dict[str, list[str]], rows: list[int], options: ReadOptions) -> Data:
    """The atoms ``rows`` of a table without names and residues."""
    if "type_symbol" not in table:
        raise ValueError(
            "_atom_site.type_symbol: expected elements, or the names and residues of the atoms, got neither; add this "
            "column, or label_atom_id and label_comp_id"
        )
    for row in rows:
        occupied = number(table["occupancy"][row], "_atom_site.occupancy") if "occupancy" in table else math.nan
        if occupied < FULL or ("label_alt_id" in table and table["label_alt_id"][row]):
            raise ValueError(
                f"atom {row + 1}: expected full occupancy and one location, got a part; add the names and residues of "
                "the atoms (label_atom_id and label_comp_id), which tell the alternatives"
            )
    pos = np.array([[number(table[axis][row], f"_atom_site.{axis}") for axis in _POSITION] for row in rows])
    data = build(parse_elements([table["type_symbol"][row] for row in rows]), pos, options.dtype, name=name)
    check_coincident_atoms(torch.as_tensor(pos))
    return data
