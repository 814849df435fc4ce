"""`LatticeField`: Gaussians at the nodes of an orthogonal grid, fast on grids that lie along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields import Field, Grid, RBFField, Volume
from tg_molfield.fields.field import check_points
from tg_molfield.superres.kriging import along_axes, gaussian, kriging_weights, likely_width
from tg_molfield.superres.lattice import local_steps

_PARALLEL = 1e-9
_NEGLIGIBLE = 3e-5


@final
class LatticeField(Field):
    """f_c(x) = Σ_j w_cj exp(−|x − x_j|²/(2·widths_c²)), summed over the nodes x_j of a grid.

    Args:
        weights: [C, nx, ny, nz].
        grid: the nodes, orthogonal.
        widths: of each channel in Å.
        channels: the C names.

    Raises:
        ValueError: the grid is not orthogonal, or the shapes do not fit.
    """

    def __init__(self, weights: Tensor, grid: Grid, widths: Sequence[float], channels: Sequence[str]) -> None:
        if not grid.is_orthogonal:
            raise ValueError("grid: its axes are not at right angles; resample the volume on an orthogonal grid")
        if tuple(weights.shape) != (len(channels), *grid.shape) or len(widths) != len(channels):
            expected = [len(channels), *grid.shape]
            raise ValueError(f"weights: expected {expected} and {len(channels)} widths, got {list(weights.shape)}")
        self.weights, self.grid, self.widths = weights, grid, tuple(map(float, widths))
        self._channels = tuple(channels)
        self._scattered: RBFField | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return self._channels

    @property
    def dtype(self) -> torch.dtype:
        return self.weights.dtype

    @property
    def device(self) -> torch.device:
        return self.weights.device

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.grid.shape))
        return f"LatticeField({shape}, channels={' '.join(self.channels)})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        check_points(pos, batch, 1, self.dtype, self.device)
        return self.scattered()(pos)

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        check_points(pos, batch, 1, self.dtype, self.device)
        return self.scattered().gradient(pos)

    def on(self, grid: Grid) -> Volume:
        readers = self._readers(grid)
        if readers is None:
            return self.scattered().on(grid)
        values = torch.stack([along_axes(w, m) for w, m in zip(self.weights, readers, strict=True)])
        return Volume(values, grid, self.channels)

    def scattered(self) -> RBFField:
        """The same field as an `RBFField`, with the nodes that weigh anything as its centres."""
        if self._scattered is None:
            flat = self.weights.flatten(1).T
            used = (flat != 0).any(1)
            widths = torch.tensor(self.widths).to(flat).expand(int(used.sum()), -1)
            nodes = self.grid.points(torch.float64, self.device)[used].to(flat)
            self._scattered = RBFField(nodes, flat[used], widths, channels=self.channels)
        return self._scattered

    def _readers(self, grid: Grid) -> list[list[Tensor]] | None:
        """For each channel the three matrices that read it on a grid parallel to its own; None on another grid."""
        own, other = self.grid.axes_tensor(), grid.axes_tensor()
        across = other @ torch.linalg.inv(own)
        if not (across - torch.diag(across.diagonal())).abs().max() < _PARALLEL * across.abs().max():
            return None
        steps = local_steps(self.grid)
        first = (grid.origin_tensor() - self.grid.origin_tensor()) @ torch.linalg.inv(own) * steps
        lines = [
            (
                first[i] + torch.arange(grid.shape[i], dtype=torch.float64) * across[i, i] * steps[i],
                torch.arange(self.grid.shape[i], dtype=torch.float64) * steps[i],
            )
            for i in range(3)
        ]
        return [[gaussian(places, nodes, width).to(self.weights) for places, nodes in lines] for width in self.widths]


def krige(rest: Tensor, volume: Volume) -> LatticeField:
    """Gaussians at the nodes that sum up to ``rest`` there, each channel with its likeliest width.

    Args:
        rest: what the field is at the nodes [C, nx, ny, nz], float64.
        volume: gives the grid, the channels, and the peaks against which nodes that weigh next to nothing are
            left out.
    """
    steps = local_steps(volume.grid)
    peaks = volume.values.flatten(1).abs().amax(1)
    widths = [likely_width(one, steps)[0] for one in rest]
    weights = torch.stack([kriging_weights(one, steps, width) for one, width in zip(rest, widths, strict=True)])
    kept = weights.abs() > _NEGLIGIBLE * peaks[:, None, None, None]
    return LatticeField(weights * kept, volume.grid, widths, volume.channels)
