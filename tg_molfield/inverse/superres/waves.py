"""Wide Gaussians at the nodes of a periodic lattice, summed as Fourier series: few waves for many functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Grid

_REACH = 7.5
"""In widths, of a Gaussian and of its transform; either is 6e-13 there."""
_NUMBERS_AT_ONCE = 2**22

Term = tuple[int, float, float]
"""A channel, the share of a Gaussian in its functions, and the width in Å."""


def fewer_waves(grid: Grid, width: float) -> bool:
    """Whether a series of the period of ``grid`` has fewer waves than Gaussians of ``width`` (Å) reach a point."""
    neighbors = (_REACH * width) ** 3 / grid.voxel_volume
    waves = 0.5 * (_REACH / width / (2 * math.pi)) ** 3 * grid.voxel_volume * grid.num_nodes
    return waves < neighbors


@dataclass(frozen=True)
class Waves:
    """f_c(x) = Σ_k cosines_kc · cos φ_k + sines_kc · sin φ_k, with φ_k = vectors_k · (x − origin).

    Args:
        vectors: [K, 3] in 1/Å.
        origin: [3] in Å.
        cosines: [K, C].
        sines: [K, C].
    """

    vectors: Tensor
    origin: Tensor
    cosines: Tensor
    sines: Tensor

    @classmethod
    def of(cls, weights: Tensor, grid: Grid, terms: Sequence[Term]) -> Waves:
        """The sum of Gaussians at the nodes of ``grid``, all axes of which repeat.

        Args:
            weights: of the functions of each channel [C, nx, ny, nz], float64.
            grid: the nodes.
            terms: the Gaussians that they consist of.

        Of each wave and its opposite one is enough: the second half of all, from 0 on.
        """
        cell = grid.cell.to(weights)
        longest = _REACH / min(width for _, _, width in terms)
        spans = [math.floor(longest * float(edge) / (2 * math.pi)) for edge in cell.norm(dim=1)]
        order = torch.cartesian_prod(*(torch.arange(-span, span + 1, device=weights.device) for span in spans))
        vectors = 2 * math.pi * order.to(weights) @ torch.linalg.inv(cell).T
        order, vectors = order[len(order) // 2 :], vectors[len(order) // 2 :]
        near = vectors.norm(dim=1) <= longest
        order, vectors = order[near], vectors[near]
        squares = vectors.square().sum(1)
        x, y, z = (order % order.new_tensor(grid.shape)).unbind(1)
        twice = torch.where((order == 0).all(1), 1.0, 2.0) / (grid.voxel_volume * grid.num_nodes)
        amplitudes = torch.zeros(len(order), len(weights), dtype=torch.complex128, device=weights.device)
        for channel, share, width in terms:
            transform = share * (2 * math.pi) ** 1.5 * width**3 * torch.exp(-0.5 * squares * width**2)
            amplitudes[:, channel] += twice * transform * torch.fft.fftn(weights[channel])[x, y, z]
        return cls(vectors, grid.origin_tensor(device=weights.device), amplitudes.real, -amplitudes.imag)

    def __call__(self, pos: Tensor) -> Tensor:
        """The values [Q, C] at points [Q, 3], float64."""
        parts = [pos.new_zeros(0, self.cosines.shape[1])]
        for some in self._chunks(pos):
            phase = self._phase(some)
            parts.append(phase.cos() @ self.cosines + phase.sin() @ self.sines)
        return torch.cat(parts)

    def gradient(self, pos: Tensor) -> Tensor:
        """The gradient [Q, C, 3] at points [Q, 3]."""
        parts = [pos.new_zeros(0, self.cosines.shape[1], 3)]
        for some in self._chunks(pos):
            phase = self._phase(some)
            along = [
                phase.cos() @ (self.sines * k[:, None]) - phase.sin() @ (self.cosines * k[:, None])
                for k in self.vectors.unbind(1)
            ]
            parts.append(torch.stack(along, 2))
        return torch.cat(parts)

    def _chunks(self, pos: Tensor) -> Sequence[Tensor]:
        return pos.split(max(1, _NUMBERS_AT_ONCE // max(len(self.vectors), 1)))

    def _phase(self, pos: Tensor) -> Tensor:
        return (pos - self.origin) @ self.vectors.T
