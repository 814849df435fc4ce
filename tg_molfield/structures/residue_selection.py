"""Which atoms of a file with residues become the ligand and the protein of a complex."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tg_molfield.files import decoding, format_suffix
from tg_molfield.structures.formats.macromolecule import AtomSites, ModelRecord
from tg_molfield.structures.formats.registry import FORMATS
from tg_molfield.structures.formats.text_file import read_text


def only_model(path: str | Path, role: str) -> ModelRecord | None:
    """The one model of a file with residues; ``None`` for any other file.

    Raises:
        ValueError: the file has several models, or cannot be read.
    """
    path = Path(path)
    source = FORMATS.get(format_suffix(path))
    if source is None or source.models is None:
        return None
    text, _ = read_text(path)
    with decoding(path):
        models = list(source.models(text))
    if len(models) > 1:
        raise ValueError(
            f"{path}: expected 1 model as {role}, got {len(models)}; give one of them, written to its own file or as "
            "protein=read(path)[0]"
        )
    return models[0] if models else None


def residue_rows(path: Path, sites: AtomSites, residue: str) -> np.ndarray:
    """[N] whether the atom belongs to the named residue.

    Raises:
        ValueError: the residue is missing, or is there several times.
    """
    wanted = residue.split("/")
    matching = [row for row, found in enumerate(sites.residues) if found.label.split("/")[: len(wanted)] == wanted]
    present = set(sites.residue.tolist())
    copies = [row for row in matching if row in present]
    labels = list(dict.fromkeys(sites.residues[row].label for row in copies))
    if not copies:
        hetero = dict.fromkeys(sites.residue[sites.hetero & ~sites.water].tolist())
        listed = ", ".join(list(dict.fromkeys(sites.residues[row].label for row in hetero))[:20]) or "none"
        got = "one of lower occupancy than another residue in its place" if matching else "a file without it"
        raise ValueError(
            f"{path}: expected the residue {residue!r} as ligand, got {got}; "
            f"choose one of its ligands and ions: {listed}"
        )
    if len(copies) > 1:
        choice = f"choose one: {', '.join(labels[:20])}" + (", …" if len(labels) > 20 else "")
        raise ValueError(
            f"{path}: expected the residue {residue!r} once as ligand, got it {len(copies)} times; "
            + (choice if len(labels) == len(copies) else "give each of them its own number or chain")
        )
    return sites.residue == copies[0]


def wanted_rows(place: str, water: np.ndarray, other: np.ndarray, waters: bool, hetero: bool) -> np.ndarray:
    """[N] whether the atom is neither an unwanted water nor another unwanted hetero atom.

    Raises:
        ValueError: no atoms are left.
    """
    rows = (waters | ~water) & (hetero | ~other | water)
    if not rows.any():
        raise ValueError(
            f"{place}: expected atoms other than waters and hetero atoms, got none; set waters=True or hetero=True"
        )
    return rows
