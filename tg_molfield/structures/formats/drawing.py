"""Whether the coordinates of a molecule with bonds are a geometry or a drawing, and whether its hydrogens are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from tg_molfield.chem.elements import element_property

if TYPE_CHECKING:
    from rdkit.Chem import Mol

FLAT = 1e-3
"""Root mean square distance in Å from the best plane through the first atom below which atoms lie in one plane."""

BOND_RANGE = (0.7, 1.25)
"""Lengths of bonds as multiples of the sum of the covalent radii: drawings, with bonds of one length, are outside."""

MIN_X_H = 0.92
"""The shortest length for bonds to hydrogen, which are never multiple."""

_HYDRIDES = (5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
"""Elements that need hydrogens also without a bond; RDKit takes metals for hydrides, too."""


def is_geometry(mol: Mol, code: str) -> bool:
    """Whether the coordinates are a geometry, not a drawing.

    A molecule with a z that is not 0 is one. Of those in the plane z = 0 the dimension code decides; without a code
    it is one if nothing speaks for a drawing: every hydrogen is there, no saturated carbon lies in the plane with two
    heavy neighbours, and the bonds have the lengths of bonds.

    Args:
        mol: molecule with one conformer, not sanitized.
        code: dimension code of the header: ``"3D"``, ``"2D"`` or another text.
    """
    pos = mol.GetConformer().GetPositions()
    if pos[:, 2].any():
        return True
    if code in ("2D", "3D"):
        return code == "3D"
    if missing_hydrogens(mol) or saturated_carbon(mol) >= 0:
        return False
    return len(pos) == 1 or _has_bond_lengths(mol, pos)


def planarity_note(mol: Mol, pos: np.ndarray) -> str:
    """The note on a molecule whose atoms all lie in one plane though a carbon in it is saturated, or an empty text."""
    if not is_flat(pos) or saturated_carbon(mol) < 0:
        return ""
    return (
        "pos: expected a molecule with saturated carbon to extend in three dimensions, got all atoms in one plane; "
        "if this is a drawing, embed the molecule: from_smiles(Chem.MolToSmiles(mol))"
    )


def hydrogen_note(mol: Mol, numbers: list[int]) -> str:
    """The note on a molecule that lacks hydrogen atoms that its valences need, or an empty text.

    Beside hydrogens and a radical that the record states, an open valence is a bond order that is wrong.
    """
    missing = missing_hydrogens(mol)
    if not missing or (1 in numbers and any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())):
        return ""
    got, channel = (f"{missing} too few", "lack them") if 1 in numbers else (f"none of {missing}", "be empty")
    return (
        f"hydrogens: expected those that the valences need, got {got}, so a channel of H would {channel}; "
        "add them with Chem.AddHs(mol, addCoords=True), or leave H out of the channels"
    )


def missing_hydrogens(mol: Mol) -> int:
    """The number of hydrogens that the valences need and that are no atoms of the molecule."""
    mol.UpdatePropertyCache(strict=False)
    return sum(atom.GetTotalNumHs() for atom in mol.GetAtoms() if atom.GetDegree() or atom.GetAtomicNum() in _HYDRIDES)


def saturated_carbon(mol: Mol) -> int:
    """The first carbon with single bonds only and with two heavy neighbours or more, or -1."""
    from rdkit.Chem import BondType

    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 6 and not atom.GetFormalCharge() and not atom.GetNumRadicalElectrons():
            single = all(bond.GetBondType() == BondType.SINGLE for bond in atom.GetBonds())
            if single and sum(other.GetAtomicNum() > 1 for other in atom.GetNeighbors()) >= 2:
                return int(atom.GetIdx())
    return -1


def is_flat(pos: np.ndarray) -> bool:
    """Whether four atoms or more lie in one plane."""
    if len(pos) < 4:
        return False
    offsets = pos - pos[0]
    scatter = offsets.T @ offsets
    allowed = len(pos) * FLAT**2
    (a, b, c), (_, d, e), (_, _, f) = scatter.tolist()
    determinant = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d)
    if determinant > allowed * (a + d + f) ** 2:
        return False  # the smallest eigenvalue is at least the determinant over the squared trace
    return bool(np.linalg.eigvalsh(scatter)[0] <= allowed)


def _has_bond_lengths(mol: Mol, pos: np.ndarray) -> bool:
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    numbers = torch.tensor([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    if not bonds or int(numbers.max()) > 96:
        return False
    radii = element_property("covalent_radius", numbers).numpy()
    first, second = np.array(bonds).T
    ratio = np.linalg.norm(pos[first] - pos[second], axis=1) / (radii[first] + radii[second])
    to_hydrogen = (numbers.numpy()[np.array(bonds)] == 1).any(1)
    shortest = np.where(to_hydrogen, MIN_X_H, BOND_RANGE[0])
    return bool((ratio > shortest).all() and (ratio < BOND_RANGE[1]).all())
