"""PDB files, read with gemmi after their columns have been checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tg_molfield.structures.formats.macromolecule import Model, model_of
from tg_molfield.structures.formats.records import Options, Record, failing

if TYPE_CHECKING:
    import gemmi


def pdb_records(text: str, options: Options) -> Iterator[Record]:
    """The models of a PDB file, one record each."""
    for title, name, model in pdb_models(text):
        if isinstance(model, str):
            yield failing(title, model)
        else:
            yield Record(title, partial(model.data, options.dtype, name))


def pdb_models(text: str) -> Iterator[tuple[str, str, Model | str]]:
    """Title, entry name and atoms of each model; in place of the atoms the fault of a model that has one.

    Raises:
        ValueError: the text is no PDB file.
    """
    sound, faults, count = _checked(text)
    if count == 0:
        raise ValueError("there is no ATOM or HETATM line; the file is no PDB structure")
    structure = _structure(sound, count - len(faults)) if count > len(faults) else ()
    name = _entry_name(text)
    good = iter(structure)
    for number in range(1, count + 1):
        title = f"model {number}" if count > 1 else name
        yield title, name, faults[number] if number in faults else model_of(next(good))


def _structure(text: str, models: int) -> gemmi.Structure:
    """What gemmi reads, refused where atoms or models are missing from it."""
    import gemmi

    try:
        structure = gemmi.read_pdb_string(text)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"gemmi cannot read the PDB file ({' '.join(str(error).split())}); correct the line"
        ) from error
    lines = sum(line.startswith(("ATOM", "HETATM")) for line in text.split("\n"))
    atoms = sum(model.count_atom_sites() for model in structure)
    if len(structure) != models or atoms != lines:
        raise ValueError(
            f"gemmi finds {atoms} atoms in {len(structure)} models, but the file has {lines} atom lines in "
            f"{models} models; give each model its own number and remove END before the last of them"
        )
    return structure


def _checked(text: str) -> tuple[str, dict[int, str], int]:
    """The text without the models that have a fault, those faults by model, and the number of models."""
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
                faults.setdefault(model, "the model has no atoms; remove it")
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
                f"{axis} = {text!r} is no number; the PDB format has fixed columns (x, y, z in 31 to 54): "
                f"write the file again with a program that keeps them"
            )
        if not math.isfinite(value):
            return f"{axis} = {text} is not finite; correct the coordinates"
    return ""


def _entry_name(text: str) -> str:
    first = text[: text.find("\n")] if "\n" in text else text
    return first[62:66].strip() if first.startswith("HEADER") else ""


def first_model(path: Path, models: list[tuple[str, str, Model | str]]) -> tuple[str, Model]:
    """The name and atoms of the only model of a file.

    Raises:
        ValueError: there are several, or it has a fault.
    """
    if len(models) != 1:
        raise ValueError(f"{path}: holds {len(models)} models; pick one of read({str(path)!r})")
    _, name, model = models[0]
    if isinstance(model, str):
        raise ValueError(f"{path}: record 1: {model}")
    return name, model
