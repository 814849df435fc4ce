"""Frames in periodic cells: atoms followed across the borders of the cell, and their periodic images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tg_molfield.chem.cells import as_cells, as_pbc, box_vectors, is_periodic, pbc_of
from tg_molfield.fields import Grid

Array = NDArray[np.float64]

_ROUNDING = 1e-9
_FAR = 0.4
"""Of a cell vector: a longer way between two frames may as well have been one in the opposite direction."""
_TURNED = 20.0
"""Degrees by which a cell may turn from frame to frame: half way its volume is 3 % too small."""


@dataclass(frozen=True)
class Cells:
    """The cells of F frames.

    Attributes:
        vectors: [F, 3, 3] in Å, one vector a row; unit vectors in directions that are not periodic. Of all vectors of
            the lattice, those that are near the vectors in the frame before.
        pbc: which directions are periodic [3], bool.
    """

    vectors: Array
    pbc: NDArray[np.bool_]

    @classmethod
    def of(cls, frames: Sequence[Any]) -> Cells | None:
        """The cells of frames, None if these are not periodic.

        Raises:
            ValueError: some are periodic in other directions than the first, lack a cell, or have one that does not
                span space or is turned or mirrored from one frame to the next.
        """
        given = [pbc_of(frame) for frame in frames]
        flags = [as_pbc(pbc, 1)[0].cpu() if is_periodic(pbc) else torch.zeros(3, dtype=torch.bool) for pbc in given]
        for number, pbc in enumerate(flags):
            if not torch.equal(pbc, flags[0]):
                raise ValueError(
                    f"frames[{number}].pbc: expected {flags[0].tolist()} as in frames[0], got {pbc.tolist()}; give "
                    "frames of one system"
                )
        if not bool(flags[0].any()):
            return None
        found: list[Array] = []
        for number, frame in enumerate(frames):
            if getattr(frame, "cell", None) is None:
                raise ValueError(
                    f"frames[{number}].cell: expected one for the periodic directions, got None; give frame.cell"
                )
            cell = as_cells(frame.cell, 1)[0].detach().cpu().double()
            cell = torch.where(flags[0][:, None], cell, 0.0)
            vectors = box_vectors(cell, flags[0])[0].numpy()
            if found:
                vectors = _near_vectors(vectors, found[-1], flags[0].numpy())
                _check_turn(number, vectors, found[-1])
            found.append(vectors)
        return cls(np.stack(found), flags[0].numpy())

    def followed(self, pos: Array) -> Array:
        """The fractional coordinates [F, N, 3] of atoms [F, N, 3] in Å, each the nearest image to that before.

        Warns:
            UserWarning: an atom moves so far that the nearest image may be the wrong one.
        """
        steps = pos @ np.linalg.inv(self.vectors)
        moves = np.diff(steps, axis=0)
        for move, cell in zip(moves, self.vectors[1:], strict=True):
            move -= whole_periods(move, cell, self.pbc)
        far = _shares_of_periods(moves @ self.vectors[1:], self.vectors[1:], self.pbc)
        if far.size and far.max() > _FAR:
            frame, atom = np.unravel_index(int(far.argmax()), far.shape)
            warnings.warn(
                f"frames[{frame + 1}]: expected atoms that move by less than {_FAR} of the cell from frame to frame, "
                f"got {far.max():.2f} for atom {atom}, whose way is not certain; give frames closer in time",
                stacklevel=4,
            )
        result: Array = np.concatenate([steps[:1], steps[:1] + np.cumsum(moves, axis=0)])
        return result


def _near_vectors(cell: Array, before: Array, pbc: NDArray[np.bool_]) -> Array:
    """The vectors of the lattice of ``cell`` [3, 3] that are near those of the cell ``before`` [3, 3]."""
    periods = np.where(pbc[:, None] & pbc, np.rint(before @ np.linalg.inv(cell)), np.eye(3))
    whole = abs(abs(np.linalg.det(periods)) - 1) < _ROUNDING
    nearer = np.linalg.norm(periods @ cell - before) < (1 - _ROUNDING) * np.linalg.norm(cell - before)
    result: Array = periods @ cell if whole and nearer else cell
    return result


def _check_turn(number: int, cell: Array, before: Array) -> None:
    change = np.linalg.solve(before, cell)
    left, _, right = np.linalg.svd(change)
    if np.linalg.det(change) < 0:
        got = "a mirrored one"
    elif (angle := np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1)))) > _TURNED:
        got = f"one turned by {angle:.0f}°"
    else:
        return
    raise ValueError(
        f"frames[{number}].cell: expected about the orientation in frames[{number - 1}], got {got}; turn cell and pos "
        "of the frame alike"
    )


def _shares_of_periods(ways: Array, cells: Array, pbc: NDArray[np.bool_]) -> Array:
    """How far ways [F, N, 3] in Å go along a period of the cells [F, 3, 3], at most over all short ones, [F, N]."""
    found = np.zeros(ways.shape[:2])
    for steps in product(*((-1, 0, 1) if repeats else (0,) for repeats in pbc)):
        if any(steps):
            period = np.array(steps, dtype=np.float64) @ cells
            along = (ways * period[:, None]).sum(2) / np.square(period).sum(1)[:, None]
            np.maximum(found, along, out=found)
    return found


def nearest_images(pos: Array, reference: Array, cell: Array, pbc: NDArray[np.bool_]) -> Array:
    """The atoms [N, 3] in Å moved by whole periods to be nearest to those of ``reference`` [N, 3]."""
    return pos - whole_periods((pos - reference) @ np.linalg.inv(cell), cell, pbc) @ cell


def whole_periods(moves: Array, cell: Array, pbc: NDArray[np.bool_]) -> Array:
    """The periods [..., 3] without which moves [..., 3], in fractions of the cell, are shortest."""
    periods = np.where(pbc, np.rint(moves), 0.0)
    way = (moves - periods) @ cell
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    unsure = np.linalg.norm(way, axis=-1) > 0.5 * heights[pbc].min(initial=np.inf)
    if unsure.any():
        periods[unsure] += _nearest_periods(way[unsure], cell, pbc)
    return periods


def _nearest_periods(ways: Array, cell: Array, pbc: NDArray[np.bool_]) -> Array:
    """The periods [N, 3] without which ways [N, 3] in Å are shortest, among all that can make them shorter."""
    length = np.linalg.norm(ways, axis=1)
    reach = 2 * length.max() * np.linalg.norm(np.linalg.inv(cell), axis=0)
    counts = np.where(pbc, np.floor(reach), 0).astype(int).tolist()
    best = np.zeros_like(ways)
    for steps in product(*(range(-count, count + 1) for count in counts)):
        period = np.array(steps, dtype=np.float64)
        apart = np.linalg.norm(ways - period @ cell, axis=1)
        shorter = apart < length - _ROUNDING
        best[shorter], length[shorter] = period, apart[shorter]
    return best


def images_within(pos: Array, cell: Array, pbc: NDArray[np.bool_], reach: float) -> tuple[NDArray[np.int64], Array]:
    """The periodic images of atoms that are within ``reach`` of any atom, the atoms themselves first.

    Args:
        pos: [N, 3] in Å.
        cell: complete, [3, 3] in Å.
        pbc: which directions are periodic [3], bool.
        reach: in Å.

    Returns:
        The index [M] of the atom and the periods [M, 3] by which each image is moved.
    """
    inverse = np.linalg.inv(cell)
    steps = pos @ inverse
    extent = np.ptp(steps, axis=0) + reach * np.linalg.norm(inverse, axis=0)
    counts = np.where(pbc, np.ceil(extent), 0).astype(int).tolist()
    tree = cKDTree(pos)
    index, periods = [np.arange(len(pos))], [np.zeros((len(pos), 3))]
    for shift in product(*(range(-count, count + 1) for count in counts)):
        if any(shift):
            distance, _ = tree.query(pos + np.array(shift) @ cell, distance_upper_bound=reach)
            near = np.flatnonzero(np.isfinite(distance))
            index.append(near)
            periods.append(np.tile(np.array(shift, dtype=np.float64), (len(near), 1)))
    return np.concatenate(index), np.concatenate(periods)


def grid_in_cell(grid: Grid, old: Any, new: Any) -> Grid:
    """A grid of one molecule moved along with the cell to another: the same fractional coordinates.

    Args:
        grid: the nodes in the cell of ``old``.
        old: a ``Data``.
        new: one with the same periodic directions.
    """
    cells = Cells.of([old, new])
    if cells is None or np.array_equal(*cells.vectors):
        return grid
    change = torch.from_numpy(np.linalg.solve(cells.vectors[0], cells.vectors[1]))
    x, y, z = (tuple(axis) for axis in (grid.axes_tensor() @ change).tolist())
    return Grid(tuple((grid.origin_tensor() @ change).tolist()), (x, y, z), grid.shape)
