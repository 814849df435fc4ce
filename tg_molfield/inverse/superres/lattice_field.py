"""`LatticeField`: functions at the nodes of a grid, fast to sample on grids parallel to an orthogonal one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from tg_molfield.arguments import as_three_flags
from tg_molfield.chem.validation import check_points
from tg_molfield.devices import device_with_double, in_double, sent_to
from tg_molfield.fields import Field, Grid, RBFField, Volume
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.periodic import repeating_axes
from tg_molfield.inverse.lattice import local_steps
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.kriging_weights import along_axes, gaussian
from tg_molfield.inverse.superres.lattice_convolution import convolved, spans_of, subdivision
from tg_molfield.inverse.superres.waves import Waves, fewer_waves
from tg_molfield.precision import full_precision_on_host

_PARALLEL = 1e-9
_REACH = 7.5
"""In widths of a Gaussian, which is 6e-13 there."""
_MOST_NODES = 2**23
"""Around a node, up to which functions are tabulated."""


@final
class LatticeField(Field):
    """f_c(x) = Σ_j w_cj k_c(|x − x_j| / widths_c), summed over the nodes x_j of a grid.

    Args:
        weights: [C, nx, ny, nz].
        grid: the nodes.
        widths: of each channel in Å.
        channels: the C names.
        periodic: along which axes the nodes repeat.
        kinds: for each channel, the name of k in `COVARIANCES`; Gaussians if not given.
        dtype: of the field's values; that of the weights if not given. The weights of smooth fields are large and
            cancel each other, so that they are kept and summed in double precision.
        device: of the field's values; that of the weights if not given. Where it has no double precision, weights are
            kept and summed on the processor.

    Raises:
        ValueError: the shapes do not fit, or there is no such covariance.
    """

    def __init__(
        self,
        weights: Tensor,
        grid: Grid,
        widths: Sequence[float],
        channels: Sequence[str],
        periodic: Sequence[bool] = (False, False, False),
        kinds: Sequence[str] | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> None:
        kinds = ("gaussian",) * len(channels) if kinds is None else tuple(kinds)
        if len(kinds) != len(channels) or not set(kinds) <= set(COVARIANCES):
            raise ValueError(
                f"kinds: expected {len(channels)} of {', '.join(COVARIANCES)}, got {kinds}; give one for each channel"
            )
        if tuple(weights.shape) != (len(channels), *grid.shape) or len(widths) != len(channels):
            raise ValueError(
                f"weights: expected shape {[len(channels), *grid.shape]} and {len(channels)} widths, got "
                f"{list(weights.shape)} and {len(widths)} widths; give one of each for each channel"
            )
        self.weights = in_double(weights)
        self.grid, self.widths = grid, tuple(map(float, widths))
        self._dtype = weights.dtype if dtype is None else dtype
        self._device = weights.device if device is None else device
        self._channels = tuple(channels)
        self.periodic: Periodic = as_three_flags("periodic", periodic)
        self.kinds = kinds
        self._functions: RBFField | None = None
        self._series: Waves | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return self._channels

    @property
    def num_parameters(self) -> int:
        """How many weights are not 0."""
        return int((self.weights != 0).sum())

    @property
    def dtype(self) -> torch.dtype:
        return self._dtype

    @property
    def device(self) -> torch.device:
        return self._device

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.grid.shape))
        return f"LatticeField({shape}, channels={' '.join(self.channels)})"

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        check_points(pos, batch, 1, self.dtype, self.device)
        waves, places = self._waves(), in_double(pos)
        values = self._scattered()(places)
        return self._rounded(values if waves is None else values + waves(places))

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        check_points(pos, batch, 1, self.dtype, self.device)
        waves, places = self._waves(), in_double(pos)
        slopes = self._scattered().gradient(places)
        return self._rounded(slopes if waves is None else slopes + waves.gradient(places))

    @full_precision_on_host
    def on(self, grid: Grid) -> Volume:
        readers = self._readers(grid)
        if readers is None:
            return self._volume(self._rounded(self._at_nodes(grid)), grid)
        self._require_fit([grid], copies=3)
        values = [
            torch.stack([share * along_axes(weights, matrices) for share, matrices in terms]).sum(0)
            for weights, terms in zip(self.weights, readers, strict=True)
        ]
        return self._volume(self._rounded(torch.stack(values)), grid)

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        return repeating_axes(grid, self.grid.cell, torch.tensor(self.periodic))

    def __getitem__(self, names: str | tuple[str, ...]) -> LatticeField:
        index = self.channel_indices(names)
        widths = [self.widths[i] for i in index]
        field = LatticeField(
            self.weights[index],
            self.grid,
            widths,
            [self.channels[i] for i in index],
            self.periodic,
            [self.kinds[i] for i in index],
            self.dtype,
            self.device,
        )
        return self._annotated(field)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> LatticeField:
        like = change(torch.empty(0, dtype=self.dtype, device=self.device))
        field = LatticeField(
            self.weights.to(device_with_double(like.device)),
            self.grid,
            self.widths,
            self.channels,
            self.periodic,
            self.kinds,
            like.dtype,
            like.device,
        )
        return self._annotated(field).with_atoms(self.atoms and self.atoms.mapped(change))

    def _rounded(self, sums: Tensor) -> Tensor:
        """Sums in double precision as the field gives them."""
        return sent_to(sums, self.device, self.dtype)

    def _scattered(self) -> RBFField:
        """The functions at the nodes whose weights are not 0, without the Gaussians that are summed as waves."""
        if self._functions is None:
            flat = self.weights.flatten(1).T
            used = (flat != 0).any(1)
            nodes = self.grid.points(torch.float64, flat.device)[used]
            shares, widths = self._columns(flat)
            repeats = any(self.periodic)
            self._functions = RBFField(
                nodes.repeat(len(shares), 1),
                (shares[:, None] * flat[used]).flatten(0, 1),
                widths[:, None].expand(-1, len(nodes), -1).flatten(0, 1),
                channels=self.channels,
                cell=self.grid.cell.to(flat) if repeats else None,
                pbc=torch.tensor(self.periodic, device=flat.device) if repeats else None,
            )
        return self._functions

    def _waves(self) -> Waves | None:
        """The Gaussians of a crystal that are so wide that their Fourier series is shorter; None where none are."""
        terms = [
            (c, share, factor * width)
            for c, (kind, width) in enumerate(zip(self.kinds, self.widths, strict=True))
            for share, factor in COVARIANCES[kind].terms
            if self._is_wave(factor * width)
        ]
        if terms and self._series is None:
            with torch.inference_mode(False):
                self._series = Waves.of(self.weights, self.grid, terms)
        return self._series

    def _is_wave(self, width: float) -> bool:
        return all(self.periodic) and fewer_waves(self.grid, width)

    def _at_nodes(self, grid: Grid) -> Tensor:
        """The values [C, NX, NY, NZ] at the nodes of any grid; quick where it divides the steps of the field's."""
        parts, reaches = subdivision(self.grid, grid), list(map(_reach, self.kinds, self.widths))
        nodes = max((math.prod(2 * span + 1 for span in spans_of(self.grid, reach)) for reach in reaches), default=0)
        if parts is None or nodes > _MOST_NODES:
            waves, values = self._waves(), self._scattered().on(grid).values
            if waves is None:
                return values
            return values + waves(grid.points(torch.float64, self.weights.device)).T.view_as(values)
        self._require_fit([grid], copies=3)
        sums = []
        for weights, width, kind, reach in zip(self.weights, self.widths, self.kinds, reaches, strict=True):
            function = _function(kind, width)
            sums.append(convolved(weights, self.grid, self.periodic, function, reach, grid, parts))
        return torch.stack(sums)

    def _columns(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The shares and the widths [T, C] of the terms of each channel that are no waves, padded with shares of 0."""
        terms = [
            [(share, factor * width) for share, factor in COVARIANCES[kind].terms if not self._is_wave(factor * width)]
            for kind, width in zip(self.kinds, self.widths, strict=True)
        ]
        narrowest = min((width for column in terms for _, width in column), default=1.0)
        shares, widths = torch.zeros(2, max(map(len, terms), default=1), len(terms)).to(like)
        widths += narrowest
        for c, column in enumerate(terms):
            for t, (share, width) in enumerate(column):
                shares[t, c], widths[t, c] = share, width
        return shares, widths

    def _readers(self, grid: Grid) -> list[list[tuple[float, list[Tensor]]]] | None:
        """For each term of each channel, its share and the three matrices that sample it on a parallel grid.

        None if the grid is not parallel to the nodes, or the nodes are oblique or periodic.
        """
        if not self.grid.is_orthogonal or any(self.periodic):
            return None
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

        def matrices(width: float) -> list[Tensor]:
            return [gaussian(places, nodes, width).to(self.weights) for places, nodes in lines]

        return [
            [(share, matrices(factor * width)) for share, factor in COVARIANCES[kind].terms]
            for kind, width in zip(self.kinds, self.widths, strict=True)
        ]


def _function(kind: str, width: float) -> Callable[[Tensor], Tensor]:
    """k of distances in Å."""
    return lambda distances: COVARIANCES[kind](distances / width)


def _reach(kind: str, width: float) -> float:
    """From which distance in Å on k counts as zero."""
    return _REACH * width * max(factor for _, factor in COVARIANCES[kind].terms)
