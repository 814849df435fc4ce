"""`Grid`: the regular nodes, orthogonal or not, on which a field is sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tg_molfield.arguments import (
    as_list,
    as_three_flags,
    check_kind,
    check_not_negative,
    check_positive,
    require_counts,
    require_integers,
)
from tg_molfield.chem.cells import as_cells, as_pbc, box_vectors, is_periodic, pbc_of
from tg_molfield.chem.validation import check_positions, check_real, check_tensor
from tg_molfield.devices import widest_type
from tg_molfield.fields.cards import grid_card
from tg_molfield.memory import check_fits
from tg_molfield.precision import full_precision

Vector = tuple[float, float, float]

_MOST_NODES = 1e12


@dataclass(frozen=True)
class Grid:
    """Nodes ``origin + i·axes[0] + j·axes[1] + k·axes[2]``, with 0 ≤ (i, j, k) < ``shape``.

    A grid is immutable, and compares and hashes by value. Its numbers are double precision.

    Args:
        origin: the first node, in Å.
        axes: the three steps from node to node, in Å; any three that span space.
        shape: the number of nodes along each axis.

    Raises:
        ValueError: a number is not finite or not positive, or the axes do not span space.
    """

    origin: Vector
    axes: tuple[Vector, Vector, Vector]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        origin = _vector(self.origin, "origin")
        given = as_list("axes", self.axes, "three step vectors")
        if len(given) != 3:
            raise ValueError(f"axes: expected three step vectors, got {len(given)}; give one a row")
        axes = tuple(_vector(axis, "axes") for axis in given)
        shape = _counts(self.shape, "shape")
        volume = float(torch.linalg.det(torch.tensor(axes, dtype=torch.float64, device="cpu")))
        scale = math.prod(math.hypot(*axis) for axis in axes)
        if not abs(volume) > 1e-12 * scale:
            raise ValueError(f"axes: expected three step vectors that span space, got {axes}; make them independent")
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "shape", shape)

    def _repr_html_(self) -> str:
        return grid_card(self)

    @classmethod
    def around(cls, pos: Tensor, spacing: float = 0.5, margin: float = 4.0) -> Grid:
        """The axis-aligned grid around all positions, centred on them, with a ``margin``.

        Args:
            pos: positions [N, 3] in Å.
            spacing: the distance between neighbouring nodes in Å.
            margin: the least distance in Å from any position to the border.

        Raises:
            ValueError: no positions, positions that are not finite, or a spacing that is not positive.
        """
        pos = _positions(pos)
        spacing = _spacing(spacing)
        _check_margin(margin)
        low, high = pos.amin(0) - margin, pos.amax(0) + margin
        steps = torch.ceil((high - low) / spacing - 1e-9).clamp_min(1)
        origin = (low + high - steps * spacing) / 2
        return cls(_triple(origin), _diagonal(spacing), _shape(steps + 1))

    @classmethod
    def of(cls, data: Any, spacing: float = 0.5, margin: float = 4.0) -> Grid:
        """The grid for the field of a molecule, a crystal or a slab.

        Around a molecule, a box as of `around`. Along the periodic directions of a crystal or a slab, its cell, from
        the origin; so that the volume is periodic. Along the other directions of a slab or a chain, the cell as well
        where it leaves at least ``margin`` around the atoms, else as much more as that takes.

        Args:
            data: with ``pos`` [N, 3] in Å and, where it is periodic, ``cell`` and ``pbc``, as `from_ase` gives them.
            spacing: the distance between neighbouring nodes in Å; along periodic directions the largest that divides
                the cell.
            margin: the least distance in Å from any atom to the border in the directions that are not periodic.

        Raises:
            TypeError: ``data`` is of another kind.
            ValueError: no positions, positions or vectors that are not finite or do not span space, or a spacing that
                is not positive.
        """
        if not isinstance(getattr(data, "pos", None), Tensor):
            raise TypeError(
                f"data: expected a Data with pos [N, 3], got {type(data).__name__}; give for example from_ase(atoms)"
            )
        pbc = pbc_of(data)
        cell = getattr(data, "cell", None)
        if cell is None or not is_periodic(pbc):
            return cls.around(data.pos, spacing, margin)
        _check_margin(margin)
        flags = as_pbc(pbc, 1)[0].cpu()
        vectors, given = box_vectors(as_cells(cell, 1)[0].detach().cpu().double(), flags)
        inverse = torch.linalg.inv(vectors)
        steps = _positions(data.pos) @ inverse
        room = margin * inverse.norm(dim=0)
        low = torch.where(flags, 0.0, torch.where(given, (steps.amin(0) - room).clamp_max(0), steps.amin(0) - room))
        high = torch.where(flags, 1.0, torch.where(given, (steps.amax(0) + room).clamp_min(1), steps.amax(0) + room))
        return cls.from_cell(vectors * (high - low)[:, None], origin=_triple(low @ vectors), spacing=spacing)

    @classmethod
    def cube(cls, center: Sequence[float] | Tensor, side: float, n: int) -> Grid:
        """The axis-aligned cube of ``n``³ nodes around ``center``; the ends of the ``side`` (Å) are nodes.

        Raises:
            ValueError: fewer than two nodes an axis, or a side that is not positive.
        """
        require_integers(n=n)
        if n < 2:
            raise ValueError(f"n: expected at least 2 nodes an axis, got {n}; give more")
        check_positive("side", side, "give the length of an edge in Å")
        if isinstance(center, Tensor):
            check_tensor("center", center)
            center = center.detach().flatten().tolist()
        middle = torch.tensor(_vector(center, "center"), dtype=torch.float64, device="cpu")
        return cls(_triple(middle - side / 2), _diagonal(side / (n - 1)), (n, n, n))

    @classmethod
    def from_cell(
        cls,
        cell: Sequence[Sequence[float]] | Tensor,
        shape: Sequence[int] | None = None,
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        *,
        spacing: float | None = None,
    ) -> Grid:
        """The nodes at i/n of each vector of a periodic cell, the end excluded because it repeats the start.

        Args:
            cell: three vectors [3, 3] or [1, 3, 3] in Å, one a row.
            shape: the number of nodes n along each vector.
            origin: the first node in Å.
            spacing: in place of ``shape``, the largest distance between neighbouring nodes in Å.

        Raises:
            ValueError: vectors that do not span space, a number of nodes below 1, or a spacing that is not positive.
        """
        vectors = as_cells(cell, 1)[0].detach().cpu().double()
        if (shape is None) == (spacing is None):
            raise ValueError(
                f"shape: expected either shape or spacing, got {'neither' if shape is None else 'both'}; give one"
            )
        if spacing is not None:
            if not vectors.isfinite().all():
                raise ValueError("cell: expected finite vectors, got NaN or infinity; repair them")
            shape = _shape(torch.ceil(vectors.norm(dim=1) / _spacing(spacing) - 1e-9).clamp_min(1))
        assert shape is not None
        counts = _counts(shape, "shape")
        x, y, z = (_triple(vector / n) for vector, n in zip(vectors, counts, strict=True))
        return cls(_vector(origin, "origin"), (x, y, z), counts)

    @property
    def num_nodes(self) -> int:
        """The number of nodes."""
        return math.prod(self.shape)

    @property
    def cell(self) -> Tensor:
        """The vectors [3, 3] of n steps along each axis, one a row: the periods of a periodic grid."""
        return self.axes_tensor() * torch.tensor(self.shape, dtype=torch.float64, device="cpu")[:, None]

    @property
    def voxel_volume(self) -> float:
        """The volume of space per node, in Å³."""
        return abs(float(torch.linalg.det(self.axes_tensor())))

    @property
    def is_orthogonal(self) -> bool:
        """Whether the three steps are at right angles."""
        gram = self.axes_tensor() @ self.axes_tensor().T
        lengths = gram.diagonal().sqrt()
        cosines = gram / (lengths[:, None] * lengths)
        return bool((cosines - torch.eye(3, dtype=torch.float64, device="cpu")).abs().max() < 1e-12)

    def origin_tensor(self, dtype: torch.dtype = torch.float64, device: torch.device | None = None) -> Tensor:
        """The first node [3], on the processor where no device is given."""
        check_kind("dtype", dtype, torch.dtype, "a torch.dtype", "give for example torch.float64")
        return torch.tensor(self.origin, dtype=dtype, device="cpu" if device is None else device)

    def axes_tensor(self, dtype: torch.dtype = torch.float64, device: torch.device | None = None) -> Tensor:
        """The steps [3, 3], one a row, on the processor where no device is given."""
        check_kind("dtype", dtype, torch.dtype, "a torch.dtype", "give for example torch.float64")
        return torch.tensor(self.axes, dtype=dtype, device="cpu" if device is None else device)

    def points(self, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
        """All nodes [nx·ny·nz, 3] in Å, the last axis fastest, computed in double precision.

        Args:
            dtype: of the result; torch's default if not given.
            device: of the result.

        Raises:
            MemoryError: they do not fit in memory.
        """
        if dtype is not None:
            check_kind("dtype", dtype, torch.dtype, "a torch.dtype", "give for example torch.float64")
        shape = "×".join(map(str, self.shape))
        check_fits("grid", f"the places of {shape} nodes", 24 * self.num_nodes, "give fewer nodes", device)
        device = torch.get_default_device() if device is None else device
        has_double = widest_type(torch.device(device)) == torch.float64
        at = device if has_double else torch.device("cpu")
        ranges = [torch.arange(n, dtype=torch.float64, device=at) for n in self.shape]
        origin, axes = self.origin_tensor(device=at), self.axes_tensor(device=at)
        x, y, z = (steps[:, None] * axis for steps, axis in zip(ranges, axes, strict=True))
        nodes = (origin + x)[:, None, None] + y[None, :, None] + z[None, None]
        nodes = nodes.reshape(-1, 3).to(dtype or torch.get_default_dtype())
        return nodes if has_double else nodes.to(device)

    @full_precision
    def fractional(self, pos: Tensor) -> Tensor:
        """The coordinates [Q, 3] of ``pos`` [Q, 3] in steps along the axes: integers at nodes.

        Raises:
            TypeError: ``pos`` is no tensor.
            ValueError: it has no floats, or another shape.
        """
        check_positions("pos", pos)
        inverse, origin = torch.linalg.inv(self.axes_tensor()), self.origin_tensor()
        rounded = origin.to(pos.dtype)
        rest = origin - rounded.double()
        return (pos - rounded.to(pos.device) - rest.to(pos)) @ inverse.to(pos)

    def on_lattice(self) -> Grid:
        """The grid with the same steps that covers this one and has its nodes at whole numbers of steps from (0, 0, 0).

        CCP4 maps, ``.ccp4`` and ``.map``, can hold only such nodes.
        """
        start = self.fractional(torch.zeros(1, 3, dtype=torch.float64, device="cpu"))[0].neg()
        first = torch.floor(start + 1e-6)
        added = torch.ceil(start - 1e-6) - first
        shape = torch.tensor(self.shape, dtype=torch.float64, device="cpu") + added
        return Grid(_triple(first @ self.axes_tensor()), self.axes, _shape(shape))

    def refined(self, factor: int, periodic: bool | Sequence[bool] = False) -> Grid:
        """The grid with every step divided by ``factor``; it keeps the old nodes.

        Args:
            factor: a whole number.
            periodic: whether the nodes span whole periods, as those of the result then do, for all axes or for each;
                see `Volume`.
        """
        factor = _factor(factor)
        x, y, z = (_triple(axis / factor) for axis in self.axes_tensor())
        ends = [factor - 1 if repeats else 0 for repeats in as_three_flags("periodic", periodic)]
        nx, ny, nz = ((n - 1) * factor + 1 + end for n, end in zip(self.shape, ends, strict=True))
        return Grid(self.origin, (x, y, z), (nx, ny, nz))

    def coarsened(self, factor: int) -> Grid:
        """The grid of every ``factor``-th node along each axis, the first included."""
        factor = _factor(factor)
        x, y, z = (_triple(axis * factor) for axis in self.axes_tensor())
        nx, ny, nz = ((n - 1) // factor + 1 for n in self.shape)
        return Grid(self.origin, (x, y, z), (nx, ny, nz))


def check_grid(grid: object) -> None:
    """Raise a TypeError unless ``grid`` is a `Grid` or None."""
    check_kind("grid", grid, Grid | None, "a Grid", "give for example Grid.around(data.pos)")


def _vector(values: Sequence[float], name: str) -> Vector:
    given = as_list(name, values, "three numbers in Å")
    try:
        vector = tuple(float(value) for value in given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: expected three numbers in Å, got {str(values)[:40]}; give x, y and z") from error
    except OverflowError:
        vector = (math.inf,)
    if len(vector) != 3 or not all(math.isfinite(value) for value in vector):
        raise ValueError(f"{name}: expected three finite numbers in Å, got {str(values)[:40]}; give x, y and z")
    return vector


def _counts(values: Sequence[int], name: str) -> tuple[int, int, int]:
    given = as_list(name, values, "three integers")
    require_integers(**{f"{name}[{axis}]": n for axis, n in enumerate(given)})
    if len(given) != 3 or min(given) < 1:
        raise ValueError(
            f"{name}: expected three integers of at least 1, got {tuple(given)}; give the nodes along each axis"
        )
    nx, ny, nz = map(int, given)
    return (nx, ny, nz)


def _spacing(spacing: float) -> float:
    check_positive("spacing", spacing, "give for example 0.5 Å")
    return spacing


def _check_margin(margin: float) -> None:
    check_not_negative("margin", margin, "give for example 4.0 Å")


def _factor(factor: int) -> int:
    require_counts(1, factor=factor)
    return int(factor)


def _triple(values: Tensor) -> Vector:
    x, y, z = values.tolist()
    return (x, y, z)


def _shape(values: Tensor) -> tuple[int, int, int]:
    """The numbers of nodes.

    Raises:
        MemoryError: there are more along an axis than any computer can hold.
    """
    most = float(values.max())
    if most > _MOST_NODES:
        raise MemoryError(f"spacing: expected at most {_MOST_NODES:.0e} nodes along an axis, got {most:.3g}; give more")
    x, y, z = (round(value) for value in values.tolist())
    return (x, y, z)


def _diagonal(step: float) -> tuple[Vector, Vector, Vector]:
    return ((step, 0.0, 0.0), (0.0, step, 0.0), (0.0, 0.0, step))


def _positions(pos: Tensor) -> Tensor:
    try:
        pos = torch.as_tensor(pos)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"pos: expected a tensor [N, 3], got {type(pos).__name__}; give data.pos") from error
    check_tensor("pos", pos)
    check_real("pos", pos)
    pos = pos.detach().cpu().double()
    if pos.ndim != 2 or pos.shape[1] != 3 or not len(pos):
        raise ValueError(
            f"pos: expected positions of shape [N, 3] with N ≥ 1, got {list(pos.shape)}; give one row an atom"
        )
    if not pos.isfinite().all():
        raise ValueError("pos: expected finite positions, got NaN or infinity; repair or remove those atoms")
    return pos
