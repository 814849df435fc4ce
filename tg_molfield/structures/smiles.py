"""`from_smiles`: 3D conformers from SMILES."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.rdkit_mol import from_rdkit

if TYPE_CHECKING:
    from rdkit.Chem import Mol

GAP = 3.0
"""Distance in Å between the fragments of a SMILES with dots before they are optimised together."""


@overload
def from_smiles(
    smiles: str,
    conformers: Literal[1] = 1,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
) -> Data: ...


@overload
def from_smiles(
    smiles: str,
    conformers: int,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
) -> Data | list[Data]: ...


def from_smiles(
    smiles: str,
    conformers: int = 1,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
) -> Data | list[Data]:
    """Conformers of a molecule from its SMILES, with all hydrogens.

    Embedded with ETKDGv3, from random coordinates if that fails, and optimised with MMFF94, or with UFF if MMFF94 has
    no parameters; if neither has parameters, the embedded geometry is kept. Fragments (``"C.O"``) are placed side by
    side and optimised together. The same seed gives the same positions.

    Args:
        smiles: one SMILES.
        conformers: number of conformers, at least 1.
        seed: seed of the embedding, from 0 to 2³¹ − 2.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        properties: per-atom properties as in :func:`from_rdkit`.

    Returns:
        One ``Data`` with ``z`` [N], ``pos`` [N, 3] in Å, ``name`` (the given SMILES) and the properties, or a
        list of them for more than one conformer.

    Raises:
        TypeError: ``smiles`` is not a string.
        ValueError: ``conformers`` or ``seed`` is out of range, or the SMILES is invalid, has no atoms or a dummy atom,
            or cannot be embedded.

    Example:
        >>> from_smiles("CCO").z.tolist()
        [6, 6, 8, 1, 1, 1, 1, 1, 1]
    """
    if conformers < 1:
        raise ValueError(f"conformers: expected at least 1, got {conformers}; give a positive number")
    if not 0 <= seed < 2**31 - 1:
        raise ValueError(
            f"seed: expected 0 to 2³¹ − 2, got {seed}; give one in this range to make the result repeatable"
        )
    mol = _parse(smiles)
    mol.SetProp("_Name", smiles)
    _embed(mol, smiles, conformers, seed)
    _spread_fragments(mol)
    _optimise(mol)
    found = [from_rdkit(mol, position, properties, dtype) for position in range(conformers)]
    return found[0] if conformers == 1 else found


def _parse(smiles: str) -> Mol:
    from rdkit import Chem, rdBase

    if not isinstance(smiles, str):
        raise TypeError(f"smiles: expected a string, got {type(smiles).__name__}; give one SMILES")
    with rdBase.CaptureErrorLog() as log:
        mol = Chem.MolFromSmiles(smiles)
        reason = str(log.messages)
    if mol is None:
        lines = [line.partition("] ")[2].strip(" :") for line in reason.splitlines() if "] " in line]
        raise ValueError(
            f"smiles: expected a valid SMILES, got {smiles!r} ({', '.join(lines[:2]) or 'RDKit gives no reason'}); "
            "correct it"
        )
    if mol.GetNumAtoms() == 0:
        raise ValueError(f"smiles: expected at least 1 atom, got no atoms in {smiles!r}; give a molecule")
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 0:
            raise ValueError(
                f"smiles: expected elements, got the dummy atom '*' for atom {atom.GetIdx()} of {smiles!r}; "
                "name its element"
            )
    return Chem.AddHs(mol)


def _embed(mol: Mol, smiles: str, conformers: int, seed: int) -> None:
    from rdkit import rdBase
    from rdkit.Chem import rdDistGeom

    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed + 1  # 0 would give every conformer the same start
    with rdBase.BlockLogs():
        for random_start in (False, True):
            parameters.useRandomCoords = random_start
            if len(rdDistGeom.EmbedMultipleConfs(mol, conformers, parameters)) == conformers:
                return
    raise ValueError(
        f"smiles: expected {conformers} conformers of {smiles!r} with seed {seed}, got fewer from RDKit; "
        "try another seed, fewer conformers, or another tautomer"
    )


def _spread_fragments(mol: Mol) -> None:
    """Place the fragments in a row along x; the embedding puts them on top of each other."""
    from rdkit import Chem
    from rdkit.Geometry import Point3D

    fragments = Chem.GetMolFrags(mol)
    if len(fragments) == 1:
        return
    for conformer in mol.GetConformers():
        positions = np.array(conformer.GetPositions())
        edge = 0.0
        for fragment in fragments:
            rows = list(fragment)
            positions[rows, 0] += edge - positions[rows, 0].min()
            edge = positions[rows, 0].max() + GAP
        for row, point in enumerate(positions.tolist()):
            conformer.SetAtomPosition(row, Point3D(*point))


def _optimise(mol: Mol) -> None:
    from rdkit import rdBase
    from rdkit.Chem import rdForceFieldHelpers as force_fields

    with rdBase.BlockLogs():
        if force_fields.MMFFHasAllMoleculeParams(mol):
            force_fields.MMFFOptimizeMoleculeConfs(mol, maxIters=1000, ignoreInterfragInteractions=False)
        elif force_fields.UFFHasAllMoleculeParams(mol):
            force_fields.UFFOptimizeMoleculeConfs(mol, maxIters=1000, ignoreInterfragInteractions=False)
