"""How well molecules were given back, and whether atoms that a model made are molecules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch_geometric.data import Data

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.structures.whole_molecule import canonical_smiles, whole_molecule

_VALENCE = {1: 1, 6: 4, 7: 3, 8: 2, 9: 1}
_SINGLE = {
    (1, 1): 74, (1, 6): 109, (1, 7): 101, (1, 8): 96, (1, 9): 92, (6, 6): 154, (6, 7): 147, (6, 8): 143, (6, 9): 135,
    (7, 7): 145, (7, 8): 140, (7, 9): 136, (8, 8): 148, (8, 9): 142, (9, 9): 142,
}  # fmt: skip
_DOUBLE = {(6, 6): 134, (6, 7): 129, (6, 8): 120, (7, 7): 125, (7, 8): 121, (8, 8): 121}
_TRIPLE = {(6, 6): 120, (6, 7): 116, (6, 8): 113, (7, 7): 110}
_MARGINS = (10, 5, 3)
"""pm; the bond lengths and margins of EDM (Hoogeboom et al. 2022, arXiv 2203.17003), by which stability is defined."""


@dataclass(frozen=True)
class Chemistry:
    """What K molecules are as chemistry.

    Attributes:
        atom_stable: the share of atoms with the valence of their element, by the bond lengths of EDM.
        molecule_stable: the share of molecules all of whose atoms have it.
        valid: the share whose bonds RDKit finds and sanitises, in one piece and without a net charge.
        uncharged: the share that is valid without formal charges.
        smiles: of the valid ones.
    """

    atom_stable: float
    molecule_stable: float
    valid: float
    uncharged: float
    smiles: tuple[str, ...]


def chemistry(molecules: Sequence[Data]) -> Chemistry:
    """Judge molecules by their elements and positions alone."""
    molecules = [data.cpu() for data in molecules]
    stable = [stable_atoms(data) for data in molecules]
    smiles = [found for data in molecules if (found := smiles_of(data)) is not None]
    return Chemistry(
        float(np.concatenate(stable).mean()),
        float(np.mean([bool(each.all()) for each in stable])),
        len(smiles) / len(molecules),
        sum("+" not in found for found in smiles) / len(molecules),
        tuple(smiles),
    )


def stable_atoms(data: Data) -> np.ndarray:
    """Which atoms ``[N]`` have the valence of their element, by the bond lengths of EDM."""
    z, pos = data.z.numpy(), data.pos.double().numpy()
    distance = 100 * cdist(pos, pos)
    bonded = np.ones(distance.shape, dtype=bool)
    np.fill_diagonal(bonded, False)
    valence = np.zeros(len(z), dtype=np.int64)
    for lengths, margin in zip((_SINGLE, _DOUBLE, _TRIPLE), _MARGINS, strict=True):
        limit = np.full((max(z.max(), 9) + 1,) * 2, -1.0)
        for (one, two), length in lengths.items():
            limit[one, two] = limit[two, one] = length + margin
        bonded &= distance < limit[z[:, None], z]
        valence += bonded.sum(1)
    return valence == np.array([_VALENCE.get(int(number), -1) for number in z])


def smiles_of(data: Data) -> str | None:
    """The canonical SMILES of a molecule whose bonds RDKit finds and sanitises, in one piece; else None."""
    mol = whole_molecule(data)
    if mol is None:
        return None
    return canonical_smiles(mol)


def reconstruction(truth: Sequence[Data], found: Sequence[Data]) -> tuple[np.ndarray, np.ndarray]:
    """Whether every element is right ``[K]``, and the RMSD ``[K]`` in Å, NaN where they are not.

    Atoms are assigned so that the squared distances between atoms of one element are least.
    """
    right, rmsd = np.zeros(len(truth), dtype=bool), np.full(len(truth), np.nan)
    for row, (one, two) in enumerate(zip(truth, found, strict=True)):
        z, other = (data.z.cpu().numpy() for data in (one, two))
        right[row] = len(z) == len(other) and bool((np.sort(z) == np.sort(other)).all())
        if right[row]:
            cost = cdist(*(data.pos.double().cpu() for data in (one, two))) ** 2
            pairs = linear_sum_assignment(cost + 1e4 * (z[:, None] != other))
            rmsd[row] = np.sqrt(cost[pairs].mean())
    return right, rmsd


def posebusters(molecules: Sequence[Data]) -> str:
    """The share that passes all tests of PoseBusters (Buttenschoen et al. 2024) of one molecule, if it is installed."""
    try:
        from posebusters import PoseBusters
    except ImportError:
        return "not installed"
    mols = [mol for data in molecules if (mol := whole_molecule(data)) is not None]
    passed = PoseBusters("mol").bust(mols, None, None).all(axis=1).sum() if mols else 0
    return f"{100 * passed / len(molecules):.1f} %"


def bond_lengths(molecules: Sequence[Data]) -> np.ndarray:
    """The lengths of all bonds by distance, Å."""
    found = []
    for data in molecules:
        pairs = bonds(AtomList(data.z, data.pos))
        pos = data.pos.double().numpy()
        found.append(np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=1))
    return np.concatenate(found)


def bond_angles(molecules: Sequence[Data]) -> np.ndarray:
    """The angles between all pairs of bonds at one atom, degrees."""
    found = []
    for data in molecules:
        pos = data.pos.double().numpy()
        partners: dict[int, list[int]] = {}
        for one, two in bonds(AtomList(data.z, data.pos)).tolist():
            partners.setdefault(one, []).append(two)
            partners.setdefault(two, []).append(one)
        for center, others in partners.items():
            for one, two in combinations(others, 2):
                sides = pos[[one, two]] - pos[center]
                sides /= np.linalg.norm(sides, axis=1, keepdims=True)
                found.append(np.degrees(np.arccos(np.clip(sides[0] @ sides[1], -1, 1))))
    return np.array(found)
