"""The cell that a periodic volume covers: its outline, the atoms in it, and a view of it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.display.colors import INK
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
from tg_molfield.optional import require
from tg_molfield.viz.molecule import Indices

_ON_FACE = 0.05
"""Å: atoms as near to a face of the cell are drawn on the opposite face too."""
_ENDS = np.array(list(product((0, 1), repeat=3)))
EDGES = np.array([(i, j) for i, j in product(range(8), repeat=2) if i < j and np.abs(_ENDS[i] - _ENDS[j]).sum() == 1])
"""The pairs of corners [12, 2] that the edges of a cell connect."""


def cell_corners(volume: Volume) -> Array:
    """The corners [8, 3] in Å of the cell that a volume covers; none, [0, 3], if it is not periodic."""
    return corners_of(volume.grid) if any(volume.periodic) else np.zeros((0, 3))


def corners_of(grid: Grid) -> Array:
    """The corners [8, 3] in Å of the cell whose vectors are those of ``grid.cell``."""
    return grid.origin_tensor().numpy() + _ENDS @ grid.cell.numpy()


def cut_by_plane(corners: Array, height: float) -> Array:
    """The polygon [P, 2] in which a cell is cut by a plane, closed; [0, 2] where it is not.

    Args:
        corners: those of the cell [8, 3], as coordinates in the plane and along its normal.
        height: of the plane along the normal.
    """
    from scipy.spatial import ConvexHull, QhullError

    first, second = corners[EDGES[:, 0]], corners[EDGES[:, 1]]
    low, high = first[:, 2] - height, second[:, 2] - height
    crossed = low * high < 0
    share = (low / np.where(crossed, low - high, 1.0))[crossed, None]
    touched = corners[np.abs(corners[:, 2] - height) < 1e-6]
    points = np.concatenate([touched, first[crossed] + share * (second - first)[crossed]])[:, :2]
    try:
        hull = ConvexHull(points).vertices
    except (QhullError, ValueError):
        return np.zeros((0, 2))
    return points[[*hull, hull[0]]]


def cell_trace(corners: Array, **options: Any) -> Any:
    """The outline of a cell as one line with gaps, from its corners [8, 3]; empty without corners, [0, 3]."""
    graph_objects = require("plotly.graph_objects", "viz")
    edges = EDGES if len(corners) else EDGES[:0]
    gaps = np.full((len(edges), 1, 3), np.nan)
    x, y, z = np.concatenate([corners[edges], gaps], 1).reshape(-1, 3).round(3).astype(np.float32).T
    line = {"color": INK, "width": 2}
    options = {"name": "cell", "legendgroup": "cell", **options}
    return graph_objects.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip", **options)


def atoms_in_cell(atoms: AtomList, volume: Volume) -> tuple[AtomList, Indices]:
    """The atoms moved into the cell that a volume covers, and for each its index.

    Atoms on a face, an edge or a corner are repeated on the opposite ones. The atoms of a volume that is not periodic
    are as they were.
    """
    index = np.arange(len(atoms.z))
    if not any(volume.periodic):
        return atoms, index
    cell, periodic = volume.grid.cell.numpy(), np.array(volume.periodic)
    origin = volume.grid.origin_tensor().numpy()
    near = _ON_FACE / np.linalg.norm(cell, axis=1)
    steps = (positions(atoms) - origin) @ np.linalg.inv(cell)
    steps -= np.where(periodic, np.floor(steps + near), 0.0)
    for axis in np.flatnonzero(periodic):
        on_face = steps[:, axis] < near[axis]
        steps = np.concatenate([steps, steps[on_face] + np.eye(3)[axis]])
        index = np.concatenate([index, index[on_face]])
    pos = torch.from_numpy(origin + steps @ cell)
    return AtomList(atoms.z.cpu()[torch.from_numpy(index)], pos), index


def cell_camera(volume: Volume, scenes: int = 1) -> dict[str, Any]:
    """A camera that looks along the first vector of the cell, a little from the side and above, with the third up."""
    a, b, _ = volume.grid.cell.numpy()
    up = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    side = b / np.linalg.norm(b)
    eye = max(1.4, 0.45 * scenes) * (0.93 * np.cross(side, up) + 0.25 * side + 0.22 * up)
    return {"eye": dict(zip("xyz", eye.tolist(), strict=True)), "up": dict(zip("xyz", up.tolist(), strict=True))}
