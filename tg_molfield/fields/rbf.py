"""`RBFField`: a sum of radial basis functions over centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from tg_molfield.fields.atoms import AtomList
from tg_molfield.fields.engine.grid import sum_on_grid
from tg_molfield.fields.engine.points import gradient_at_points, sum_at_points
from tg_molfield.fields.field import Field, check_batch, check_points
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import Kernel, Laplacian, get_kernel
from tg_molfield.fields.periodic import complete_cell, fold, images
from tg_molfield.fields.volume import Volume

IMAGE_TOLERANCE = 1e-9
"""How much of a kernel may be left where the copies of a periodic field are cut off."""


@final
class RBFField(Field):
    """f_c(x) = Σ_i weights_ic · φ(|x − centers_i| / widths_i), for one graph or a batch.

    The values are differentiable by centres, weights, widths and points.

    Args:
        centers: [N, 3] in Å.
        weights: [N, C]; [N] for one channel.
        widths: σ in Å: one number, [N], or [N, C] where each channel has its own.
        kernel: a `Kernel` or its name; the Gaussian is exp(−d²/(2σ²)).
        channels: the C names; numbered if not given.
        batch: graph of each centre [N], int64 and sorted; one graph if not given.
        num_graphs: the number of graphs, needed where the last ones have no centres.
        cell: periodic cells [B, 3, 3] or [3, 3] in Å, rows are vectors.
        pbc: periodic directions [B, 3] or [3], bool; all, where a cell is given and this is not.
        atoms: the atoms the field belongs to, carried into files and pictures (single graphs).

    Raises:
        ValueError: shapes, types or devices do not fit, numbers are not finite, widths are not positive.
    """

    def __init__(
        self,
        centers: Tensor,
        weights: Tensor,
        widths: Tensor | float = 1.0,
        kernel: str | Kernel = "gaussian",
        channels: Sequence[str] | None = None,
        *,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        cell: Tensor | None = None,
        pbc: Tensor | None = None,
        atoms: AtomList | None = None,
    ) -> None:
        if centers.ndim != 2 or centers.shape[1] != 3 or not centers.is_floating_point():
            raise ValueError(f"centers: expected floats of shape [N, 3], got {centers.dtype} of {list(centers.shape)}")
        n = len(centers)
        weights = weights[:, None] if weights.ndim == 1 else weights
        widths = torch.as_tensor(widths, dtype=centers.dtype, device=centers.device)
        widths = widths.expand(n) if widths.ndim == 0 else widths
        if weights.ndim != 2 or len(weights) != n:
            raise ValueError(f"weights: expected shape [{n}, C], got {list(weights.shape)}")
        if widths.shape not in ((n,), weights.shape):
            raise ValueError(f"widths: expected [{n}] or {list(weights.shape)}, got {list(widths.shape)}")
        for name, tensor in (("centers", centers), ("weights", weights), ("widths", widths)):
            if tensor.dtype != centers.dtype or tensor.device != centers.device:
                raise ValueError(
                    f"{name}: is {tensor.dtype} on {tensor.device}, the centers are {centers.dtype} on "
                    f"{centers.device}; convert it with .to(centers)"
                )
            if not tensor.isfinite().all():
                raise ValueError(f"{name}: some values are NaN or infinite")
        if not (widths > 0).all():
            raise ValueError(f"widths: must be positive, in Å; the smallest is {float(widths.min()):.3g}")
        names = tuple(channels) if channels is not None else tuple(str(c) for c in range(weights.shape[1]))
        if len(names) != weights.shape[1] or len(set(names)) != len(names):
            raise ValueError(f"channels={names}: expected {weights.shape[1]} different names")
        if batch is None:
            batch = torch.zeros(n, dtype=torch.long, device=centers.device)
            num_graphs = 1 if num_graphs is None else num_graphs
        elif num_graphs is None:
            num_graphs = int(batch.max()) + 1 if n else 0
        self.centers, self.weights, self.widths = centers, weights, widths
        self.kernel = get_kernel(kernel)
        self.batch = check_batch("batch", batch, n, num_graphs, centers.device)
        self.cell, self.pbc = _periodicity(cell, pbc, num_graphs, centers)
        self._channels, self._num_graphs, self._atoms = names, num_graphs, atoms
        self._repeated: tuple[Tensor, Tensor] | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return self._channels

    @property
    def num_graphs(self) -> int:
        return self._num_graphs

    @property
    def dtype(self) -> torch.dtype:
        return self.centers.dtype

    @property
    def device(self) -> torch.device:
        return self.centers.device

    def __repr__(self) -> str:
        graphs = f", num_graphs={self.num_graphs}" if self.num_graphs != 1 else ""
        return f"RBFField({len(self.centers)} centers, {self.kernel.name}, channels={' '.join(self.channels)}{graphs})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return sum_at_points(*self.problem(pos, batch))

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return gradient_at_points(*self.problem(pos, batch))

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._laplacian()(pos, batch)

    def on(self, grid: Grid, out: Tensor | None = None) -> Volume:
        """The field sampled at the nodes of ``grid``, much faster than at as many points.

        Args:
            grid: the nodes.
            out: [C, nx, ny, nz], contiguous, to write the values to; not where gradients are recorded.

        Raises:
            ValueError: the field holds several functions; take one of them first. ``out`` does not fit.
        """
        self._require_single("on")
        centers, source = self._copies_around(grid)
        values = sum_on_grid(centers, self.weights[source], self.widths[source], self.kernel, grid, out)
        return Volume(values, grid, self.channels, atoms=self.atoms)

    def __getitem__(self, names: str | tuple[str, ...]) -> RBFField:
        index = self.channel_indices(names)
        widths = self.widths if self.widths.ndim == 1 else self.widths[:, index]
        return self._with(weights=self.weights[:, index], widths=widths, channels=[self.channels[i] for i in index])

    def __mul__(self, factor: float) -> Field:
        return self._with(weights=self.weights * factor) if isinstance(factor, (int, float)) else NotImplemented

    __rmul__ = __mul__

    def with_kernel(self, kernel: str | Kernel) -> RBFField:
        """The field of the same centres, weights and widths with another kernel."""
        return self._with(weights=self.weights, kernel=kernel)

    def with_widths(self, widths: float) -> RBFField:
        """The field of the same centres, weights and kernel with one width in Å for all."""
        return self._with(weights=self.weights, widths=self.centers.new_full((len(self.centers),), widths))

    @classmethod
    def fit(
        cls,
        target: Field | Tensor,
        centers: Tensor,
        *,
        widths: Tensor | float = 1.0,
        kernel: str | Kernel = "gaussian",
        **options: Any,
    ) -> RBFField:
        """The sum of functions at ``centers`` that is nearest to a field, a volume or samples, by least squares.

        Args:
            target: a field, a volume, or values [Q, C] at ``points``.
            centers: [N, 3] in Å; repeat a centre to give it several widths.
            widths: σ in Å: one number, [N] or [N, C].
            kernel: φ, by name or as a `Kernel`.
            options: ``points``, ``optimize``, ``importance``, ``regularization`` and more, see
                `tg_molfield.fields.fitting.fit_rbf`, which also reports the error reached.
        """
        from tg_molfield.fields.fitting import fit_rbf

        return fit_rbf(target, centers, widths, kernel, **options)[0]

    def scaled(self, factors: Tensor) -> RBFField:
        """The field with each channel of each graph multiplied by its factor.

        Args:
            factors: [B, C].
        """
        return self._with(weights=self.weights * factors[self.batch])

    def unbatch(self) -> list[RBFField]:
        """The functions of a batch, one field each."""
        if self.num_graphs == 1:
            return [self]
        counts = torch.bincount(self.batch, minlength=self.num_graphs).tolist()
        parts = zip(self.centers.split(counts), self.weights.split(counts), self.widths.split(counts), strict=True)
        return [
            RBFField(
                centers, weights, widths, self.kernel, self.channels,
                cell=None if self.cell is None else self.cell[i],
                pbc=None if self.pbc is None else self.pbc[i],
                atoms=None if self.atoms is None else self.atoms.of_graph(i),
            )
            for i, (centers, weights, widths) in enumerate(parts)
        ]  # fmt: skip

    def to(self, target: torch.dtype | torch.device | str) -> RBFField:
        """The field in another floating-point type or on another device."""
        cell = None if self.cell is None else self.cell.to(target)
        on_device = not isinstance(target, torch.dtype)
        move = (lambda x: x.to(target)) if on_device else (lambda x: x)
        return RBFField(
            self.centers.to(target), self.weights.to(target), self.widths.to(target), self.kernel, self.channels,
            batch=move(self.batch), num_graphs=self.num_graphs, cell=cell,
            pbc=None if self.pbc is None else move(self.pbc), atoms=self.atoms,
        )  # fmt: skip

    def _with(
        self,
        weights: Tensor,
        widths: Tensor | None = None,
        channels: Sequence[str] | None = None,
        kernel: str | Kernel | None = None,
    ) -> RBFField:
        return RBFField(
            self.centers, weights, self.widths if widths is None else widths,
            self.kernel if kernel is None else kernel, self.channels if channels is None else channels,
            batch=self.batch, num_graphs=self.num_graphs, cell=self.cell, pbc=self.pbc, atoms=self.atoms,
        )  # fmt: skip

    def _laplacian(self) -> RBFField:
        squares = self.widths.square()
        weights = self.weights / (squares if squares.ndim == 2 else squares[:, None])
        return self._with(weights=weights, kernel=Laplacian(self.kernel))

    def problem(
        self, pos: Tensor, batch: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Kernel, Tensor, Tensor, Tensor, int]:
        """What has to be summed at ``pos``: copies of periodic centres written out, points folded into their cells.

        Returns:
            The first eight arguments of `tg_molfield.fields.engine.points.sum_at_points`.
        """
        batch = self.check(pos, batch)
        centers, source = self._copies()
        return (
            centers, self.weights[source], self.widths[source], self.kernel, self.batch[source],
            self.folded(pos, batch), batch, self.num_graphs,
        )  # fmt: skip

    def check(self, pos: Tensor, batch: Tensor | None) -> Tensor:
        """The batch vector [Q] of the points, checked.

        Raises:
            ValueError: the points or their batch vector do not fit the field.
        """
        return check_points(pos, batch, self.num_graphs, self.dtype, self.device)

    def folded(self, pos: Tensor, batch: Tensor) -> Tensor:
        """The points [Q, 3], those of periodic graphs moved into the cell."""
        if self.cell is None or self.pbc is None:
            return pos
        parts = pos.split(torch.bincount(batch, minlength=self.num_graphs).tolist())
        return torch.cat(
            [
                fold(part, cell, pbc) if bool(pbc.any()) else part
                for part, cell, pbc in zip(parts, self.cell, self.pbc, strict=True)
            ]
        )

    def _copies(self) -> tuple[Tensor, Tensor | slice]:
        if self.cell is None or self.pbc is None:
            return self.centers, slice(None)
        if self._repeated is not None:
            return self._repeated
        with torch.inference_mode(False):
            repeated = self._repeat(self.cell, self.pbc)
        if not any(part.requires_grad for part in (self.centers, self.widths, self.cell)):
            self._repeated = repeated
        return repeated

    def _repeat(self, cells: Tensor, pbcs: Tensor) -> tuple[Tensor, Tensor]:
        reach = self._periodic_reach()
        positions, sources = [], []
        for graph, (cell, pbc) in enumerate(zip(cells, pbcs, strict=True)):
            mine = (self.batch == graph).nonzero()[:, 0]
            if len(mine) and bool(pbc.any()):
                widest = float(self.widths[mine].max())
                copies, source = images(self.centers[mine], cell, pbc, reach * widest)
                positions.append(copies)
                sources.append(mine[source])
            else:
                positions.append(self.centers[mine])
                sources.append(mine)
        return torch.cat(positions), torch.cat(sources)

    def _periodic_reach(self) -> float:
        """How many widths a copy is followed, where that has an end."""
        reach = self.kernel.reach(IMAGE_TOLERANCE)
        if math.isinf(reach):
            raise ValueError(
                f"kernel={self.kernel.name!r}: decays too slowly for a periodic sum to converge; choose another"
            )
        return reach

    def _copies_around(self, grid: Grid) -> tuple[Tensor, Tensor | slice]:
        """The copies that reach a grid: those of a cell in the middle of the grid, and as far beyond as the grid is."""
        if self.cell is None or self.pbc is None or not len(self.centers):
            return self._copies()
        cell, inverse = self.cell[0], torch.linalg.inv(self.cell[0])
        edges = (grid.axes_tensor() * (torch.tensor(grid.shape)[:, None] - 1)).to(cell)
        shift = grid.origin_tensor().to(cell) + edges.sum(0) / 2 - cell.sum(0) / 2
        beyond = ((edges @ inverse).abs().sum(0) - 1).clamp_min(0) / 2 / inverse.norm(dim=0)
        reach = self._periodic_reach() * float(self.widths.max())
        copies, source = images(
            self.centers - shift, cell, self.pbc[0], reach + float((beyond * self.pbc[0]).max())
        )  # fmt: skip
        return copies + shift, source


def _periodicity(
    cell: Tensor | None, pbc: Tensor | None, num_graphs: int, centers: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    if cell is None:
        if pbc is not None and pbc.any():
            raise ValueError("pbc: periodic directions are given without a cell; give cell too")
        return None, None
    cell = cell.reshape(-1, 3, 3).to(centers)
    pbc = torch.ones(len(cell), 3, dtype=torch.bool) if pbc is None else pbc.reshape(-1, 3).bool()
    pbc = pbc.to(centers.device)
    if len(cell) != num_graphs or len(pbc) != num_graphs:
        raise ValueError(f"cell, pbc: expected [{num_graphs}, 3, 3] and [{num_graphs}, 3], got {len(cell)}, {len(pbc)}")
    if not pbc.any():
        return None, None
    completed = [complete_cell(one, where) if bool(where.any()) else one for one, where in zip(cell, pbc, strict=True)]
    return torch.stack(completed), pbc
