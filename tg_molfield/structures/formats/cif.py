"""CIF: crystals, the models of mmCIF, and the components of a component dictionary; gemmi reads the syntax."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tg_molfield.structures.formats.cif_items import has_values
from tg_molfield.structures.formats.component_dictionary import component_records, has_component
from tg_molfield.structures.formats.crystal import crystal_data
from tg_molfield.structures.formats.macromolecule import ModelRecord
from tg_molfield.structures.formats.mmcif import mmcif_models, mmcif_records
from tg_molfield.structures.formats.records import ReadOptions, Record

if TYPE_CHECKING:
    import gemmi

_CRYSTAL = [
    *(f"_atom_site{joint}fract_{axis}" for joint in "_." for axis in "xyz"),
    *(f"_atom_site_Cartn_{axis}" for axis in "xyz"),
]


def cif_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of a CIF file by block: the models of mmCIF, the unit cell of a crystal, or the components.

    Raises:
        ValueError: the text is not a CIF file, or no block has atoms.
    """
    for block in _blocks(text):
        if _is_mmcif(block):
            yield from mmcif_records(block, options)
        elif _is_crystal(block):
            notes: list[str] = []
            yield Record(block.name, partial(crystal_data, block, options, notes), notes)
        elif has_component(block):
            yield from component_records(block, options)


def cif_models(text: str) -> Iterator[ModelRecord]:
    """The models of an mmCIF file with their residues.

    Raises:
        ValueError: the text is not a CIF file, or no block has atoms.
    """
    for block in _blocks(text):
        if _is_mmcif(block):
            yield from mmcif_models(block)


def _is_mmcif(block: gemmi.cif.Block) -> bool:
    return has_values(block, "_atom_site.Cartn_x", "_atom_site.Cartn_y", "_atom_site.Cartn_z")


def _is_crystal(block: gemmi.cif.Block) -> bool:
    return has_values(block, *_CRYSTAL)


def _blocks(text: str) -> list[gemmi.cif.Block]:
    """The blocks that have atoms with coordinates."""
    import gemmi

    try:
        document = gemmi.cif.read_string(text)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"expected a CIF file that gemmi can read, got: {' '.join(str(error).split())}; correct the line"
        ) from error
    blocks = [block for block in document if _is_mmcif(block) or _is_crystal(block) or has_component(block)]
    if not blocks:
        raise ValueError(
            "expected a block with atoms (_atom_site.Cartn_x in mmCIF, _atom_site_fract_x in a crystal, "
            f"_chem_comp_atom.model_Cartn_x in a component), got {_content(document)}"
        )
    return blocks


def _content(document: gemmi.cif.Document) -> str:
    """What a file without coordinates holds, and what to do."""
    kinds = {
        "_refln": "reflections; give the file of the structure",
        "_chem_comp_atom": "a component without coordinates; download it with coordinates",
        "_atom_site": "atoms without coordinates; add the columns of the coordinates",
    }
    for category, kind in kinds.items():
        for block in document:
            for element in block:
                loop, pair = element.loop, element.pair
                tags = loop.tags if loop is not None else [pair[0]] if pair is not None else []
                if any(tag.lower().startswith((category + "_", category + ".")) for tag in tags):
                    return kind
    return "none; check that this is the file of a structure"
