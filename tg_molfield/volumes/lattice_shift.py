"""Volumes moved by a fraction of a step, for formats whose nodes are whole numbers of steps from the origin."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tg_molfield.volumes.volume_data import VolumeData

_REMEDY = "sample the field on Grid.on_lattice(), or save as .mrc, .cube or .npz, to keep exact values"
_WHOLE = 1e-3
"""In steps: an origin this close to a whole number of steps is one, since text formats round lengths."""


def move_to_lattice(path: Path, data: VolumeData) -> VolumeData:
    """``data`` at nodes that are whole numbers of steps from the origin, with a note if they had to move.

    Values are interpolated by a cubic spline, mirrored at a border. Along an axis that does not repeat, the nodes move
    inwards, so that one is lost.

    Args:
        path: the file, for messages.
        data: a volume.

    Raises:
        ValueError: an axis that does not repeat has one node and would have to move.
    """
    steps = np.linalg.solve(data.axes.T, data.origin)
    off = np.abs(steps - np.rint(steps)) > _WHOLE
    if not off.any():
        return data._replace(origin=np.rint(steps) @ data.axes)
    from scipy.ndimage import shift

    shape, values = data.values.shape[1:], data.values.astype(np.float64)
    target = np.where(off & ~np.array(data.periodic), np.ceil(steps), np.rint(steps))
    for axis in np.flatnonzero(off):
        moved = np.where(np.arange(3) == axis, steps - target, 0)
        if not data.periodic[axis] and shape[axis] == 1:
            raise ValueError(
                f"{path}: expected an origin of whole steps from (0, 0, 0), got {_rounded(steps)} steps and a single "
                f"node along one axis, which cannot be moved; {_REMEDY}"
            )
        mode = "grid-wrap" if data.periodic[axis] else "mirror"
        values = np.stack([shift(channel, moved, order=3, mode=mode) for channel in values])
        if not data.periodic[axis]:
            values = np.delete(values, -1, 1 + axis)
    distance = (target - steps) @ data.axes
    note = (
        "its nodes have to be whole numbers of steps from (0, 0, 0), so the values were interpolated at nodes moved "
        f"by {_rounded(distance)} Å; {_REMEDY}"
    )
    return data._replace(values=values.astype(data.values.dtype), origin=target @ data.axes, notes=(*data.notes, note))


def _rounded(numbers: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in numbers) + ")"
