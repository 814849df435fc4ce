"""Deconvolution by a Wiener filter, which turns merged neighbours into separate maxima.

It serves any kernel on any lattice, oblique or periodic, by Fourier transforms; `PoissonSharpener` of `superresolve` is
for Gaussians on coarse samples, where the transform of a kernel is undersampled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.maxima import local_maxima
from tg_molfield.memory import check_fits

_COPIES = 4
"""How many numbers are kept for each node while maxima are sought."""
_PADDING = 2.0
_DECAY = 2.0
_SAMPLING = 1.0
_TILT = 1e-10
_TAIL = 1e-6
"""The value of φ at which its images are cut off."""


class Sharpener(Protocol):
    """Turns merged functions into separate maxima."""

    @property
    def integral(self) -> float:
        """The sum of φ over the nodes."""

    def rms(self, values: Tensor) -> float:
        """The root mean square of the sharpened values."""

    def peaks(self, values: Tensor, fraction: float, unit: float | None = None) -> tuple[Tensor, Tensor]:
        """The maxima of the sharpened values above ``fraction`` of ``unit``, or of the highest value if not given.

        Returns:
            Their places [M, 3] in Å and heights [M], the highest first.
        """


@dataclass(frozen=True)
class Sharpened:
    """Sharpened ``values`` [X, Y, Z], ``finer`` times as many along each axis as the ``lattice`` has nodes."""

    values: Tensor
    finer: list[int]
    lattice: Lattice

    def maxima(self, lowest: float) -> tuple[Tensor, Tensor]:
        """The places [M, 3] in nodes and the heights [M] of the maxima above ``lowest``."""
        tilt = _TILT * float(self.values.abs().max())
        axes = self.lattice.axes / self.lattice.axes.new_tensor(self.finer)[:, None]
        index = local_maxima(self.values, self.lattice.periodic, lowest, tilt, axes)
        return index / index.new_tensor(self.finer), self.values[tuple(index.T)]


class WienerSharpener:
    """Turn every φ(|x − r|/σ) on a lattice into a narrow Gaussian of height 1 at r, as far as noise allows.

    The filter divides by the transform of φ where that exceeds ``noise`` times its largest value, and the
    transform of the Gaussian falls to e⁻² where it no longer does.

    Args:
        lattice: the nodes.
        kernel: φ.
        width: σ in Å.
        noise: the smallest fraction of the transform that is trusted.
    """

    def __init__(self, lattice: Lattice, kernel: Kernel, width: float, noise: float) -> None:
        self._lattice = lattice
        steps = lattice.steps.tolist()
        self._shape = [
            count if periodic else _smooth(count + round(_PADDING * width / step))
            for count, step, periodic in zip(lattice.values.shape, steps, lattice.periodic, strict=True)
        ]
        shape = "×".join(map(str, self._shape))
        check_fits(
            "grid", f"{shape} nodes to sharpen", _COPIES * 8 * math.prod(self._shape),
            "give a larger spacing or a smaller grid", lattice.values.device,
        )  # fmt: skip
        response = torch.fft.rfftn(self._periodic_kernel(kernel, width)).real
        largest = response.abs().max()
        self.integral = float(response[0, 0, 0])
        waves = self._squared_waves()
        trusted = waves[response.abs() < noise * largest]
        last = float(trusted.min()) if len(trusted) else float(waves.max())
        narrow = torch.exp(-0.5 * _DECAY**2 * waves / last)
        height = torch.fft.irfftn(narrow, s=self._shape)[0, 0, 0]
        self._filter = narrow / height * response / (response.square() + (noise * largest) ** 2)
        self.finer = [max(1, math.ceil(step * last**0.5 / (_DECAY * _SAMPLING))) for step in steps]
        check_fits(
            "grid", f"{shape} nodes to sharpen {math.prod(self.finer)} times finer",
            _COPIES * 8 * math.prod(self._shape) * math.prod(self.finer),
            "give a larger spacing or a smaller grid", lattice.values.device,
        )  # fmt: skip

    def __call__(self, values: Tensor, part: Sequence[slice] = (slice(None),) * 3) -> Tensor:
        """The sharpened values [fx·nx, fy·ny, fz·nz] at the nodes [nx, ny, nz] and evenly between them.

        Args:
            values: [nx, ny, nz].
            part: the nodes along each axis at and after which they are wanted.
        """
        result = torch.fft.rfftn(values, s=self._shape) * self._filter
        for axis, (count, factor, wanted) in enumerate(zip(self._shape, self.finer, part, strict=True)):
            first, last, _ = wanted.indices(values.shape[axis])
            if axis < 2:
                result = torch.fft.ifft(_embedded(result, axis, count * factor), dim=axis)
            else:
                result = torch.fft.irfft(result, n=count * factor, dim=axis)
            result = result.narrow(axis, first * factor, (last - first) * factor)
        return result.contiguous() * math.prod(self.finer)

    def sharpened(self, values: Tensor, part: Sequence[slice] = (slice(None),) * 3) -> Sharpened:
        """The result of a call, with the number of nodes that it has for each of ``values``."""
        return Sharpened(self(values, part), self.finer, self._lattice)

    def rms(self, values: Tensor) -> float:
        """See `Sharpener`."""
        return float(self(values).square().mean().sqrt())

    def peaks(self, values: Tensor, fraction: float, unit: float | None = None) -> tuple[Tensor, Tensor]:
        """See `Sharpener`."""
        sharp = self.sharpened(values)
        nodes, heights = sharp.maxima(fraction * (float(sharp.values.max()) if unit is None else unit))
        order = heights.argsort(descending=True)
        return self._lattice.positions(nodes[order]), heights[order]

    def _periodic_kernel(self, kernel: Kernel, width: float) -> Tensor:
        """φ around the first node, with its images along periodic axes that reach into the cell."""
        axes = self._lattice.axes
        x, y, z = (torch.fft.fftfreq(n, 1 / n, dtype=axes.dtype, device=axes.device) for n in self._shape)
        heights = 1 / torch.linalg.inv(axes * axes.new_tensor(self._shape)[:, None]).norm(dim=0)
        reach = (kernel.reach(_TAIL) * width / heights + 0.5).floor().int().tolist()
        images = [
            [n * count for n in range(-most, most + 1)] if periodic else [0]
            for most, count, periodic in zip(reach, self._shape, self._lattice.periodic, strict=True)
        ]
        total = axes.new_zeros(self._shape)
        for i, j, k in itertools.product(*images):
            total += kernel.value(_squares(axes, x + i, y + j, z + k) / width**2)
        return total

    def _squared_waves(self) -> Tensor:
        axes = 2 * torch.pi * torch.linalg.inv(self._lattice.axes).T
        x, y = (torch.fft.fftfreq(n, dtype=axes.dtype, device=axes.device) for n in self._shape[:2])
        return _squares(axes, x, y, torch.fft.rfftfreq(self._shape[2], dtype=axes.dtype, device=axes.device))


def _squares(axes: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """|x_i a + y_j b + z_k c|² [X, Y, Z] for three vectors, the rows of ``axes``."""
    gram = axes @ axes.T
    x, y, z = x[:, None, None], y[None, :, None], z[None, None]
    mixed = 2 * (gram[0, 1] * x * y + gram[0, 2] * x * z + gram[1, 2] * y * z) if bool(gram.tril(-1).any()) else 0
    return gram[0, 0] * x**2 + gram[1, 1] * y**2 + gram[2, 2] * z**2 + mixed


def _embedded(spectrum: Tensor, axis: int, count: int) -> Tensor:
    """A transform with zeros for the higher frequencies of ``count`` nodes along an axis."""
    old = spectrum.shape[axis]
    result = spectrum.new_zeros([count if i == axis else n for i, n in enumerate(spectrum.shape)])
    positive, negative = (old + 1) // 2, old // 2
    result.narrow(axis, 0, positive).copy_(spectrum.narrow(axis, 0, positive))
    result.narrow(axis, count - negative, negative).copy_(spectrum.narrow(axis, positive, negative))
    return result


def _smooth(count: int) -> int:
    """The next number without a prime factor above 5, for fast Fourier transforms."""
    while _without(_without(_without(count, 2), 3), 5) != 1:
        count += 1
    return count


def _without(count: int, prime: int) -> int:
    while count % prime == 0:
        count //= prime
    return count
