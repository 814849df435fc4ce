"""`WholeMolecules`: periodic molecules whose atoms are put beside the ones that they are bonded to."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order

from tg_molfield.chem.components import components
from tg_molfield.chem.elements import element_property

_TOLERANCE = 0.4
"""Å beyond the sum of the covalent radii up to which atoms are bonded."""

_MAX_Z_WITH_RADIUS = 96
_IONS = (3, 11, 12, 19, 20, 37, 38, 55, 56, 87, 88)
"""Metals of groups 1 and 2 but beryllium, which have no bonds here."""

_RIGHT = 1e-9
"""Cosine up to which cell vectors are at right angles."""

_TOO_LONG = 1.5
"""Å beyond the sum of the covalent radii from which on atoms are not bonded; waters have bonds between hydrogens."""


def periodic_bonds(z: np.ndarray, pos: np.ndarray, cell: np.ndarray | None, pbc: np.ndarray) -> np.ndarray:
    """[B, 2] bonds by distances, also across the cell, each once.

    Networks in which an atom is bonded to itself or to several images of another, as in small cells of crystals, have
    no bonds here.

    Args:
        z: [N] atomic numbers; 0 for sites without bonds.
        pos: [N, 3] in Å.
        cell: [3, 3] cell vectors as rows in Å, or None.
        pbc: [3] periodic directions.
    """
    found = _contacts(z, pos, cell, pbc)
    pairs, images = np.unique(found[:, :2], axis=0, return_counts=True)
    molecule = components(pairs, len(z))
    networks = molecule[pairs[(images > 1) | (pairs[:, 0] == pairs[:, 1]), 0]]
    return pairs[~np.isin(molecule[pairs[:, 0]], networks)].astype(np.int64)


def crossing_bonds(z: np.ndarray, pos: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """[B, 2] bonds by distances of an atom to one in another cell; none where all molecules are whole.

    Args:
        z: [N] atomic numbers; 0 for sites without bonds.
        pos: [N, 3] in Å.
        cell: [3, 3] cell vectors as rows in Å.
        pbc: [3] periodic directions.
    """
    found = _contacts(z, pos, cell, pbc)
    return found[found[:, 2:].any(1), :2]


def _contacts(z: np.ndarray, pos: np.ndarray, cell: np.ndarray | None, pbc: np.ndarray) -> np.ndarray:
    """[C, 5] pairs of bonded atoms, the lower first, and in which cell the second is, as seen from the first."""
    from ase.geometry import complete_cell
    from ase.neighborlist import primitive_neighbor_list

    bonded = np.flatnonzero((z > 0) & ~np.isin(z, _IONS))
    if not len(bonded):
        return np.empty((0, 5), dtype=np.int64)
    radii = _radii(z[bonded]) + _TOLERANCE / 2
    box, periodic = (np.eye(3), np.zeros(3, dtype=bool)) if cell is None else (complete_cell(cell), pbc & cell.any(1))
    first, second, image = primitive_neighbor_list("ijS", periodic, box, pos[bonded], radii, self_interaction=False)
    found = np.column_stack([bonded[first], bonded[second], image])[first <= second]
    return np.unique(found, axis=0)


def stretched_bonds(z: np.ndarray, pos: np.ndarray, bonds: np.ndarray, cell: np.ndarray | None) -> int:
    """How many bonds are longer by 1.5 Å than the sum of the covalent radii, in the nearest image."""
    bonds = bonds[(z[bonds] > 0).all(1)]
    radii = _radii(z)
    steps = pos[bonds[:, 1]] - pos[bonds[:, 0]]
    if cell is not None:
        steps = steps - _NearestImages(cell, np.asarray(cell.any(1)))(steps) @ cell
    longest = radii[bonds[:, 0]] + radii[bonds[:, 1]] + _TOO_LONG
    return int((np.linalg.norm(steps, axis=1) > longest).sum())


class WholeMolecules:
    """Makes the molecules of periodic frames whole.

    The first atom of each molecule stays where it is, and the others are put beside the ones that they are bonded to.
    Networks that are bonded to their own images, such as crystals and surfaces, stay as they are; so do atoms of
    different molecules.

    Args:
        num_atoms: N.
        bonds: [B, 2], of atoms.
        rows: the atoms that matter; molecules without any of them are left alone.
    """

    def __init__(self, num_atoms: int, bonds: np.ndarray, rows: np.ndarray) -> None:
        molecule = components(bonds, num_atoms)
        wanted = np.isin(molecule, np.unique(molecule[rows]))
        self._bonds, self._molecule = bonds[wanted[bonds[:, 0]]], molecule
        first_atoms = np.unique(molecule, return_index=True)[1]
        starts = np.stack([np.full(len(first_atoms), num_atoms), first_atoms], 1)
        tree = _graph(num_atoms + 1, np.concatenate([self._bonds, starts]))
        parent = breadth_first_order(tree, num_atoms, directed=False)[1][:num_atoms].astype(np.int64)
        self._parent = np.where((parent < 0) | (parent == num_atoms), np.arange(num_atoms), parent)

    def __call__(self, pos: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
        """[N, 3] the positions of a frame with whole molecules.

        Args:
            pos: [N, 3] in Å.
            cell: [3, 3] cell vectors as rows in Å.
            pbc: [3] periodic directions.
        """
        pbc = pbc & cell.any(1)
        if not len(self._bonds) or not pbc.any():
            return pos
        nearest = _NearestImages(cell, pbc)

        def images(start: np.ndarray, end: np.ndarray) -> np.ndarray:
            """How many cells the end of a bond is away from the image nearest to its start."""
            return nearest(pos[start] - pos[end])

        parent = self._parent
        shift = images(parent, np.arange(len(pos)))
        while not np.array_equal(parent, parent[parent]):
            shift = shift + shift[parent]
            parent = parent[parent]
        first, second = self._bonds.T
        open_bonds = (shift[second] - shift[first] != images(first, second)).any(1)
        shift[np.isin(self._molecule, self._molecule[first[open_bonds]])] = 0
        result: np.ndarray = pos + shift @ cell
        return result


class _NearestImages:
    """Finds the nearest image of what is near, by the shortest vectors of the lattice: others may be long and oblique.

    Args:
        cell: [3, 3] cell vectors as rows in Å.
        pbc: [3] periodic directions, which have a vector.
    """

    def __init__(self, cell: np.ndarray, pbc: np.ndarray) -> None:
        from ase.geometry import complete_cell, minkowski_reduce

        repeating = complete_cell(np.where(pbc[:, None], cell, 0.0))
        metric = repeating @ repeating.T
        is_right = np.abs(metric - np.diag(metric.diagonal())).max() <= _RIGHT * metric.max()
        self._periods = np.eye(3, dtype=np.int64) if is_right else minkowski_reduce(repeating, pbc)[1]
        self._inverse, self._pbc = np.linalg.inv(self._periods @ repeating), pbc

    def __call__(self, steps: np.ndarray) -> np.ndarray:
        """The cells [B, 3], by which steps [B, 3] in Å are too long."""
        found = np.rint(steps @ self._inverse).astype(np.int64)
        found[:, ~self._pbc] = 0
        images: np.ndarray = found @ self._periods
        return images


def _graph(size: int, pairs: np.ndarray) -> csr_matrix:
    return coo_matrix((np.ones(len(pairs), dtype=np.int8), pairs.T), shape=(size, size)).tocsr()


def _radii(z: np.ndarray) -> np.ndarray:
    import torch

    found: np.ndarray = element_property("covalent_radius", torch.as_tensor(z.clip(1, _MAX_Z_WITH_RADIUS))).numpy()
    return found
