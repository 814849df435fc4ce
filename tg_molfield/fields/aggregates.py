"""Fields that combine atoms other than by a sum: by union or by maximum."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from typing_extensions import Self

from tg_molfield.arguments import check_kind
from tg_molfield.devices import is_on_host
from tg_molfield.fields.cards import field_card
from tg_molfield.fields.channel_graphs import ChannelGraphs
from tg_molfield.fields.engine import GraphValues, cutoff, is_transformed, sum_in_tiles
from tg_molfield.fields.field import NODES_AT_ONCE, Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.kernels import Kernel
from tg_molfield.fields.rbf import RBFField
from tg_molfield.fields.volume import Volume
from tg_molfield.precision import HALF_TYPES, widened

_PAIRS_AT_ONCE = 2**20
_VALUES_ON_CPU, _VALUES = 2**19, 2**22
"""Of a point and a channel, that are found at once."""


class AggregateField(Field):
    """A field of the same centres, weights and widths as an `RBFField`, combined in another way.

    Args:
        base: the centres, weights, widths and kernel.

    Raises:
        ValueError: a weight is negative.
    """

    rule: str

    def __init__(self, base: RBFField) -> None:
        check_kind("base", base, RBFField, "an RBFField", "give for example MolField('C N O')(data)")
        if (base.weights < 0).any():
            lowest = float(base.weights.min())
            raise ValueError(f"weights: expected none below 0 for a {self.rule}, got {lowest:.3g}; use aggregate='sum'")
        self.base = base
        self._atoms, self._mol_field = base.atoms, base.mol_field

    def _repr_html_(self) -> str:
        return field_card(self, {"centers": f"{len(self.base.centers):,}", "rule": self.rule})

    def _quick_centers(self) -> Tensor | None:
        return self.base._quick_centers()

    @property
    def channels(self) -> tuple[str, ...]:
        return self.base.channels

    @property
    def num_graphs(self) -> int:
        return self.base.num_graphs

    @property
    def dtype(self) -> torch.dtype:
        return self.base.dtype

    @property
    def device(self) -> torch.device:
        return self.base.device

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base!r})"

    def unbatch(self) -> list[Self]:
        """The functions of a batch, one field each."""
        return [self._of(one) for one in self._annotated(self.base).unbatch()]

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        batch = self.base.check(pos, batch)
        rows = (_VALUES_ON_CPU if is_on_host(pos) else _VALUES) // max(1, len(self.base.channels))
        parts = zip(pos.split(max(1, rows)), batch.split(max(1, rows)), strict=True)
        return torch.cat([self._values(some, owner) for some, owner in parts])

    def _values(self, pos: Tensor, batch: Tensor) -> Tensor:
        """The values of few points, as `Field.__call__`."""
        raise NotImplementedError

    def on(self, grid: Grid) -> Volume:
        """See :meth:`Field.on`; nodes are not rounded to types of 16 bits."""
        if self.dtype in HALF_TYPES:
            return self.to(torch.float32).on(grid).to(self.dtype)
        return super().on(grid)

    def on_each(self, grids: Sequence[Grid]) -> list[Volume]:
        """See :meth:`Field.on_each`; nodes are not rounded to types of 16 bits."""
        if self.dtype in HALF_TYPES:
            return [one.to(self.dtype) for one in self.to(torch.float32).on_each(grids)]
        self._require_grid_each(grids)
        self._require_fit(grids, copies=2)
        volumes: list[Volume] = []
        for some in _together(grids):
            nodes = torch.cat([grid.points(self.dtype, self.device) for grid in some])
            sizes = torch.tensor([grid.num_nodes for grid in some], device=self.device)
            batch = len(volumes) + torch.repeat_interleave(sizes)
            for one, grid in zip(self(nodes, batch).split([grid.num_nodes for grid in some]), some, strict=True):
                volumes.append(self._volume(one.T.reshape(-1, *grid.shape), grid, len(volumes)))
        return self._annotated_each(volumes)

    def _of(self, base: RBFField) -> Self:
        return type(self)(base)

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        return self.base._repeating_axes(grid, graph)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Self:
        return self._of(self._annotated(self.base)._mapped(change))


def _together(grids: Sequence[Grid]) -> Iterator[list[Grid]]:
    """The grids in groups of few nodes, or of one grid."""
    group: list[Grid] = []
    for grid in grids:
        if group and sum(one.num_nodes for one in group) + grid.num_nodes > NODES_AT_ONCE:
            yield group
            group = []
        group.append(grid)
    if group:
        yield group


class UnionField(AggregateField):
    """f_c(x) = 1 − Π_i (1 − φ(|x − r_i|/σ_i))^w_ic: the probability of at least one, as for occupancies.

    Sources: FuncMol (Kirchmeyer et al. 2024), PyUUL (Orlando et al. 2022). The kernel must lie between 0 and 1.
    """

    rule = "union"

    def __init__(self, base: RBFField) -> None:
        super().__init__(base)
        self._log = base.with_kernel(_LogComplement(base.kernel))

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return 0 - torch.expm1(self._log(pos, batch))

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return -torch.exp(self._log(pos, batch))[..., None] * self._log.gradient(pos, batch)

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        steepness = self._log.gradient(pos, batch).square().sum(-1)
        return -torch.exp(self._log(pos, batch)) * (steepness + self._log.laplacian(pos, batch))

    def on(self, grid: Grid) -> Volume:
        self._require_one("on", grid)
        return self.on_each([grid])[0]

    def on_each(self, grids: Sequence[Grid]) -> list[Volume]:
        self._require_grid_each(grids)
        self._require_fit(grids, copies=3)
        volumes = self._log.with_atoms(self.atoms).on_each(grids)
        return [
            self._volume(0 - torch.expm1(one.values), one.grid, i).with_atoms(one.atoms)
            for i, one in enumerate(volumes)
        ]


class MaximumField(AggregateField):
    """f_c(x) = max_i w_ic φ(|x − r_i|/σ_i), as in moleculekit; 0 where a channel has no atoms."""

    rule = "maximum"

    def _values(self, pos: Tensor, batch: Tensor) -> Tensor:
        centers, weights, widths, kernel, owner, points, batch, num_graphs = map(widened, self.base.problem(pos, batch))
        graphs = ChannelGraphs.of(weights, owner, batch, num_graphs)
        sources = centers[graphs.source], weights[graphs.source, graphs.channel, None], 1 / graphs.widths(widths)
        return _greatest(kernel, sources, points[graphs.point], graphs)[graphs.place].to(pos)


def _greatest(kernel: Kernel, sources: tuple[Tensor, Tensor, Tensor], pos: Tensor, graphs: ChannelGraphs) -> Tensor:
    """The largest contribution of centres, weights and 1/σ at each point of graphs [Q·C]."""
    evaluate, reach = functools.partial(_amax, kernel), cutoff(kernel, pos.dtype)
    members = graphs.members(graphs.owner)
    large = members.parts(small=False)
    if large and math.isfinite(reach) and not is_transformed():
        return sum_in_tiles(evaluate, *sources, graphs.owner, pos, graphs.batch, len(graphs), reach)[:, 0]
    padded = [torch.nn.functional.pad(one, (0, 0) * (one.ndim - 1) + (0, 1)) for one in (pos, *sources)]
    values = GraphValues(pos.new_zeros(1, 1), len(pos), pos.device)
    values.add_small(lambda index, place: evaluate(padded[0][place], *(one[index] for one in padded[1:])), members)
    for size, center, count, point in large:
        some = [one[None, center : center + size] for one in sources]
        chunks = pos[point : point + count].split(max(1, _PAIRS_AT_ONCE // size))
        values.add(torch.cat([evaluate(chunk[None], *some)[0] for chunk in chunks]), point)
    return values.all()[:, 0]


def _amax(kernel: Kernel, pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor) -> Tensor:
    squares = (pos[:, :, None] - centers[:, None]).square().sum(-1)
    values = kernel.value(squares * inverse.square()[:, None])
    return torch.nn.functional.pad(values * weights[:, None, :, 0], (0, 1)).amax(2, keepdim=True)


class _LogComplement(Kernel):
    """ln(1 − φ), kept finite where φ is 1.

    The least 1 − φ is that of rounding, in the value and in both slopes alike: the product 1 − f = exp(Σ ln(1 − φ)) and
    its derivatives are then right where factors vanish, too.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.name = f"log_complement({kernel.name})"

    def value(self, s: Tensor) -> Tensor:
        return self._complement(s).log()

    def derivative(self, s: Tensor) -> Tensor:
        return -self.kernel.derivative(s) / self._complement(s)

    def second_derivative(self, s: Tensor) -> Tensor:
        complement = self._complement(s)
        return -self.kernel.second_derivative(s) / complement - (self.kernel.derivative(s) / complement).square()

    def _complement(self, s: Tensor) -> Tensor:
        return (1 - self.kernel.value(s)).clamp_min(torch.finfo(s.dtype).eps)

    def reach(self, tolerance: float) -> float:
        return self.kernel.reach(tolerance)
