"""`common_substructure`: the largest connected part that two molecules share, and everywhere it is found in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch_geometric.data import Data

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.structures.rdkit_mol import MAX_ATOMS

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Indices = NDArray[np.int64]

_SECONDS = 10
_MAX_PLACES = 50_000
_FIX_A_POSE = 3
"""Atoms that determine how one molecule lies on another."""


def bonds_by_distance(data: Data) -> list[tuple[int, int]]:
    """The bonds of a molecule, sorted, so that they do not depend on how it lies."""
    return sorted((min(i, j), max(i, j)) for i, j in bonds(AtomList(data.z, data.pos)).tolist())


@dataclass(frozen=True)
class Skeleton:
    """A molecule without the hydrogens that are bonded to one other atom, and these by the atom that holds them.

    Attributes:
        atoms: the atoms of the skeleton [S].
        bonds: pairs of positions in ``atoms``.
        hydrogens: for each atom of the molecule, its hydrogens.
    """

    atoms: list[int]
    bonds: list[tuple[int, int]]
    hydrogens: list[list[int]]

    @classmethod
    def of(cls, data: Data) -> Skeleton:
        """The skeleton of a molecule, with bonds by distance."""
        z, pairs = data.z.tolist(), bonds_by_distance(data)
        around: list[list[int]] = [[] for _ in z]
        for i, j in pairs:
            around[i].append(j)
            around[j].append(i)
        ends = {i for i, near in enumerate(around) if z[i] == 1 and len(near) == 1 and z[near[0]] > 1}
        atoms = [i for i in range(len(z)) if i not in ends]
        place = {atom: row for row, atom in enumerate(atoms)}
        inner = [(place[i], place[j]) for i, j in pairs if i in place and j in place]
        return cls(atoms, inner, [sorted(ends.intersection(near)) for near in around])

    def mol(self, data: Data) -> Mol:
        """The skeleton for RDKit, all bonds single."""
        from rdkit import Chem

        mol = Chem.RWMol()
        for atom in self.atoms:
            mol.AddAtom(Chem.Atom(int(data.z[atom])))
        for i, j in self.bonds:
            mol.AddBond(i, j, Chem.BondType.SINGLE)
        mol.UpdatePropertyCache(strict=False)
        Chem.FastFindRings(mol)
        return mol.GetMol()


@dataclass(frozen=True)
class CommonSubstructure:
    """The M atoms that two molecules share, apart from hydrogens, wherever they are found.

    Any row of ``first`` may go with any of ``last``; together they are all ways to match the atoms, up to 50,000.

    Attributes:
        first: atoms of the first molecule [A, M], each set once.
        last: atoms of the last molecule [B, M], in every order that fits.
        hydrogens: for both molecules, the hydrogens of each atom.
    """

    first: Indices
    last: Indices
    hydrogens: tuple[list[list[int]], list[list[int]]]


def common_substructure(first: Data, last: Data) -> CommonSubstructure:
    """The maximum common substructure of two molecules, by RDKit's ``rdFMCS``.

    Elements and connectivity are compared, not the orders of bonds, which are perceived by distance. Atoms of rings are
    matched with atoms of rings, in complete rings only (RDKit's ``completeRingsOnly``) unless that leaves fewer than
    three atoms. Hydrogens are left out of the search: they go with the atoms that hold them.

    Raises:
        ValueError: there is none, the search takes over ten seconds, or a molecule has more than 1000 atoms.
    """
    from rdkit import Chem

    molecules = (first, last)
    most = max(len(data.z) for data in molecules)
    if most > MAX_ATOMS:
        raise ValueError(
            f"match: expected molecules of at most {MAX_ATOMS} atoms for 'mcs', got one of {most}; give match='field'"
        )
    skeletons = [Skeleton.of(data) for data in molecules]
    mols = [skeleton.mol(data) for skeleton, data in zip(skeletons, molecules, strict=True)]
    smarts, count = _search(mols, whole_rings=True)
    if count < _FIX_A_POSE:
        smarts, count = max((smarts, count), _search(mols, whole_rings=False), key=lambda found: found[1])
    if not count:
        raise ValueError(
            "match: expected molecules with a common substructure for 'mcs', got none that shares an atom other than "
            "hydrogen; give match='field'"
        )
    pattern = Chem.MolFromSmarts(smarts)
    some = mols[0].GetSubstructMatches(pattern, uniquify=True, maxMatches=_MAX_PLACES)
    every = mols[1].GetSubstructMatches(pattern, uniquify=False, maxMatches=max(1, _MAX_PLACES // len(some)))
    places = [
        np.array(skeleton.atoms)[np.array(found)] for skeleton, found in zip(skeletons, (some, every), strict=True)
    ]
    return CommonSubstructure(places[0], places[1], (skeletons[0].hydrogens, skeletons[1].hydrogens))


def _search(mols: list[Mol], whole_rings: bool) -> tuple[str, int]:
    """The pattern and the number of its atoms; an empty one where there is none."""
    from rdkit.Chem import rdFMCS

    found = rdFMCS.FindMCS(
        mols,
        bondCompare=rdFMCS.BondCompare.CompareAny,
        ringMatchesRingOnly=True,
        completeRingsOnly=whole_rings,
        timeout=_SECONDS,
    )
    if found.canceled:
        raise ValueError(
            f"match: expected a maximum common substructure within {_SECONDS} s for 'mcs', got none; give match='field'"
        )
    return found.smartsString, found.numAtoms
