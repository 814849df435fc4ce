"""What of a structure is drawn how: polymers as ribbons, the molecules beside them as balls and sticks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.backbones import Backbone, backbones, molecules_of
from tg_molfield.viz.molecule import Indices

_FEWEST_RESIDUES = 8
"""Molecules with fewer residues are drawn as balls and sticks."""


class Parts(NamedTuple):
    """The parts of a structure.

    Attributes:
        ribbons: backbones by the kind of the polymer.
        balls: indices of the atoms that are drawn as balls and sticks, by their name in the legend.
        hidden: the names in ``balls`` that are not shown at first.
        lines: the names in ``balls`` of which only bonds are drawn.
    """

    ribbons: dict[str, list[Backbone]]
    balls: dict[str, Indices]
    hidden: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()

    @classmethod
    def of_one_kind(cls, atoms: AtomList) -> Parts:
        """All atoms alike."""
        return cls({}, {"atoms": np.arange(len(atoms.z))})


def parts_of(atoms: AtomList) -> Parts:
    """The parts of a structure; a structure without polymers has one part."""
    whole = Parts.of_one_kind(atoms)
    if len(atoms.z) < 4 * _FEWEST_RESIDUES:
        return whole
    chains = backbones(atoms)
    molecule = molecules_of(atoms)
    residues = np.zeros(molecule.max() + 1, dtype=np.int64)
    for chain in chains:
        residues[molecule[chain.trace[0]]] += len(chain.trace)
    is_polymer = (residues >= _FEWEST_RESIDUES)[molecule]
    ribbons: dict[str, list[Backbone]] = {}
    for chain in chains:
        if is_polymer[chain.trace[0]]:
            ribbons.setdefault(chain.kind, []).append(chain)
    if not ribbons:
        return whole
    z = atoms.z.cpu().numpy()
    sizes = np.bincount(molecule, weights=z > 1)
    is_water = ~is_polymer & (sizes == 1)[molecule] & np.isin(z, (1, 8))
    is_water &= (np.bincount(molecule, weights=z == 8) == 1)[molecule]
    others = ~is_polymer & ~is_water
    polymer = " and ".join(ribbons)
    named = {"ligands and ions": others, "water": is_water, f"atoms of {polymer}": is_polymer}
    balls = {name: np.flatnonzero(chosen) for name, chosen in named.items() if chosen.any()}
    return Parts(ribbons, balls, frozenset({"water", f"atoms of {polymer}"}), frozenset({f"atoms of {polymer}"}))
