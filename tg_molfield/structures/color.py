"""Pharmacophore features, the colour of a shape: donors, acceptors, rings, hydrophobes and charges."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tg_molfield.chem.color import COLOR_TYPES
from tg_molfield.structures.properties import sanitized, without_hydrogens

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_OF_RDKIT = {1: "donor", 2: "acceptor", 3: "ring", 4: "cation", 5: "anion"}
"""The types of `rdShapeAlign`; 0 is an atom."""
_HYDROPHOBES = ("Hydrophobe", "LumpedHydrophobe")
_SAME_PLACE = 1e-3
"""Å within which a feature in single precision is at an atom or in the middle of a ring."""
_ANY_RADIUS = 1.0
"""Å; features do not depend on it, but RDKit lacks the radii of some elements."""


def compute_color(mol: Mol, pos: NDArray[np.float64]) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """The features of a molecule: ``color_pos`` [F, 3], ``color_type`` [F] and ``color_count`` [1].

    Args:
        mol: with bonds; a copy is sanitized.
        pos: positions of its atoms [N, 3] in Å.

    Raises:
        ValueError: RDKit cannot sanitize the molecule.
    """
    mol = sanitized(mol, "color", "leave out color")
    found = [] if not len(pos) else [*_of_rdkit(mol, pos), *_hydrophobes(mol, pos)]
    found.sort(key=lambda feature: feature[0])
    return {
        "color_pos": np.array([place for _, place in found], dtype=np.float64).reshape(-1, 3),
        "color_type": np.array([kind for kind, _ in found], dtype=np.int64),
        "color_count": np.array([len(found)], dtype=np.int64),
    }


Feature = tuple[int, NDArray[np.float64]]
"""The type and the position [3] of a feature."""


def _of_rdkit(mol: Mol, pos: NDArray[np.float64]) -> list[Feature]:
    """The features of `rdShapeAlign`, which rounds to single precision, at the exact places."""
    from rdkit import Chem
    from rdkit.Chem import rdShapeAlign

    middle = pos.mean(0)
    placed = Chem.Mol(mol)
    placed.RemoveAllConformers()
    conformer = Chem.Conformer(len(pos))
    conformer.SetPositions(pos - middle)
    number = placed.AddConformer(conformer, assignId=True)
    options: Any = rdShapeAlign.ShapeInputOptions()
    options.normalize = False
    options.atomRadii = [(row, _ANY_RADIUS) for row in range(len(pos))]
    shape = rdShapeAlign.PrepareConformer(placed, number, options)
    kinds = np.array(list(shape.atom_type_vector))
    rounded = np.array(list(shape.coord)).reshape(-1, 3)[kinds > 0] + middle
    rings = [pos[list(ring)].mean(0) for ring in mol.GetRingInfo().AtomRings()]
    places = np.concatenate([pos, np.reshape(rings, (-1, 3))])
    found = []
    for kind, place in zip(kinds[kinds > 0], rounded, strict=True):
        distances = np.linalg.norm(places - place, axis=1)
        nearest = int(distances.argmin())
        exact = places[nearest] if distances[nearest] < _SAME_PLACE else place
        found.append((COLOR_TYPES.index(_OF_RDKIT[int(kind)]), exact))
    return found


def _hydrophobes(mol: Mol, pos: NDArray[np.float64]) -> list[Feature]:
    """The hydrophobes of ``BaseFeatures.fdef``, whose patterns count the bonds to heavy atoms; each group once."""
    bare, rows = without_hydrogens(mol)
    groups = {
        tuple(sorted(rows[atom] for atom in feature.GetAtomIds()))
        for family in _HYDROPHOBES
        for feature in _factory().GetFeaturesForMol(bare, includeOnly=family)
    }
    return [(COLOR_TYPES.index("hydrophobe"), pos[list(group)].mean(0)) for group in sorted(groups)]


@lru_cache(maxsize=1)
def _factory() -> Any:
    """The feature factory of RDKit, whose stubs do not know it."""
    from rdkit import RDConfig
    from rdkit.Chem import ChemicalFeatures

    features: Any = ChemicalFeatures
    return features.BuildFeatureFactory(str(Path(RDConfig.RDDataDir) / "BaseFeatures.fdef"))
