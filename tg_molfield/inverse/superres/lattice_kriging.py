"""Kriging on any lattice, oblique or periodic, with covariances that are isotropic in space, by Fourier transforms.

On an oblique lattice a function of the distance in Å does not factorise along the axes; the system is Toeplitz by index
(circulant where periodic) and is solved by conjugate gradients, preconditioned by the circulant matrix nearest to it
(Chan and Ng 1996). Covariance and width are the most likely by the periodogram of the samples (Whittle 1953),
whose expectation is the aliased spectrum of the covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from tg_molfield.fields import Grid
from tg_molfield.inverse.lattice import local_steps
from tg_molfield.inverse.solvers import conjugate_gradients
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.kriging_weights import gaussian

_NOISE = 1e-6
_ACCURACY = 1e-7
_MOST_STEPS = 200

Flags = tuple[bool, bool, bool]


@dataclass(frozen=True)
class LatticeKriging:
    """The system Σ_j w_j k(|x_i − x_j| / width) + noise · w_i = value_i over the nodes of a grid.

    Args:
        grid: the nodes.
        width: of the covariance in Å.
        periodic: along which axes values repeat.
        kind: of the covariance k, a name in `COVARIANCES`.
    """

    grid: Grid
    width: float
    periodic: Flags
    kind: str = "gaussian"

    def weights(self, values: Tensor) -> Tensor:
        """The weights [nx, ny, nz] for samples [nx, ny, nz], float64."""
        spectrum = self.spectrum(self.grid.shape) + _NOISE
        wider = self._padded()
        exact = self.spectrum(wider) + _NOISE
        return conjugate_gradients(
            lambda x: _filtered(x, exact, wider),
            lambda x: _filtered(x, 1 / spectrum),
            values,
            _ACCURACY,
            _MOST_STEPS,
            dot=lambda a, b: (a * b).sum(),
            plain_norm=True,
        )

    def spectrum(self, shape: tuple[int, ...]) -> Tensor:
        """The eigenvalues [nx, ny, nz // 2 + 1] of the covariance on a periodic lattice of ``shape``."""
        if self.grid.is_orthogonal:
            return self._separable_spectrum(shape)
        spans = self._spans()
        offsets = torch.cartesian_prod(*(torch.arange(-span, span + 1) for span in spans))
        distances = (offsets.double() @ self.grid.axes_tensor()).norm(dim=1)
        folded = [offsets[:, axis] % count for axis, count in enumerate(shape)]
        covariance = torch.zeros(math.prod(shape), dtype=torch.float64)
        flat = (folded[0] * shape[1] + folded[1]) * shape[2] + folded[2]
        covariance.index_add_(0, flat, COVARIANCES[self.kind](distances / self.width))
        return torch.fft.rfftn(covariance.view(*shape)).real.clamp_min(0)

    def _separable_spectrum(self, shape: tuple[int, ...]) -> Tensor:
        steps, total = local_steps(self.grid), torch.zeros((), dtype=torch.float64)
        for share, factor in COVARIANCES[self.kind].terms:
            lines = []
            for count, step, span in zip(shape, steps.tolist(), self._spans(), strict=True):
                offsets = torch.arange(-span, span + 1)
                line = torch.zeros(count, dtype=torch.float64)
                distances = offsets.double() * step
                line.index_add_(
                    0, offsets % count, gaussian(distances, distances.new_zeros(1), factor * self.width)[:, 0]
                )
                lines.append(line)
            x, y = (torch.fft.fft(line).real for line in lines[:2])
            total = total + share * x[:, None, None] * y[:, None] * torch.fft.rfft(lines[2]).real
        return total.clamp_min(0)

    def _spans(self) -> list[int]:
        """The reach of the covariance along each axis, in steps."""
        across = 1 / torch.linalg.inv(self.grid.axes_tensor()).norm(dim=0)
        return [math.ceil(COVARIANCES[self.kind].reach * self.width / float(step)) for step in across]

    def _padded(self) -> tuple[int, ...]:
        """The shape of a periodic lattice without interaction across its borders that is quick to transform."""
        sizes = zip(self.grid.shape, self._spans(), self.periodic, strict=True)
        return tuple(count if repeats else next_fast_len(count + span, real=True) for count, span, repeats in sizes)


def likeliest(values: Tensor, grid: Grid, periodic: Flags, kinds: Sequence[str] = ("gaussian",)) -> LatticeKriging:
    """The system under which samples [nx, ny, nz] are most likely, the variance left free; see `likeliest_each`."""
    return likeliest_each(values[None], grid, periodic, kinds)[0]


def likeliest_each(
    values: Tensor, grid: Grid, periodic: Flags, kinds: Sequence[str] = ("gaussian",)
) -> list[LatticeKriging]:
    """For each channel the system under which its samples are most likely, the variance left free.

    Args:
        values: the samples [C, nx, ny, nz], float64; where all of a channel are 0 its width is one step.
        grid: their nodes.
        periodic: along which axes they repeat.
        kinds: the covariances compared.
    """
    spacing = grid.voxel_volume ** (1 / 3)
    powers = [_periodogram(channel, periodic) if bool(channel.any()) else None for channel in values]
    best = [(math.inf, LatticeKriging(grid, spacing, periodic, kinds[0]))] * len(powers)
    for kind in kinds:
        for factor in COVARIANCES[kind].candidates:
            system = LatticeKriging(grid, factor * spacing, periodic, kind)
            spectrum = system.spectrum(grid.shape)
            spectrum = spectrum + _NOISE * spectrum.mean()
            complexity = float(spectrum.log().mean())
            for c, power in enumerate(powers):
                if power is not None:
                    cost = complexity + float((power / spectrum).mean().log())
                    best[c] = min(best[c], (cost, system), key=lambda pair: pair[0])
    return [system for _, system in best]


def _periodogram(values: Tensor, periodic: Flags) -> Tensor:
    """The squared Fourier transform [nx, ny, nz // 2 + 1], tapered by a sine along axes that are not periodic."""
    for axis, (count, repeats) in enumerate(zip(values.shape, periodic, strict=True)):
        if not repeats:
            taper = torch.sin(math.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count)
            values = values * taper.view([-1 if i == axis else 1 for i in range(3)])
    return torch.fft.rfftn(values).abs().square()


def _filtered(values: Tensor, spectrum: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """Values [nx, ny, nz] multiplied by a circulant matrix of ``shape``, zeros around them; read where they were."""
    wide = tuple(values.shape) if shape is None else shape
    nx, ny, nz = values.shape
    return torch.fft.irfftn(torch.fft.rfftn(values, s=wide) * spectrum, s=wide)[:nx, :ny, :nz]
