"""Volumes on coarser grids, so that pictures of them are small."""

from __future__ import annotations

import numpy as np
import torch

from tg_molfield.chem.principal_axes import Array
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume


def thinned(volume: Volume, max_nodes: int) -> Volume:
    """The volume on a coarser grid over the same box if it has more than ``max_nodes`` nodes, by cubic splines."""
    factor = (max_nodes / volume.grid.num_nodes) ** (1 / 3)
    if factor >= 1:
        return volume
    counts = [n if n == 1 else max(2, int(n * factor)) for n in volume.grid.shape]
    steps = volume.grid.axes_tensor()
    values = volume.values.detach()
    values = values.float() if values.itemsize < 4 else values
    for axis, (old, new, repeats) in enumerate(zip(volume.grid.shape, counts, volume.periodic, strict=True)):
        if old == 1:
            continue
        places = np.arange(new, dtype=np.float64) * (old / new if repeats else (old - 1) / (new - 1))
        weights = torch.from_numpy(_spline_weights(old, places, repeats)).to(values)
        values = torch.tensordot(weights, values, ([1], [axis + 1])).movedim(0, axis + 1)
        steps[axis] *= places[1]
    x, y, z = (tuple(step) for step in steps.tolist())
    grid = Grid(volume.grid.origin, (x, y, z), (counts[0], counts[1], counts[2]))
    coarse = Volume(values.to(volume.dtype), grid, volume.channels, volume.interpolation, volume.atoms, volume.periodic)
    return coarse.with_mol_field(volume.mol_field)


def _spline_weights(count: int, places: Array, repeats: bool) -> Array:
    """The weights [P, N] of the values at 0, 1, …, N − 1 in the cubic spline through them, at ``places``."""
    from scipy.interpolate import CubicSpline

    values = np.eye(count)
    if repeats:
        return np.asarray(
            CubicSpline(np.arange(count + 1), np.vstack([values, values[:1]]), bc_type="periodic")(places)
        )
    return np.asarray(CubicSpline(np.arange(count), values)(places))
