"""Which files of folders and tables are a protein and its ligand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os import walk
from pathlib import Path
from typing import NamedTuple

from tg_molfield.files import Lines, decoded, decoding, format_suffix
from tg_molfield.files.separated import SeparatedRow, distinct, separated_rows
from tg_molfield.structures.complexes import is_residue
from tg_molfield.structures.formats.registry import FORMATS

_ROLE = re.compile(r"(?:(.+)[_.-])?(?:(protein|receptor|rec)([_-].+)?|(ligand|lig|ligands))", re.I)
_PROTEINS = (".pdb", ".ent", ".cif", ".mmcif", ".mol2", ".sdf", ".mol", ".xyz", ".extxyz")
_LIGANDS = (".sdf", ".mol", ".mol2", ".pdb", ".ent", ".cif", ".mmcif", ".xyz", ".extxyz")
"""Suffixes; where a file is there in several formats, the first of these is read."""


class ComplexFiles(NamedTuple):
    """A protein and its ligand, or several ligands of it.

    Attributes:
        name: of the complex; empty where each record of the ligand file has a name of its own.
        place: what messages call it.
        folder: where it is.
        protein: the file of the protein.
        protein_place: the path of this file from the source.
        ligand: the file of the ligand or ligands, or a residue of the protein file.
        values: named values from the table that lists the files.
        fault: what is wrong, or an empty text.
    """

    name: str
    place: str
    folder: Path
    protein: Path
    protein_place: str
    ligand: Path | str
    values: Mapping[str, str]
    fault: str = ""


def complex_files(source: Path, labels: tuple[str, ...]) -> list[ComplexFiles]:
    """The complexes of a folder, with the folders in it, or of a table.

    Args:
        source: a folder, or a ``.csv`` or ``.tsv`` with the columns ``protein`` and ``ligand``.
        labels: columns that the table must have.

    Raises:
        OSError: the source cannot be read.
        ValueError: it has no complexes, or is no such table.
    """
    found = list(_in_folders(source) if source.is_dir() else _in_table(source, labels))
    if not found:
        raise ValueError(
            f"{source}: expected complexes, got none; give a folder with NAME/NAME_protein.pdb and "
            "NAME/NAME_ligand.sdf, or a table with the columns protein and ligand"
        )
    return found


def _in_folders(source: Path) -> Iterator[ComplexFiles]:
    def refuse(error: OSError) -> None:
        raise error

    seen: set[Path] = set()
    for folder, subfolders, names in walk(source, onerror=refuse, followlinks=True):
        place = Path(folder).resolve()
        subfolders[:] = [] if place in seen else sorted(name for name in subfolders if not name.startswith("."))
        if place in seen:
            continue
        seen.add(place)
        yield from _in_folder(source, Path(folder), sorted(name for name in names if not name.startswith(".")))


def _in_folder(source: Path, folder: Path, names: list[str]) -> Iterator[ComplexFiles]:
    proteins: dict[str, list[tuple[bool, int, Path]]] = {}
    ligands: dict[tuple[str, bool], list[tuple[int, Path]]] = {}
    for name in names:
        suffix = format_suffix(name)
        stem = name[: name.lower().rindex(suffix)] if suffix in FORMATS else ""
        if match := _ROLE.fullmatch(stem):
            prefix, protein, variant, ligand = match.groups(default="")
            if protein:
                proteins.setdefault(prefix, []).append((bool(variant), _PROTEINS.index(suffix), folder / name))
            else:
                several = ligand.lower() == "ligands"
                ligands.setdefault((prefix, several), []).append((_LIGANDS.index(suffix), folder / name))
    used = set()
    for (prefix, several), files in ligands.items():
        name, ligand_file = prefix or folder.resolve().name, min(files)[1]
        place = ligand_file.relative_to(source).as_posix()
        owner = prefix if prefix in proteins else next(iter(proteins)) if len(proteins) == 1 else None
        if owner is None:
            yield _failed(name, place, folder, _lacking("a protein", f"{prefix or 'NAME'}_protein.pdb"))
            continue
        used.add(owner)
        host = min(proteins[owner])[2]
        host_place = host.relative_to(source).as_posix()
        yield ComplexFiles("" if several else name, place, folder, host, host_place, ligand_file, {})
    for prefix in [prefix for prefix in proteins if prefix not in used]:
        place = min(proteins[prefix])[2].relative_to(source).as_posix()
        name = prefix or folder.resolve().name
        yield _failed(name, place, folder, _lacking("a ligand", f"{prefix or 'NAME'}_ligand.sdf"))


def _failed(name: str, place: str, folder: Path, fault: str) -> ComplexFiles:
    return ComplexFiles(name, place, folder, Path(), "", "", {}, fault)


def _lacking(what: str, name: str) -> str:
    return f"expected {what} beside it, got none; add {name}"


def _in_table(path: Path, labels: tuple[str, ...]) -> Iterator[ComplexFiles]:
    if format_suffix(path) not in (".csv", ".tsv"):
        raise ValueError(
            f"{path}: expected a folder or a table (.csv, .tsv), got {path.name[-40:]!r}; give one of them"
        )
    with decoding(path):
        rows = separated_rows(map(decoded, Lines(path)))
        columns = [name.strip() for name in next(rows, SeparatedRow([])).fields]
        for column in ("protein", "ligand", *labels):
            if columns.count(column) != 1:
                raise ValueError(
                    f"expected one column {column!r}, got {columns.count(column)} among {', '.join(columns)[:80]}; "
                    "name the columns in the first row"
                )
        columns = distinct(columns)
        for row, (fields, fault) in enumerate(rows, start=1):
            values = {name: text.strip() for name, text in zip(columns, fields, strict=False)}
            yield _failed("", f"{path.name} row {row}", path.parent, fault) if fault else _of_row(path, row, values)


def _of_row(path: Path, row: int, values: dict[str, str]) -> ComplexFiles:
    name = values.get("name", "")
    place, folder = f"{path.name} row {row}", path.parent
    for role in ("protein", "ligand"):
        if not values.get(role):
            return _failed(name, place, folder, f"{role}: expected a file, got nothing; complete the row")
    protein = folder / values["protein"]
    ligand: Path | str = values["ligand"] if is_residue(values["ligand"]) else folder / values["ligand"]
    for file in (protein, ligand):
        if isinstance(file, Path) and format_suffix(file) not in FORMATS:
            return _failed(name, place, folder, f"expected a structure file, got {file.name[-40:]!r}; convert it")
        if isinstance(file, Path) and not file.is_file():
            return _failed(name, place, folder, f"{file.name}: expected an existing file, got none; correct the row")
    return ComplexFiles(name, place, folder, protein, values["protein"], ligand, values)
