"""Molecules that a model decoded, as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_geometric.data import Data


def write_molecules(stem: Path, names: Sequence[str], molecules: Sequence[Data], smiles: Sequence[str]) -> None:
    """Write molecules with bonds to an SDF file, and all atoms, molecules or not, to an XYZ file.

    Args:
        stem: the files without their suffix.
        names: of the molecules.
        molecules: their atoms.
        smiles: empty where the atoms are no molecule.
    """
    from tg_molfield.structures.library import Entry, write_extxyz, write_sdf

    parts = list(zip(names, molecules, smiles, strict=True))
    entries = [
        (Entry("", record, name, "data", data), data, {"SMILES": text})
        for record, (name, data, text) in enumerate(parts, 1)
        if text
    ]
    write_sdf(stem.with_suffix(".sdf"), entries)
    named = [(data.clone(), {"name": name, "valid": bool(text)}) for name, data, text in parts]
    write_extxyz(stem.with_suffix(".xyz"), named)


def formula_of(data: Data) -> str:
    """The formula in Hill order: ``C2H6O``."""
    from tg_molfield.chem.atoms import AtomList
    from tg_molfield.viz.molecule import formula

    return formula(AtomList(data.z, data.pos)).translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
