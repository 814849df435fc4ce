"""What the points of a path are worth: integrals, atoms found back, bonds and contacts."""

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

from tg_molfield.fields import MolField, Volume
from tg_molfield.inverse.find_atoms import recover_atoms
from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.topology import Topology

_SEARCH = 4.0
_EMPTY = 1e-9


@dataclass(frozen=True)
class PathMetrics:
    """One point of a path.

    Attributes:
        integral_drift: the greatest relative difference of a channel's integral on the grid from that at the
            frame before; channels without atoms do not count.
        found: whether `find_atoms` finds the atoms back from the samples, as many of each element.
        rmsd: of the atoms found back, in Å; NaN where they are not.
        nearest: the smallest distance in Å of two atoms four or more bonds apart; infinite beyond 4 Å.
        bond_drift: the most that a bond is longer or shorter than in both frames beside the point, in Å, over bonds
            that both have; 0 without bonds.
    """

    integral_drift: float
    found: bool
    rmsd: float
    nearest: float
    bond_drift: float


def path_metrics(data: Data, ends: Sequence[Data], mol_field: MolField, volume: Volume) -> PathMetrics:
    """Check a molecule that should lie between two frames.

    Args:
        data: the molecule.
        ends: the two frames beside it, with the same atoms.
        mol_field: has element channels.
        volume: the field of ``data`` sampled with room around it and ``ends``, in steps below the narrowest σ.

    Raises:
        ValueError: the definition has no element channels.
    """
    pos, *frames = (_array(one.pos) for one in (data, *ends))
    topology = Topology.of(data.z.cpu(), np.stack(frames))
    pairs = topology.unlinked(cKDTree(pos).query_pairs(_SEARCH, output_type="ndarray"), 4)
    lengths, *limits = (_lengths(one, topology.bonds) for one in (pos, *frames))
    outside = np.maximum(np.min(limits, 0) - lengths, lengths - np.max(limits, 0))
    rmsd = _rmsd_of_found(data, mol_field, volume)
    return PathMetrics(
        integral_drift=_drift(volume, mol_field(ends[0]).on(volume.grid)),
        found=not math.isnan(rmsd),
        rmsd=rmsd,
        nearest=float(_lengths(pos, pairs).min(initial=np.inf)),
        bond_drift=float(outside.max(initial=0.0)),
    )


def _drift(volume: Volume, reference: Volume) -> float:
    now, before = (one.values.double().sum((1, 2, 3)) for one in (volume, reference))
    held = before.abs() > _EMPTY * before.abs().max()
    return float(((now - before)[held] / before[held]).abs().max())


def _rmsd_of_found(data: Data, mol_field: MolField, volume: Volume) -> float:
    found = recover_atoms(volume, mol_field=mol_field, errors="ignore").data
    if Counter(found.z.tolist()) != Counter(data.z.tolist()):
        return math.nan
    squares = 0.0
    for number in set(data.z.tolist()):
        mine, theirs = (_array(one.pos[one.z == number]) for one in (data, found))
        cost = np.square(mine[:, None] - theirs[None]).sum(-1)
        squares += float(cost[linear_sum_assignment(cost)].sum())
    return math.sqrt(squares / len(data.z))


def _array(pos: Tensor) -> Array:
    return pos.detach().to("cpu", torch.float64).numpy()


def _lengths(pos: Array, pairs: Indices) -> Array:
    return np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=1)
