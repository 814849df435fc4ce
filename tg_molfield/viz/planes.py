"""Planes through a grid: their orientation, their best position, and samples on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array, positions, principal_axes
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic

_AXES = "xyz"
_MARGIN = 3.0
_MOST_PLANES = 96
_POINTS_AT_ONCE = 2**18
_APART = 0.25
"""Å between planes that are not those of nodes."""

_SLACK = 1e-4


@dataclass(frozen=True)
class Planes:
    """A stack of parallel planes over a grid.

    Attributes:
        grid: the grid that they cut.
        origin: the origin of the coordinates (u, v, position), [3] in Å.
        rows: the unit vectors u, v and the normal, [3, 3].
        names: names of the three axes, such as ``("x", "y", "z")``.
        window: the visible part, ``(u_low, u_high, v_low, v_high)`` in Å.
        span: range of positions along the normal, in Å.
        depth: that of the whole grid.
        periodic: the axes of the grid along which values repeat, so that there are some up to the end of the cell.
    """

    grid: Grid
    origin: Array
    rows: Array
    names: tuple[str, str, str]
    window: tuple[float, float, float, float]
    span: tuple[float, float]
    depth: tuple[float, float]
    periodic: Periodic = (False, False, False)

    def candidates(self) -> Array:
        """Positions along the normal: those of the nodes if these form planes across it, else every 0.25 Å."""
        nodes, _ = self._positions(self.span)
        return nodes[:: -(-len(nodes) // _MOST_PLANES)]

    def through_grid(self) -> Array:
        """Positions along the normal through the whole grid, as `candidates`."""
        nodes, _ = self._positions(self.depth)
        return nodes[:: -(-len(nodes) // _MOST_PLANES)]

    def stretches(self, resolution: int) -> tuple[Array, Array]:
        """The stretches of the normal through each sample that lie in the grid, one layer of which is a step thick.

        Returns:
            The middle and the length of each stretch, [P, rows along v, columns along u] in Å.
        """
        _, step = self._positions(self.depth)
        low, high = self.depth
        if high - low < _SLACK * step:
            low, high = low - step / 2, high + step / 2
        count = min(_MOST_PLANES, max(1, round((high - low) / step)))
        points, (_, rows, columns) = self._points(np.zeros(1), resolution)
        start = self.grid.fractional(points).numpy()
        along = (self.grid.fractional(points[:1] + torch.from_numpy(self.rows[2])).numpy() - start[:1])[0]
        nodes = np.array(self.grid.shape)
        layer = (nodes == 1) & ~np.array(self.periodic)
        first, last = np.where(layer, -0.5, 0.0), np.where(layer, 0.5, nodes - ~np.array(self.periodic))
        is_across = np.abs(along) > 1e-9
        inside = ((start >= first - _SLACK) & (start <= last + _SLACK))[:, ~is_across].all(1)
        ends = np.sort((np.stack([first, last])[:, None] - start)[..., is_across] / along[is_across], axis=0)
        enters, leaves = ends[0].max(1), np.where(inside, ends[1].min(1), -np.inf)
        edges = np.linspace(low, high, count + 1)[:, None]
        begins, stops = np.maximum(edges[:-1], enters), np.minimum(edges[1:], leaves)
        lengths = np.maximum(stops - begins, 0.0)
        middles = np.where(lengths > 0, (begins + stops) / 2, 0.0)
        return middles.reshape(count, rows, columns), lengths.reshape(count, rows, columns)

    def _positions(self, between: tuple[float, float]) -> tuple[Array, float]:
        axes = self.grid.axes_tensor().numpy()
        steps = axes @ self.rows[2]
        across = np.abs(steps) > 1e-9 * np.linalg.norm(axes, axis=1)
        low, high = between
        if across.sum() == 1 and self.names[2] != "atoms":
            index = int(across.argmax())
            first = (self.grid.origin_tensor().numpy() - self.origin) @ self.rows[2]
            return np.sort(first + steps[index] * np.arange(self.grid.shape[index])), float(abs(steps[index]))
        nodes = np.arange(np.ceil(low / _APART), np.floor(high / _APART) + 1) * _APART
        return (nodes, _APART) if len(nodes) else (np.array([(low + high) / 2]), min(_APART, high - low))

    def best(self, field: Field, channels: Sequence[str], inside: bool = False) -> dict[str, float]:
        """For each channel, the position of the plane with the largest sum of squares, of negative values if inside."""
        places = self.candidates()
        values = np.nan_to_num(self.sample(field, channels, places, resolution=40), posinf=0, neginf=0)
        values /= np.abs(values).max((0, 2, 3), keepdims=True) + np.finfo(np.float64).tiny
        energies = np.square(np.minimum(values, 0) if inside else values).sum((2, 3))
        return {name: float(places[column.argmax()]) for name, column in zip(channels, energies.T, strict=True)}

    def sample(self, field: Field, channels: Sequence[str], places: Array, resolution: int = 160) -> Array:
        """The channels [P, C, rows along v, columns along u] on P planes, NaN outside the grid.

        Args:
            field: the field to sample.
            channels: names of channels.
            places: positions along the normal in Å, [P], or [P, rows, columns] for each sample.
            resolution: number of samples along the longer side.
        """
        points, shape = self._points(places, resolution)
        selected = field[tuple(channels)]
        with torch.no_grad():
            parts = [
                selected(part.to(field.device, field.dtype)).cpu().double() for part in points.split(_POINTS_AT_ONCE)
            ]
        values = torch.cat(parts).numpy()
        values[~self._inside(points)] = np.nan
        return np.moveaxis(values.reshape(*shape, len(channels)), -1, 1)

    def _points(self, places: Array, resolution: int) -> tuple[torch.Tensor, tuple[int, int, int]]:
        u_low, u_high, v_low, v_high = self.window
        pixel = max(u_high - u_low, v_high - v_low) / resolution or 1.0
        u, v = (_centers(u_low, u_high, pixel), _centers(v_low, v_high, pixel))
        across, along, normal = self.rows
        plane = self.origin + u[:, None] * across + v[:, None, None] * along
        heights = places[..., None] if places.ndim == 3 else places[:, None, None, None]
        points = torch.from_numpy((plane + heights * normal).reshape(-1, 3))
        return points, (len(places), len(v), len(u))

    def _inside(self, points: torch.Tensor) -> NDArray[np.bool_]:
        fractional = self.grid.fractional(points).numpy()
        last = np.array(self.grid.shape) - ~np.array(self.periodic)
        return np.asarray(((fractional >= -_SLACK) & (fractional <= last + _SLACK)).all(1))

    def coordinates(self, atoms: AtomList) -> Array:
        """The coordinates (u, v, position) of the atoms, [N, 3] in Å."""
        return (positions(atoms) - self.origin) @ self.rows.T

    def label(self, position: float) -> str:
        """The position of a plane in words."""
        if self.names[2] in _AXES:
            return f"{self.names[2]} = {_number(position)} Å"
        if self.names[2] == "atoms":
            return "mean plane of the atoms" if abs(position) < 0.005 else f"{_number(position)} Å off the mean plane"
        return f"{_number(position)} Å along the normal"


def planes_through(
    grid: Grid,
    plane: str | Sequence[float] | None,
    atoms: AtomList | None,
    periodic: Periodic = (False, False, False),
) -> Planes:
    """The planes perpendicular to ``"x"``, ``"y"``, ``"z"`` or a normal [3], or parallel to that of the ``"atoms"``.

    ``None`` means the plane of the grid if it is one node thick, else that of its first two axes if it is periodic,
    else the mean plane of the atoms if there are atoms, else ``"z"``.

    Raises:
        ValueError: another plane, a normal of length 0, or ``"atoms"`` without atoms.
    """
    if plane is None:
        plane = _default(grid, atoms, any(periodic))
    origin = np.zeros(3)
    if isinstance(plane, str) and plane == "atoms":
        if atoms is None:
            raise ValueError("atoms: expected atoms for plane='atoms', got none; give AtomList(z, pos), or plane='z'")
        pos = positions(atoms)
        origin, rows, names = pos.mean(0), principal_axes(pos), ("u", "v", "atoms")
    elif isinstance(plane, str):
        if plane not in tuple(_AXES):
            raise ValueError(
                f"plane: expected 'x', 'y', 'z', 'atoms' or a normal, got {plane!r}; give for example (1, 1, 0)"
            )
        names = (*_AXES.replace(plane, ""), plane)
        rows = np.eye(3)[[_AXES.index(name) for name in names]]
    else:
        rows, names = _rows_for(np.asarray(plane, dtype=np.float64), grid), ("u", "v", "normal")
    ends = [(0.0, float(count - (not repeats))) for count, repeats in zip(grid.shape, periodic, strict=True)]
    corners = grid.origin_tensor().numpy() + np.array(list(product(*ends))) @ grid.axes_tensor().numpy()
    low, high = _extent((corners - origin) @ rows.T)
    depth = float(low[2]), float(high[2])
    if atoms is not None and not any(periodic):
        near_low, near_high = _extent((positions(atoms) - origin) @ rows.T)
        closer_low, closer_high = np.maximum(low, near_low - _MARGIN), np.minimum(high, near_high + _MARGIN)
        if (closer_low < closer_high).all():
            low, high = closer_low, closer_high
    window = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    return Planes(grid, origin, rows, names, window, (float(low[2]), float(high[2])), depth, periodic)


def _default(grid: Grid, atoms: AtomList | None, is_periodic: bool) -> str | Sequence[float]:
    if 1 in grid.shape or is_periodic:
        axes = grid.axes_tensor().numpy()
        thin = grid.shape.index(1) if 1 in grid.shape else 2
        normal = np.cross(axes[thin - 2], axes[thin - 1])
        return _AXES[int(np.abs(normal).argmax())] if np.count_nonzero(normal) == 1 else normal.tolist()
    return "z" if atoms is None else "atoms"


def _rows_for(normal: Array, grid: Grid) -> Array:
    length = np.linalg.norm(normal) if normal.shape == (3,) else 0.0
    if not (np.isfinite(length) and length > 0):
        raise ValueError(
            f"plane: expected a normal of three finite numbers, not all 0, got {normal.tolist()}; "
            "give for example (1, 1, 0)"
        )
    normal = normal / length
    flat = [axis - (axis @ normal) * normal for axis in grid.axes_tensor().numpy()]
    first = max(flat[:2], key=lambda axis: float(np.linalg.norm(axis)))
    first = first / np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first), normal])


def _centers(low: float, high: float, pixel: float) -> Array:
    count = max(1, round((high - low) / pixel))
    return low + (np.arange(count) + 0.5) * (high - low) / count


def _extent(points: Array) -> tuple[Array, Array]:
    return points.min(0), points.max(0)


def _number(value: float) -> str:
    return f"{value + 0.0:.2f}".replace("-", "−")
