"""Quality of a point on a path: field integrals, recovered atoms, bond lengths and contacts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import as_list, check_kind
from tg_molfield.devices import in_double
from tg_molfield.fields import MolField, Volume
from tg_molfield.inverse.find_atoms import recover_atoms
from tg_molfield.paths.cards import path_metrics_card
from tg_molfield.paths.frames import Array, Indices, check_molecule
from tg_molfield.paths.periodic import Cells, grid_in_cell, images_within, nearest_images
from tg_molfield.paths.topology import Topology

_CONTACT_CUTOFF = 4.0
_REACH = 10.0
"""Å: as far away as images can be that matter, three bonds and a contact."""
_EMPTY = 1e-9


@dataclass(frozen=True)
class PathMetrics:
    """The quality of one point of a path.

    Attributes:
        integral_drift: the largest relative difference between a channel's integral on the grid and that of the
            frame before; channels without atoms are ignored.
        atoms_found: whether `find_atoms` recovers the right number of atoms of each element from the samples.
        rmsd: root mean square deviation of the recovered atoms in Å; NaN if ``atoms_found`` is False.
        shortest_contact: the smallest distance in Å between two atoms four or more bonds apart; infinite beyond 4 Å.
        bond_drift: the largest amount in Å by which a bond is longer or shorter than in both neighbouring frames,
            over the bonds that these have in common; 0 without bonds.
    """

    integral_drift: float
    atoms_found: bool
    rmsd: float
    shortest_contact: float
    bond_drift: float

    def _repr_html_(self) -> str:
        return path_metrics_card(self)


def path_metrics(data: Data, ends: Sequence[Data], mol_field: MolField, volume: Volume) -> PathMetrics:
    """Compare a molecule on a path with the two neighbouring frames.

    Args:
        data: the molecule.
        ends: the two neighbouring frames, with the same atoms.
        mol_field: the definition of the field, with element channels.
        volume: the field of ``data``, sampled at a spacing below the smallest σ, with a margin around it and ``ends``
            where they are not periodic, else over the cell.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a molecule is not sound, or the definition has no element channels.
    """
    check_molecule("data", data)
    ends = as_list("ends", ends, "Data")
    if not ends:
        raise ValueError("ends: expected the two neighbouring frames, got none; give them")
    for number, end in enumerate(ends):
        check_molecule(f"ends[{number}]", end)
        if len(end.z) != len(data.z):
            raise ValueError(f"ends[{number}]: expected {len(data.z)} atoms as in data, got {len(end.z)}; give frames")
    check_kind("mol_field", mol_field, MolField, "a MolField", "give for example MolField('C N O')")
    check_kind("volume", volume, Volume, "a Volume", "sample the field with field.on(grid)")
    index, (pos, *frames) = _with_images([data, *ends])
    count = len(data.z)
    topology = Topology.of(data.z.cpu()[torch.from_numpy(index)], np.stack(frames))
    pairs = cKDTree(pos).query_pairs(_CONTACT_CUTOFF, output_type="ndarray")
    pairs = topology.far_apart(pairs[(pairs < count).any(1)], 4)
    bonded = topology.bonds[(topology.bonds < count).any(1)]
    lengths, *limits = (_lengths(one, bonded) for one in (pos, *frames))
    outside = np.maximum(np.min(limits, 0) - lengths, lengths - np.max(limits, 0))
    rmsd = _rmsd_of_found(data, mol_field, volume)
    return PathMetrics(
        integral_drift=_drift(volume, mol_field(ends[0]).on(grid_in_cell(volume.grid, data, ends[0]))),
        atoms_found=not math.isnan(rmsd),
        rmsd=rmsd,
        shortest_contact=float(_lengths(pos, pairs).min(initial=np.inf)),
        bond_drift=float(outside.max(initial=0.0)),
    )


def _drift(volume: Volume, reference: Volume) -> float:
    now, before = (in_double(one.values).sum((1, 2, 3)) for one in (volume, reference))
    now = now * (volume.grid.voxel_volume / reference.grid.voxel_volume)
    occupied = before.abs() > _EMPTY * before.abs().max()
    return float(((now - before)[occupied] / before[occupied]).abs().max())


def _rmsd_of_found(data: Data, mol_field: MolField, volume: Volume) -> float:
    found = recover_atoms(volume, mol_field=mol_field, errors="ignore").data
    if Counter(found.z.tolist()) != Counter(data.z.tolist()):
        return math.nan
    squares, cells = 0.0, Cells.of([data])
    for number in set(data.z.tolist()):
        expected, recovered = (_array(one.pos[one.z == number]) for one in (data, found))
        apart = expected[:, None] - recovered[None]
        if cells is not None:
            apart = nearest_images(apart, np.zeros_like(apart), cells.vectors[0], cells.pbc)
        cost = np.square(apart).sum(-1)
        squares += float(cost[linear_sum_assignment(cost)].sum())
    return math.sqrt(squares / len(data.z))


def _with_images(molecules: Sequence[Data]) -> tuple[Indices, list[Array]]:
    """The positions of molecules, and where they are periodic those of their images around the first; and whose."""
    cells, places = Cells.of(molecules), [_array(one.pos) for one in molecules]
    if cells is None:
        return np.arange(len(places[0])), places
    own = [nearest_images(pos, places[0], cell, cells.pbc) for pos, cell in zip(places, cells.vectors, strict=True)]
    index, periods = images_within(own[0], cells.vectors[0], cells.pbc, _REACH)
    return index, [pos[index] + periods @ cell for pos, cell in zip(own, cells.vectors, strict=True)]


def _array(pos: Tensor) -> Array:
    return pos.detach().cpu().double().numpy()


def _lengths(pos: Array, pairs: Indices) -> Array:
    return np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=1)
