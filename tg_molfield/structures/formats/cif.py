"""CIF, read with gemmi: the models of mmCIF, and the unit cell of a small-molecule crystal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.formats.macromolecule import ModelRecord, atom_sites, model_record
from tg_molfield.structures.formats.records import ReadOptions, Record

if TYPE_CHECKING:
    import gemmi


def cif_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of a CIF file: the models of an mmCIF block, or the unit cell of a crystal block.

    Raises:
        ValueError: the text is not a CIF file, or no block has atoms.
    """
    blocks = _blocks(text)
    for block in blocks:
        if block.find_values("_atom_site_fract_x"):
            yield Record(block.name, partial(_crystal, block, options))
    for model in _models(blocks):
        yield model.record(options.dtype)


def cif_models(text: str) -> Iterator[ModelRecord]:
    """The models of an mmCIF file with their residues.

    Raises:
        ValueError: the text is not a CIF file, or no block has atoms.
    """
    yield from _models(_blocks(text))


def _blocks(text: str) -> list[gemmi.cif.Block]:
    import gemmi

    try:
        document = gemmi.cif.read_string(text)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"expected a CIF file that gemmi can read, got: {' '.join(str(error).split())}; correct the line"
        ) from error
    blocks = [b for b in document if b.find_values("_atom_site.Cartn_x") or b.find_values("_atom_site_fract_x")]
    if not blocks:
        raise ValueError(
            "expected a block with atoms (_atom_site.Cartn_x in mmCIF, _atom_site_fract_x in a crystal), got none; "
            "check that the file does not only hold reflections or restraints"
        )
    return blocks


def _parsed(make: Callable[[gemmi.cif.Block], Any], block: gemmi.cif.Block) -> Any:
    try:
        return make(block)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"block {block.name!r}: expected values that gemmi can read, got: {' '.join(str(error).split())}; "
            "correct the value"
        ) from error


def _models(blocks: list[gemmi.cif.Block]) -> Iterator[ModelRecord]:
    import gemmi

    for block in blocks:
        if block.find_values("_atom_site.Cartn_x"):
            structure = _parsed(gemmi.make_structure_from_block, block)
            for number, model in enumerate(structure, start=1):
                title = f"{block.name} model {number}" if len(structure) > 1 else block.name
                yield model_record(title, block.name, partial(atom_sites, model))


def _crystal(block: gemmi.cif.Block, options: ReadOptions) -> Data:
    """All atoms of the unit cell, with ``cell`` [1, 3, 3] in Å and ``pbc`` [1, 3]."""
    import gemmi

    crystal: gemmi.SmallStructure = _parsed(gemmi.make_small_structure_from_block, block)
    if not crystal.cell.is_crystal():
        raise ValueError("_cell_length_a: expected the cell of the crystal, got none; add the cell parameters")
    if crystal.spacegroup is None and not crystal.symops:
        raise ValueError(
            "_space_group_name_H-M_alt: expected a space group or symmetry operations, got none; add them "
            "('P 1' if all atoms of the cell are listed)"
        )
    _keep_one_disorder_group(crystal)
    crystal.setup_cell_images()
    sites = crystal.get_all_unit_cell_sites()
    pos = np.array([crystal.cell.orthogonalize(site.fract).tolist() for site in sites], dtype=np.float64)
    cell = np.array(crystal.cell.orth.mat.tolist(), dtype=np.float64).T
    numbers = [site.element.atomic_number for site in sites]
    data = build(
        numbers,
        pos.reshape(-1, 3),
        options.dtype,
        cell=cell[None],
        pbc=np.ones((1, 3), dtype=np.bool_),
        name=block.name,
    )
    check_coincident_atoms(torch.as_tensor(pos))
    return data


def _keep_one_disorder_group(crystal: gemmi.SmallStructure) -> None:
    """Keep the ordered sites and the disorder group with the highest mean occupancy."""
    import gemmi

    groups: dict[int, list[float]] = {}
    for site in crystal.sites:
        if site.disorder_group:
            groups.setdefault(site.disorder_group, []).append(site.occ)
        elif site.occ < 0.999:
            raise ValueError(
                f"site {site.label!r}: expected full occupancy or a disorder group, got occupancy {site.occ:g}; "
                "write a CIF with one disorder component at full occupancy"
            )
    if any(group < 0 for group in groups):
        raise ValueError(
            "_atom_site_disorder_group: expected positive groups, got a negative one (disorder about a symmetry "
            "element); write a CIF of one disorder component in lower symmetry"
        )
    if groups:
        kept = min(groups, key=lambda group: (-sum(groups[group]) / len(groups[group]), group))
        sites = [site.clone() for site in crystal.sites if site.disorder_group in (0, kept)]
        crystal.sites = gemmi.SmallStructure.SiteList(sites)
