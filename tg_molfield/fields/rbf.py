"""`RBFField`: a sum of radial basis functions over centres."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor

from tg_molfield.arguments import as_channel_names, check_finite, check_integers, check_number, require_counts
from tg_molfield.chem.atoms import AtomList, check_atom_list
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.validation import all_finite, check_batch, check_points, check_real, check_tensor
from tg_molfield.fields.cards import field_card
from tg_molfield.fields.engine import gradient_at_points, sum_at_points, sums_on_each_grid, sums_on_grids
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.kernels import Kernel, Laplacian, get_kernel
from tg_molfield.fields.periodic import (
    fold_batch,
    images_of_batch,
    periodic_cells,
    periodic_reach,
    repeating_axes,
)
from tg_molfield.fields.resolution import warn_of_coarse_coordinates
from tg_molfield.fields.versions import Versions, versions
from tg_molfield.fields.volume import Volume
from tg_molfield.precision import full_precision, widened


@final
class RBFField(Field):
    """f_c(x) = Σ_i weights_ic · φ(|x − centers_i| / widths_i), for one graph or a batch.

    Values are differentiable with respect to centres, weights, widths and points. `torch.compile` works, with graph
    breaks where input checks and the choice of algorithm read values, so ``fullgraph=True`` is refused.

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

    Warns:
        CoarseCoordinatesWarning: on the CPU, centres are so far from the origin that their type is too coarse.
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
        check_tensor("centers", centers)
        check_tensor("weights", weights)
        if centers.ndim != 2 or centers.shape[1] != 3 or not centers.is_floating_point():
            raise ValueError(
                f"centers: expected floats of shape [N, 3], got {centers.dtype} of {list(centers.shape)}; give Å"
            )
        n = len(centers)
        weights = weights[:, None] if weights.ndim == 1 else weights
        number = widths if isinstance(widths, (int, float)) else None
        if number is not None:
            check_number("widths", number)
            widths = torch.full((), number, dtype=centers.dtype, device=centers.device)
        widths = _as_widths(widths, centers)
        widths = widths.expand(n) if widths.ndim == 0 else widths
        if weights.ndim != 2 or len(weights) != n:
            raise ValueError(f"weights: expected shape [{n}, C], got {list(weights.shape)}; give one row a center")
        if widths.shape not in ((n,), weights.shape):
            raise ValueError(
                f"widths: expected [{n}] or {list(weights.shape)}, got {list(widths.shape)}; give one "
                "number, or one a center"
            )
        for name, tensor in (("centers", centers), ("weights", weights), ("widths", widths)):
            if tensor.dtype != centers.dtype or tensor.device != centers.device:
                raise ValueError(
                    f"{name}: expected {centers.dtype} on {centers.device}, as for centers, got {tensor.dtype} on "
                    f"{tensor.device}; convert it with .to(centers)"
                )
            if numbers_are_checked(tensor) and not all_finite(tensor):
                raise ValueError(f"{name}: expected finite numbers, got NaN or infinity; repair them")
        least = math.inf if number is None else number
        if number is None and not numbers_are_checked(widths):
            widths = widths.where(widths > 0, math.nan)
        elif number is None and widths.numel():
            least = float(widths.detach().min())
        if not least > 0:
            raise ValueError(f"widths: expected positive numbers in Å, got {least:.3g}; correct them")
        warn_of_coarse_coordinates(centers, least)
        names = as_channel_names(channels, weights.shape[1], "give one a column of weights")
        check_atom_list(atoms)
        check_integers(num_graphs=num_graphs)
        if batch is None and num_graphs in (None, 1):
            batch, num_graphs = torch.zeros(n, dtype=torch.long, device=centers.device), 1
        elif batch is None:
            raise ValueError(
                f"batch: expected the graph of each center for num_graphs={num_graphs}, got None; give [{n}]"
            )
        else:
            num_graphs = (int(batch.max()) + 1 if n else 0) if num_graphs is None else num_graphs
            batch = check_batch("batch", batch, n, num_graphs, centers.device)
        self.centers, self.weights, self.widths, self.batch = centers, weights, widths, batch
        self.kernel = get_kernel(kernel)
        self.cell: Tensor | None
        self.pbc: Tensor | None
        self.cell, self.pbc = periodic_cells(cell, pbc, num_graphs, centers)
        self._channels, self._num_graphs, self._atoms = names, num_graphs, atoms
        self._repeated: tuple[Versions, tuple[Tensor, Tensor]] | None = None

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

    def _repr_html_(self) -> str:
        facts = {"centers": f"{len(self.centers):,}", "kernel": self.kernel.name}
        if self.pbc is not None:
            facts["periodic"] = "yes" if bool(self.pbc.any()) else "no"
        return field_card(self, facts)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_repeated": None}

    def _quick_centers(self) -> Tensor | None:
        return self.centers if self.num_graphs == 1 and self.pbc is None else None

    @full_precision
    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return sum_at_points(*self.problem(pos, batch))

    @full_precision
    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return gradient_at_points(*self.problem(pos, batch))

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._laplacian()(pos, batch)

    def on(self, grid: Grid, out: Tensor | None = None) -> Volume:
        """The field sampled at the nodes of ``grid``, much faster than as scattered points.

        The volume is periodic along the axes on which ``grid`` spans whole periods of the field, as
        ``Grid.from_cell(data.cell, shape)`` does for a crystal.

        Args:
            grid: the nodes.
            out: [C, nx, ny, nz], contiguous, to write the values to; not where gradients are recorded.

        Raises:
            ValueError: the field holds several functions; take one by `unbatch`. ``out`` does not fit.
            MemoryError: the values do not fit in memory; raised before any is computed.
        """
        self._require_one("on", grid)
        if out is not None:
            check_tensor("out", out)
        return self._sampled([grid], None if out is None else out[None])[0]

    def on_each(self, grids: Sequence[Grid], out: Tensor | None = None) -> list[Volume]:
        """Every function of a batch sampled on a grid of its own; grids of one shape are evaluated at once.

        Args:
            grids: one for each of the B functions.
            out: [B, C, nx, ny, nz], contiguous, to write the values to, which the volumes then share; for grids of
                one shape, and not where gradients are recorded.

        Raises:
            ValueError: the number of grids is not that of the functions, or ``out`` does not fit.
            MemoryError: the values do not fit in memory; raised before any is computed.
        """
        self._require_grid_each(grids)
        shapes = sorted({grid.shape for grid in grids})
        if out is not None and len(shapes) > 1:
            raise ValueError(f"out: expected grids of one shape with it, got {shapes}; leave it out")
        return self._sampled(grids, out) if grids else []

    @full_precision
    def _sampled(self, grids: Sequence[Grid], out: Tensor | None) -> list[Volume]:
        if out is None:
            self._require_fit(grids)
        centers, source = self._copies_around(grids)
        weights, widths, batch = self.weights[source], self.widths[source], self.batch[source]
        problem = (centers, weights, widths, self.kernel, batch, grids)
        values = sums_on_each_grid(*problem) if out is None else sums_on_grids(*problem, out)
        volumes = [self._volume(one, grid, i) for i, (one, grid) in enumerate(zip(values, grids, strict=True))]
        if self.atoms is None:
            return volumes
        atoms = self.atoms.of_graphs(len(volumes))
        return [volume.with_atoms(own) for volume, own in zip(volumes, atoms, strict=True)]

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        if self.cell is None or self.pbc is None:
            return (False, False, False)
        return repeating_axes(grid, self.cell[graph], self.pbc[graph])

    def __getitem__(self, names: str | tuple[str, ...]) -> RBFField:
        index = self.channel_indices(names)
        widths = self.widths if self.widths.ndim == 1 else self.widths[:, index]
        names = tuple(self.channels[i] for i in index)
        return self._with(weights=self.weights[:, index], widths=widths, _channels=names)

    def __mul__(self, factor: float) -> Field:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        check_finite("factor", factor)
        return self._with(weights=self.weights * factor, _mol_field=None)

    __rmul__ = __mul__

    def with_kernel(self, kernel: str | Kernel) -> RBFField:
        """The field with the same centres, weights and widths and another kernel."""
        return self._with(kernel=get_kernel(kernel), _mol_field=None)

    def scaled(self, factors: Tensor) -> RBFField:
        """The field with each channel of each graph multiplied by its factor.

        Args:
            factors: [B, C].

        Raises:
            ValueError: the factors have another shape, or are not all finite.
        """
        check_tensor("factors", factors)
        if factors.shape != (self.num_graphs, len(self.channels)) or not factors.isfinite().all():
            expected = [self.num_graphs, len(self.channels)]
            raise ValueError(
                f"factors: expected finite numbers of shape {expected}, got {list(factors.shape)}; give one "
                "row a molecule"
            )
        return self._with(weights=self.weights * factors.to(self.weights)[self.batch], _mol_field=None)

    def unbatch(self) -> list[RBFField]:
        """The functions of a batch, one field each."""
        if self.num_graphs == 1:
            return [self]
        atoms = [None] * self.num_graphs if self.atoms is None else self.atoms.of_graphs(self.num_graphs)
        return [part._with(_atoms=atoms[i], **self._cell_of(i)) for i, part in enumerate(self.in_batches(1))]

    def in_batches(self, most: int) -> list[RBFField]:
        """The functions of a batch in batches of at most ``most``, without atoms.

        Raises:
            ValueError: ``most`` is not positive.
        """
        require_counts(1, most=most)
        counts = torch.bincount(self.batch, minlength=self.num_graphs).tolist()
        starts = range(0, self.num_graphs, most)
        sizes = [sum(counts[start : start + most]) for start in starts]
        parts = zip(*(x.split(sizes) for x in (self.centers, self.weights, self.widths, self.batch)), strict=True)
        return [
            self._with(
                centers=centers, weights=weights, widths=widths, batch=batch - start, _atoms=None,
                _num_graphs=min(most, self.num_graphs - start),
                cell=None if self.cell is None else self.cell[start : start + most],
                pbc=None if self.pbc is None else self.pbc[start : start + most],
            )
            for start, (centers, weights, widths, batch) in zip(starts, parts, strict=True)
        ]  # fmt: skip

    def _cell_of(self, graph: int) -> dict[str, Tensor | None]:
        if self.cell is None or self.pbc is None or not self.pbc[graph].any():
            return {"cell": None, "pbc": None}
        return {"cell": self.cell[graph, None], "pbc": self.pbc[graph, None]}

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> RBFField:
        names = ("centers", "weights", "widths", "batch", "cell", "pbc")
        tensors = {name: None if getattr(self, name) is None else change(getattr(self, name)) for name in names}
        return self._with(**tensors, _atoms=self.atoms and self.atoms.mapped(change))

    def _with(self, **changes: Any) -> RBFField:
        """A copy with other attributes, which are not checked."""
        field = copy.copy(self)
        vars(field).update(changes)
        if not changes.keys() <= {"weights", "_channels", "_mol_field"}:
            field._repeated = None
        return field

    def _laplacian(self) -> RBFField:
        squares = self.widths.square()
        weights = self.weights / (squares if squares.ndim == 2 else squares[:, None])
        return self._with(weights=weights, kernel=Laplacian(self.kernel), _mol_field=None)

    def problem(
        self, pos: Tensor, batch: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Kernel, Tensor, Tensor, Tensor, int]:
        """The sum to evaluate at ``pos``, with periodic images of the centres and points folded into their cells.

        Returns:
            The first eight arguments of `tg_molfield.fields.engine.sum_at_points`.
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
        """The points [Q, 3], folded into the cells of periodic graphs; there in float32 at least."""
        if self.cell is None or self.pbc is None:
            return pos
        return fold_batch(widened(pos), batch, widened(self.cell), self.pbc)

    def _copies(self) -> tuple[Tensor, Tensor | slice]:
        if self.cell is None or self.pbc is None:
            return self.centers, slice(None)
        used = (self.centers, self.widths, self.batch, self.cell, self.pbc)
        if self._repeated is not None and self._repeated[0].are_those_of(*used):
            return self._repeated[1]
        with torch.inference_mode(False):
            repeated = self._repeat(self.cell, self.pbc)
        now = versions(*used)
        self._repeated = None if now is None else (now, repeated)
        return repeated

    def _copies_around(self, grids: Sequence[Grid]) -> tuple[Tensor, Tensor | slice]:
        if self.cell is None or self.pbc is None:
            return self.centers, slice(None)
        return self._repeat(self.cell, self.pbc, grids)

    def _repeat(self, cell: Tensor, pbc: Tensor, grids: Sequence[Grid] | None = None) -> tuple[Tensor, Tensor]:
        centers, widths, cell = widened(self.centers), widened(self.widths), widened(cell)
        return images_of_batch(centers, widths, self.batch, cell, pbc, periodic_reach(self.kernel), grids)


def _as_widths(widths: Any, centers: Tensor) -> Tensor:
    """``widths`` of the type and on the device of ``centers``.

    Raises:
        TypeError: they are no numbers.
        ValueError: they are complex, or on the meta device.
    """
    check_real("widths", widths)
    if isinstance(widths, Tensor):
        check_tensor("widths", widths)
    try:
        return torch.as_tensor(widths, dtype=centers.dtype, device=centers.device)
    except (TypeError, ValueError) as error:
        raise TypeError(f"widths: expected a number or a tensor, got {type(widths).__name__}; give σ in Å") from error
