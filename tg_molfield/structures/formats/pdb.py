"""PDB: read with gemmi after a check of the coordinate columns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tg_molfield.structures.formats.macromolecule import AtomSites, ModelRecord, atom_sites
from tg_molfield.structures.formats.records import ReadOptions, Record

if TYPE_CHECKING:
    import gemmi


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
    valid, faults, count = _check_models(text)
    if count == 0:
        raise ValueError("expected ATOM or HETATM lines, got none; check that this is a PDB file")
    structure = _parse(valid, count - len(faults)) if count > len(faults) else ()
    name = _entry_name(text)
    good = iter(structure)
    for number in range(1, count + 1):
        title = f"model {number}" if count > 1 else name
        if number in faults:
            yield ModelRecord(title, name, AtomSites(), faults[number])
        else:
            yield ModelRecord(title, name, atom_sites(next(good)))


def _parse(text: str, models: int) -> gemmi.Structure:
    """The structure that gemmi reads; an error if it lacks atoms or models."""
    import gemmi

    try:
        structure = gemmi.read_pdb_string(text)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"expected a PDB file that gemmi can read, got: {' '.join(str(error).split())}; correct the line"
        ) from error
    lines = sum(line.startswith(("ATOM", "HETATM")) for line in text.split("\n"))
    atoms = sum(model.count_atom_sites() for model in structure)
    if len(structure) != models or atoms != lines:
        raise ValueError(
            f"expected {lines} atoms in {models} models by the lines of the file, gemmi got {atoms} atoms in "
            f"{len(structure)} models; give each model its own number and remove END before the last model"
        )
    return structure


def _check_models(text: str) -> tuple[str, dict[int, str], int]:
    """The text without its invalid models, the faults of those by model number, and the number of all models."""
    lines: list[str] = []
    faults: dict[int, str] = {}
    starts: dict[int, int] = {}
    model, inside, atoms = 0, False, 0
    for number, line in enumerate(text.split("\n"), start=1):
        record = "ATOM" if line.startswith(("ATOM", "HETATM")) else line[:6].rstrip()
        if record == "MODEL" or (record == "ATOM" and not inside):
            model, inside = model + 1, True
            starts[model] = len(lines)
            atoms = 0
        if record == "ATOM":
            atoms += 1
            fault = _column_fault(line)
            if fault:
                faults.setdefault(model, f"line {number}: {fault}")
        lines.append(line)
        if record == "ENDMDL":
            inside = False
            if atoms == 0:
                faults.setdefault(model, "expected atoms in the model, got none; remove it")
        if record in ("ENDMDL", "END") and model in faults and model in starts:
            del lines[starts.pop(model) :]
    if model in faults and model in starts:
        del lines[starts[model] :]
    return "\n".join(lines) + "\n", faults, model


def _column_fault(line: str) -> str:
    for axis, column in zip("xyz", (30, 38, 46), strict=True):
        text = line[column : column + 8].strip()
        try:
            value = float(text)
        except ValueError:
            return (
                f"expected {axis} in columns {column + 1} to {column + 8}, got {text!r}; "
                "write the file with a program that keeps the fixed columns of the PDB format"
            )
        if not math.isfinite(value):
            return f"expected a finite {axis}, got {text}; correct the coordinates"
    return ""


def _entry_name(text: str) -> str:
    first = text[: text.find("\n")] if "\n" in text else text
    return first[62:66].strip() if first.startswith("HEADER") else ""
