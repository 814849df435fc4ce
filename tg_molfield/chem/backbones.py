"""Backbones of proteins and nucleic acids, found from elements and bonds, so that no names of atoms are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.chem.components import components
from tg_molfield.chem.metals import is_metal
from tg_molfield.chem.principal_axes import Array, positions

Indices = NDArray[np.int64]

_H, _C, _N, _O, _P = 1, 6, 7, 8, 15
_LONGEST_DOUBLE_BOND = 1.33
"""Å: a C=O bond has 1.23, a C–O bond 1.43."""

_SUGAR = (_O, _C, _C, _C, _O, _P)
"""The elements along a nucleic acid's backbone from a phosphorus to the next."""


class Backbone(NamedTuple):
    """A chain without a break.

    Attributes:
        kind: ``"protein"`` or ``"nucleic acid"``.
        trace: the Cα or the P atoms [R], in order.
        side: for each, the O of the carbonyl group, to which a ribbon is turned; empty for nucleic acids.
    """

    kind: str
    trace: Indices
    side: Indices


def molecules_of(atoms: AtomList) -> Indices:
    """The number [N] of the molecule of each atom. Bonds to metals do not count."""
    return components(_covalent(atoms), len(atoms.z))


def backbones(atoms: AtomList) -> list[Backbone]:
    """The chains of amino acids and of nucleotides, of two residues or more.

    An amino acid is N–Cα–C=O, where C has no other carbon and Cα no other carbonyl group of this kind; the next one
    has its N at C. A nucleotide is a P that is connected to the next by O–C–C–C–O.
    """
    z = atoms.z.cpu().numpy()
    near: dict[int, list[int]] = {index: [] for index in np.flatnonzero(z != _H).tolist()}
    for one, other in _covalent(atoms).tolist():
        if one in near and other in near:
            near[one].append(other)
            near[other].append(one)
    return [*_proteins(z, near, positions(atoms)), *_nucleic_acids(z, near)]


def _covalent(atoms: AtomList) -> Indices:
    pairs = bonds(atoms)
    return pairs[~is_metal(atoms.z.cpu().numpy())[pairs].any(1)]


def _proteins(z: Indices, near: Mapping[int, Sequence[int]], pos: Array) -> list[Backbone]:
    residues: dict[int, tuple[int, int, int]] = {}
    for carbonyl in np.flatnonzero(z == _C).tolist():
        oxygens = [one for one in near[carbonyl] if z[one] == _O and len(near[one]) == 1]
        carbons = [one for one in near[carbonyl] if z[one] == _C]
        if not oxygens or len(carbons) != 1:
            continue
        if len(near[carbonyl]) < 3 and np.linalg.norm(pos[carbonyl] - pos[oxygens[0]]) > _LONGEST_DOUBLE_BOND:
            continue  # the alcohol of a serine
        for nitrogen in near[carbons[0]]:
            if z[nitrogen] == _N:
                residues[nitrogen] = (carbons[0], carbonyl, oxygens[0])
    following = {
        nitrogen: next((one for one in near[carbonyl] if one in residues and one != nitrogen), None)
        for nitrogen, (_, carbonyl, _) in residues.items()
    }
    chains = []
    for chain in _chains(following):
        alpha, _, oxygen = np.array([residues[nitrogen] for nitrogen in chain]).T
        chains.append(Backbone("protein", alpha, oxygen))
    return chains


def _nucleic_acids(z: Indices, near: Mapping[int, Sequence[int]]) -> list[Backbone]:
    after: dict[int, list[int]] = {}
    for phosphorus in np.flatnonzero(z == _P).tolist():
        ends: list[tuple[int, ...]] = [(phosphorus,)]
        for element in _SUGAR:
            ends = [(*path, one) for path in ends for one in near[path[-1]] if z[one] == element and one not in path]
        after[phosphorus] = sorted({path[-1] for path in ends})
    chains = [Backbone("nucleic acid", np.array(chain), np.zeros(0, dtype=np.int64)) for chain in _paths(after)]
    return [chain for chain in chains if len(chain.trace) > 1]


def _chains(following: Mapping[int, int | None]) -> list[list[int]]:
    """The sequences that ``following`` describes, of two or more; closed ones start anywhere."""
    starts = sorted(set(following) - set(following.values()))
    seen: set[int] = set()
    chains = []
    for start in [*starts, *following]:
        chain: list[int] = []
        one: int | None = start
        while one is not None and one not in seen:
            seen.add(one)
            chain.append(one)
            one = following[one]
        if len(chain) > 1:
            chains.append(chain)
    return chains


def _paths(near: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The paths through a graph whose nodes have two neighbours or fewer; closed ones start anywhere."""
    seen: set[int] = set()
    paths = []
    for start in sorted(near, key=lambda node: len(near[node])):
        path: list[int] = []
        one: int | None = start
        while one is not None and one not in seen:
            seen.add(one)
            path.append(one)
            one = next((other for other in near[one] if other not in seen), None)
        if path:
            paths.append(path)
    return paths
