"""SMILES to 3D conformers."""

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
"""Distance in Å between the fragments of a SMILES with dots, before they are optimised together."""


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

    Embedded with ETKDGv3, from random coordinates where that fails, and optimised with MMFF94 or, where it has
    no parameters, with UFF; atoms that neither knows keep their embedded geometry. Fragments (``"C.O"``) are
    set side by side and optimised together. The same seed gives the same positions.

    Args:
        smiles: one SMILES.
        conformers: how many conformers, at least 1.
        seed: seed of the embedding, from 0 to 2³¹ − 2.
        dtype: floating type of the result; ``None`` is ``torch.get_default_dtype()``.
        properties: per-atom properties as in :func:`from_rdkit`; ``None`` is its default.

    Returns:
        One ``Data`` with ``z`` [N], ``pos`` [N, 3] in Å, ``name`` (the SMILES as given) and the properties, or
        for more than one conformer a list of them.

    Raises:
        TypeError: ``smiles`` is no string.
        ValueError: the SMILES is not valid, it has no atoms or a dummy atom, or it cannot be embedded.

    Example:
        >>> from_smiles("CCO").z.tolist()
        [6, 6, 8, 1, 1, 1, 1, 1, 1]
    """
    if conformers < 1:
        raise ValueError(f"conformers = {conformers}; ask for at least 1")
    if not 0 <= seed < 2**31 - 1:
        raise ValueError(f"seed = {seed}; give one from 0 to 2³¹ − 2, so that the result can be repeated")
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
        raise TypeError(f"smiles must be a string, not {type(smiles).__name__}")
    with rdBase.CaptureErrorLog() as log:
        mol = Chem.MolFromSmiles(smiles)
        reason = str(log.messages)
    if mol is None:
        lines = [line.partition("] ")[2].strip(" :") for line in reason.splitlines() if "] " in line]
        raise ValueError(f"smiles = {smiles!r} is not valid: {'; '.join(lines[:2]) or 'RDKit gives no reason'}")
    if mol.GetNumAtoms() == 0:
        raise ValueError(f"smiles = {smiles!r} has no atoms")
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 0:
            raise ValueError(f"smiles = {smiles!r}: atom {atom.GetIdx() + 1} is a dummy atom '*'; name its element")
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
        f"smiles = {smiles!r}: RDKit could not embed {conformers} conformers with seed {seed}; "
        f"try another seed, fewer conformers, or another tautomer"
    )


def _spread_fragments(mol: Mol) -> None:
    """Set the fragments in a row along x, which the embedding puts on top of each other."""
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
