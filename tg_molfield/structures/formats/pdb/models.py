"""The models of a PDB file, one record each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from tg_molfield.structures.formats.macromolecule.assembly import assemble
from tg_molfield.structures.formats.macromolecule.sites import AtomSites, ModelRecord, model_record
from tg_molfield.structures.formats.macromolecule.table import AtomTable, Texts
from tg_molfield.structures.formats.pdb.columns import Columns, read_columns
from tg_molfield.structures.formats.pdb.elements import element_symbol
from tg_molfield.structures.formats.pdb.lines import ModelLines, PdbLines, sort_lines
from tg_molfield.structures.formats.pdb.residues import read_residues
from tg_molfield.structures.formats.records import ReadOptions, Record


def pdb_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The models of a PDB file, one record each.

    Raises:
        ValueError: the text is not a PDB file.
    """
    for model in pdb_models(text):
        yield model.record(options.dtype)


def pdb_models(text: str) -> Iterator[ModelRecord]:
    """The models of a PDB file with their residues.

    Raises:
        ValueError: the text is not a PDB file.
    """
    lines = sort_lines(text)
    if not lines.models:
        raise ValueError("expected ATOM or HETATM lines, got none; check that this is a PDB file")
    columns = read_columns(lines.atoms)
    name = _entry_name(text)
    notes = tuple(_count_notes(lines))
    layouts = [tuple(_layout_notes(lines, columns, model)) for model in lines.models]
    lines.atoms.clear()  # the columns hold what is read of them
    for number, (model, layout) in enumerate(zip(lines.models, layouts, strict=True), start=1):
        title = f"model {number}" if len(lines.models) > 1 else name
        yield model_record(title, name, partial(_sites, lines, columns, model), notes + layout)


def _sites(lines: PdbLines, columns: Columns, model: ModelLines) -> AtomSites:
    """The atom sites of one model.

    Raises:
        ValueError: the model or one of its lines is invalid.
    """
    rows = slice(model.start, model.stop)
    faulty = model.start + np.flatnonzero(columns.faulty[rows])
    if len(faulty):
        raise ValueError(f"line {lines.numbers[faulty[0]]}: {columns.faults[int(faulty[0])]}")
    if model.fault:
        raise ValueError(model.fault)
    residues = read_residues(columns, rows)
    for row, fault in residues.faults.items():
        raise ValueError(f"line {lines.numbers[model.start + row]}: {fault}")
    symbols = columns.texts(76, 80, rows)
    table = AtomTable(
        name=columns.texts(12, 16, rows),
        symbol=Texts([element_symbol(text) for text in symbols.values], symbols.codes),
        altloc=residues.altloc,
        occupancy=columns.occupancy[rows],
        pos=columns.pos[rows],
        residue=residues.residue,
        residues=residues.residues,
        part=np.array(lines.parts[rows]),
        line=np.array(lines.numbers[rows]),
    )
    return assemble(table)


def _count_notes(lines: PdbLines) -> Iterator[str]:
    """What the counts in the file say against its atoms and models."""
    if lines.atoms_stated is not None and lines.atoms_stated > len(lines.atoms):
        yield (
            f"MASTER: expected {lines.atoms_stated} atoms as the record counts them, got {len(lines.atoms)}; "
            "check that the file was not cut short"
        )
    if lines.models_stated is not None and lines.models_stated != len(lines.models):
        yield (
            f"NUMMDL: expected {lines.models_stated} models as the record counts them, got {len(lines.models)}; "
            "check that the file was not cut short"
        )

    sizes = {model.stop - model.start for model in lines.models}
    if len(sizes) > 1 and not all(model.declared for model in lines.models):
        yield (
            f"END: expected frames of one structure, got {min(sizes)} to {max(sizes)} atoms without MODEL records; "
            "each is a record of its own"
        )
    if lines.open_end:
        yield "ENDMDL: expected it or END after the model, got the end of the file; check that it was not cut short"


def _layout_notes(lines: PdbLines, columns: Columns, model: ModelLines) -> Iterator[str]:
    """The lines of a model whose coordinates may be shifted, or lack or repeat a digit."""
    rows = model.start + np.flatnonzero(columns.displaced[model.start : model.stop])
    if len(rows):
        others = f" (and {len(rows) - 1} more lines)" if len(rows) > 1 else ""
        yield (
            f"line {lines.numbers[rows[0]]}: expected decimal points in columns 35, 43 and 51 as in most lines, got "
            f"{lines.atoms[rows[0]][30:54].strip()!r}{others}; check the coordinates"
        )


def _entry_name(text: str) -> str:
    first = text[: text.find("\n")] if "\n" in text else text
    return first[62:66].strip() if first.startswith("HEADER") else ""
