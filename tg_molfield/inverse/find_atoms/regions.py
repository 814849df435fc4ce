"""The parts of a lattice that atoms do not explain, where a search can go on without the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.chem.components import components
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms, Model
from tg_molfield.inverse.lattice import Lattice

_EDGE = 2.0
"""The edge of a cell in cores of an atom."""
_BESIDE = 1
"""How many cells around an unexplained one have their atoms sought again."""
_ALLOWED = 0.25
"""The part of the squared residual of explained samples that cells which count as explained have together."""
_NOTABLE = 5e-3
"""The squared residual of a cell, in parts of the squared norm of an atom, that shows that atoms are wrong there."""
_OF_WORST = 0.1
"""The part of the worst squared residual that shows it where none is notable."""
_ABOVE_TYPICAL = 10.0
"""How far the squared residual of a cell is above the median of those with atoms: farther than noise brings it."""
_LARGEST_SHARE = 0.25
"""The part of all cells and of all nodes up to which regions are searched alone."""


@dataclass(frozen=True)
class Region:
    """A box of samples in which atoms are to be sought again.

    Attributes:
        lattice: the samples in the box, less the atoms that stay.
        replaced: the indices [M] of the atoms that do not.
        atoms: these, in the periodic image that lies in the box.
    """

    lattice: Lattice
    replaced: Tensor
    atoms: ChannelAtoms


def unexplained_regions(
    lattice: Lattice, model: Model, atoms: ChannelAtoms, residual: Tensor, explained: float
) -> list[Region]:
    """Boxes around what is explained worse than the rest; none where they are most of the lattice.

    Args:
        lattice: all samples.
        model: on every k-th node of the lattice.
        atoms: found so far.
        residual: what they leave of the nodes of the model [nx, ny, nz].
        explained: the relative residual of samples that are explained.
    """
    cells = _Cells(lattice, model)
    place = lattice.fractional(atoms.pos).cpu().numpy()
    occupied = cells.at(place)
    one = atoms.scale**2 * model.norm_of_one
    bad = cells.unexplained(residual, occupied, (explained * model.size) ** 2, one)
    if not 0 < len(bad) * (2 * _BESIDE + 1) ** 3 <= _LARGEST_SHARE * math.prod(cells.counts):
        return []
    groups = cells.groups(bad)
    boxes = [cells.box(part) for part in np.split(bad[groups.argsort()], np.bincount(groups).cumsum()[:-1])]
    if sum(math.prod(box.shape) for box in boxes) > _LARGEST_SHARE * lattice.values.numel():
        return []
    distance, nearest = _tree(bad, cells.counts, cells.periodic).query(occupied, p=np.inf)
    owner = np.where(distance <= _BESIDE, groups[nearest], -1)
    tree, regions = _tree(place, cells.shape, cells.periodic), []
    for i, box in enumerate(boxes):
        near = np.array(tree.query_ball_point(box.middle, box.radius, p=np.inf), dtype=int)
        pos = lattice.positions(torch.from_numpy(box.image(place[near])).to(atoms.pos))
        index, is_own = (torch.from_numpy(part).to(pos.device) for part in (near, owner[near] == i))
        samples = box.cut(lattice)
        others = ChannelAtoms(pos[~is_own], atoms.scale)
        rest = Model(samples, model.kernel, model.width).residual(others)
        regions.append(Region(replace(samples, values=rest), index[is_own], ChannelAtoms(pos[is_own], atoms.scale)))
    return regions


@dataclass(frozen=True)
class _Box:
    """A box of nodes of a lattice.

    Attributes:
        first: its first node, anywhere along an axis that repeats [3].
        shape: of the box [3].
        reach: how many nodes away an atom matters.
        period: the nodes of the lattice along axes that repeat and that the box does not fill; 0 for others [3].
    """

    first: NDArray[np.int64]
    shape: NDArray[np.int64]
    reach: int
    period: NDArray[np.int64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """Its centre [3] in nodes."""
        return self.first + self.shape / 2

    @property
    def radius(self) -> float:
        """The largest distance along an axis, in nodes, of atoms that matter from the centre."""
        return float(self.shape.max() / 2 + self.reach)

    def image(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places [N, 3] in nodes, in the periodic image nearest to the box."""
        return place + np.round((self.middle - place) / np.maximum(self.period, 1)) * self.period

    def cut(self, lattice: Lattice) -> Lattice:
        """The samples in the box."""
        device, sides = lattice.values.device, zip(self.first, self.shape, lattice.values.shape, strict=True)
        nodes = [torch.arange(first, first + count, device=device) % period for first, count, period in sides]
        values = lattice.values[nodes[0][:, None, None], nodes[1][:, None], nodes[2]]
        origin = lattice.positions(torch.from_numpy(self.first)[None].to(device))[0]
        x, y, z = (repeats and not n for repeats, n in zip(lattice.periodic, self.period, strict=True))
        return Lattice(values, origin, lattice.axes, (x, y, z))


class _Cells:
    """Equal parts of a lattice, somewhat larger than an atom, by which a residual is judged."""

    def __init__(self, lattice: Lattice, model: Model) -> None:
        steps = model.lattice.steps.cpu().numpy()
        self.shape, self.periodic = np.array(lattice.values.shape), np.array(lattice.periodic)
        self._stride = np.round(steps / lattice.steps.cpu().numpy()).astype(int)
        self._edge = np.maximum(1, np.round(_EDGE * model.core / steps)).astype(int)
        self.counts = -(-np.array(model.lattice.values.shape) // self._edge)
        heights = 1 / np.linalg.norm(np.linalg.inv(lattice.axes.cpu().numpy()), axis=0)
        self._reach = np.ceil(model.radius / heights).astype(int)

    def at(self, place: NDArray[np.float64]) -> NDArray[np.int64]:
        """The cells [N, 3] of places [N, 3] in nodes of the lattice; the nearest for those outside."""
        inside = np.where(self.periodic, place % self.shape, place.clip(0, self.shape - 1))
        return np.minimum(inside // (self._stride * self._edge), self.counts - 1).astype(int)

    def unexplained(
        self, residual: Tensor, occupied: NDArray[np.int64], allowed: float, one: float
    ) -> NDArray[np.int64]:
        """The cells [M, 3] whose squared residual is large.

        Args:
            residual: at the nodes of the model [nx, ny, nz].
            occupied: the cells of the atoms [N, 3].
            allowed: the squared residual of all cells together if they are explained.
            one: the squared norm of an atom.
        """
        edge = tuple(map(min, self._edge.tolist(), residual.shape))
        squares = torch.nn.functional.avg_pool3d(
            residual.square()[None, None], edge, ceil_mode=True, divisor_override=1
        )[0, 0].cpu().numpy()  # fmt: skip
        order = np.sort(squares, axis=None)
        explained = int(np.searchsorted(order.cumsum(), _ALLOWED * allowed, side="right"))
        largest = order[explained - 1] if explained else 0.0
        typical = float(np.median(squares[tuple(occupied.T)])) if len(occupied) else 0.0
        notable = min(_NOTABLE * one, _OF_WORST * float(squares.max()))
        return np.argwhere(squares > max(largest, notable, _ABOVE_TYPICAL * typical))

    def groups(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers [M] for cells [M, 3], the same for those whose surroundings overlap or touch."""
        pairs = _tree(cells, self.counts, self.periodic).query_pairs(2 * _BESIDE + 1, p=np.inf, output_type="ndarray")
        return components(pairs, len(cells))

    def box(self, cells: NDArray[np.int64]) -> _Box:
        """The nodes around cells [M, 3] that atoms in them and beside them reach."""
        first, last = zip(*map(_range, cells.T, self.counts, self.periodic), strict=True)
        size = self._stride * self._edge
        low = (np.array(first) - _BESIDE) * size - self._reach
        high = (np.array(last) + 1 + _BESIDE) * size + self._reach
        is_whole = self.periodic & (high - low + 2 * self._reach >= self.shape)
        repeats = self.periodic & ~is_whole
        low = np.where(repeats, low, np.where(is_whole, 0, low.clip(0)))
        high = np.where(repeats, high, np.where(is_whole, self.shape, np.minimum(high, self.shape)))
        return _Box(low, high - low, int(self._reach.max()), np.where(repeats, self.shape, 0))


def _range(places: NDArray[np.int64], count: int, repeats: bool) -> tuple[int, int]:
    """The first and the last of cells along an axis, of which the last may be beyond its end where it repeats."""
    places = np.unique(places)
    if not repeats:
        return int(places[0]), int(places[-1])
    gaps = np.diff(places, append=places[0] + count)
    widest = int(gaps.argmax())
    return int(places[(widest + 1) % len(places)]), int(places[widest]) + (count if widest + 1 < len(places) else 0)


def _tree(places: NDArray[Any], shape: NDArray[np.int64], periodic: NDArray[np.bool_]) -> cKDTree:
    """A tree of places [N, 3] on a lattice of a ``shape``."""
    wrapped = places % shape
    wrapped = np.where(wrapped < shape, wrapped, 0)
    return cKDTree(np.where(periodic, wrapped, places), boxsize=np.where(periodic, shape, 0))
