"""Isosurfaces of a channel of a volume, as triangles in Å."""

from __future__ import annotations

import numpy as np

from tg_molfield.chem.principal_axes import Array
from tg_molfield.fields.volume import Volume
from tg_molfield.optional import require
from tg_molfield.viz.levels import is_distance, require_between, value_range
from tg_molfield.viz.molecule import Indices


def isosurface(volume: Volume, channel: str, level: float) -> tuple[Array, Indices]:
    """The surface on which a channel has the value ``level``, interpolated linearly between the nodes (marching cubes).

    Args:
        volume: a volume with any three axes and at least two nodes along each.
        channel: name of the channel.
        level: the isovalue, between the smallest and the largest value of the channel.

    Returns:
        Vertices [V, 3] in Å and faces [F, 3], counter-clockwise seen from outside. Inside is where values are above a
        level ≥ 0, or below a negative level; where signed distances are below any level. The surface is open where it
        meets the border of the grid, or of the cell that a periodic volume covers.

    Raises:
        ValueError: the level is out of range, the grid has one node along an axis, or values are not finite.
        KeyError: there is no such channel.
        ImportError: scikit-image is missing.
    """
    if min(volume.grid.shape) < 2:
        shape = "×".join(map(str, volume.grid.shape))
        raise ValueError(f"volume: expected at least 2 nodes per axis for a surface, got {shape}; use plot_slices")
    require_between(level, channel, *value_range(volume, channel))
    (index,) = volume.channel_indices(channel)
    values = volume.values[index].detach().cpu().double().numpy()
    values = np.pad(values, [(0, int(repeats)) for repeats in volume.periodic], mode="wrap")
    measure = require("skimage.measure", "viz")
    values = (values - level) / np.abs(values - level).max()  # it computes in single precision
    outward = "descent" if _inside_is_below(volume, level) else "ascent"
    vertices, faces, _, _ = measure.marching_cubes(values, 0.0, gradient_direction=outward, allow_degenerate=False)
    axes = volume.grid.axes_tensor().numpy()
    if np.linalg.det(axes) < 0:
        faces = faces[:, ::-1]
    return volume.grid.origin_tensor().numpy() + vertices.astype(np.float64) @ axes, faces.astype(np.int64)


def is_open(volume: Volume, channel: str, level: float) -> bool:
    """Whether the isosurface is cut off at the border of the grid, along axes that do not repeat."""
    (index,) = volume.channel_indices(channel)
    values = volume.values[index].detach()
    inside = values < level if _inside_is_below(volume, level) else values > level
    borders = [axis for axis in range(3) if not volume.periodic[axis]]
    return any(bool(inside.select(axis, end).any()) for axis in borders for end in (0, -1))


def _inside_is_below(volume: Volume, level: float) -> bool:
    return level < 0 or is_distance(volume)
