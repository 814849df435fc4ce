"""CIF: crystals, the models of mmCIF, and the components of a component dictionary; gemmi reads the syntax."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tg_molfield.structures.formats.cif.component_dictionary import component_records, has_component
from tg_molfield.structures.formats.cif.crystal import crystal_data
from tg_molfield.structures.formats.cif.items import has_values
from tg_molfield.structures.formats.cif.mmcif import mmcif_models, mmcif_records
from tg_molfield.structures.formats.macromolecule import ModelRecord
from tg_molfield.structures.formats.records import ReadOptions, Record, failed_record

if TYPE_CHECKING:
    import gemmi

_CRYSTAL = [f"_atom_site{joint}{kind}_{axis}" for joint in "_." for kind in ("fract", "Cartn") for axis in "xyz"]
_READ = ("_atom_site", "_cell", "_space_group", "_symmetry", "_chem_comp_atom")
"""How the tags begin that are read."""


def cif_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of a CIF file by block: the models of mmCIF, the unit cell of a crystal, or the components.

    Raises:
        ValueError: the text is not a CIF file, or no block has atoms.
    """
    for block in _blocks(text):
        try:
            yield from list(_block_records(block, options))
        except ValueError as error:
            yield failed_record(block.name, str(error))


def cif_models(text: str) -> Iterator[ModelRecord]:
    """The models of an mmCIF file with their residues.

    Raises:
        ValueError: the text is not a CIF file, or no block has atoms.
    """
    for block in _blocks(text):
        if _is_mmcif(block):
            try:
                yield from list(mmcif_models(block))
            except ValueError as error:
                yield ModelRecord(block.name, block.name, None, str(error))


def _block_records(block: gemmi.cif.Block, options: ReadOptions) -> Iterator[Record]:
    if _is_mmcif(block):
        yield from mmcif_records(block, options)
    elif _is_crystal(block):
        notes: list[str] = []
        yield Record(block.name, partial(crystal_data, block, options, notes), notes)
    else:
        yield from component_records(block, options)


def _is_mmcif(block: gemmi.cif.Block) -> bool:
    """Whether the sites have positions as in mmCIF; ``_atom_site.label`` is of crystals, with dots in newer CIF."""
    positions = has_values(block, "_atom_site.Cartn_x", "_atom_site.Cartn_y", "_atom_site.Cartn_z")
    return positions and not has_values(block, "_atom_site.label")


def _is_crystal(block: gemmi.cif.Block) -> bool:
    return has_values(block, *_CRYSTAL)


def _blocks(text: str) -> list[gemmi.cif.Block]:
    """The blocks that have atoms with coordinates."""
    document = _document(text)
    blocks = [block for block in document if _is_mmcif(block) or _is_crystal(block) or has_component(block)]
    if not blocks:
        raise ValueError(
            "expected a block with atoms (_atom_site.Cartn_x in mmCIF, _atom_site_fract_x in a crystal, "
            f"_chem_comp_atom.model_Cartn_x in a component), got {_content(document)}"
        )
    return blocks


def _document(text: str) -> gemmi.cif.Document:
    """The parsed text. Blocks may share a name; characters that are not ASCII, which CIF does not have, become ``?``.

    Raises:
        ValueError: the text is not a CIF file, or a tag that is read is there twice in a block.
    """
    import gemmi

    document = gemmi.cif.Document()
    try:
        document.parse_string(text.encode("ascii", "replace").decode("ascii"))
        document.check_for_missing_values()
    except (RuntimeError, ValueError) as error:
        found = " ".join(str(error).split()).removeprefix("string").removeprefix(":")
        raise ValueError(
            f"expected a CIF file that gemmi can read, got an error on line {found[:200]}; correct the line"
        ) from error
    for block in document:
        seen = set()
        for tag in _tags(block):
            if tag in seen and tag.startswith(_READ):
                raise ValueError(
                    f"block {block.name[:40]!r}: expected {tag[:40]} once, got it twice; remove one of them"
                )
            seen.add(tag)
    return document


def _tags(block: gemmi.cif.Block) -> Iterator[str]:
    """The tags of a block in lower case."""
    for element in block:
        if element.loop is not None:
            yield from (tag.lower() for tag in element.loop.tags)
        elif element.pair is not None:
            yield element.pair[0].lower()


def _content(document: gemmi.cif.Document) -> str:
    """What a file without coordinates holds, and what to do."""
    kinds = {
        "_refln": "reflections; give the file of the structure",
        "_chem_comp_atom": "a component without coordinates; download it with coordinates",
        "_atom_site": "atoms without coordinates; add the columns of the coordinates",
    }
    for category, kind in kinds.items():
        if any(tag.startswith((category + "_", category + ".")) for block in document for tag in _tags(block)):
            return kind
    return "none; check that this is the file of a structure"
