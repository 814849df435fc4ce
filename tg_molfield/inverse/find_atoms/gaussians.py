"""Gaussians on orthogonal lattices, which factorise along the axes: quick, and in little memory."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from scipy.sparse import bsr_matrix
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.lattice import Lattice

_NODES_AT_ONCE = 2**18
_OVERLAP = 7.0
"""The distance in σ from which two Gaussians do not overlap: 5e-6 of the greatest overlap."""
_RIGHT_ANGLE = 1e-9


def factorises(lattice: Lattice, kernel: Kernel, width: float) -> bool:
    """Whether `SeparableGaussians` serves a kernel on a lattice."""
    gram = lattice.axes @ lattice.axes.T
    oblique = float((gram - torch.diag(gram.diagonal())).abs().max()) > _RIGHT_ANGLE * float(gram.diagonal().min())
    lengths = (lattice.steps * lattice.steps.new_tensor(lattice.values.shape)).tolist()
    wide = any(repeats and 2 * _OVERLAP * width > length
               for repeats, length in zip(lattice.periodic, lengths, strict=True))  # fmt: skip
    return kernel.name == "gaussian" and not oblique and not wide


class SeparableGaussians:
    """exp(−|x − r_i|²/2σ²) on the boxes of nodes around N places.

    Args:
        lattice: orthogonal, and many σ long where it is periodic.
        width: σ in Å.
        pos: [N, 3] in Å.
        radius: where a Gaussian ends, in Å.
    """

    def __init__(self, lattice: Lattice, width: float, pos: Tensor, radius: float) -> None:
        self._lattice, self._width, self._steps = lattice, width, lattice.steps
        self._directions = lattice.axes / self._steps[:, None]
        place = lattice.fractional(pos)
        self._local = place * self._steps
        strides = (lattice.values.shape[1] * lattice.values.shape[2], lattice.values.shape[2], 1)
        self._index, self._values, self._slopes = [], [], []
        for axis, (count, stride) in enumerate(zip(lattice.values.shape, strides, strict=True)):
            step = float(self._steps[axis])
            span = math.ceil(radius / step)
            node = place[:, axis].round().long()[:, None] + torch.arange(-span, span + 1, device=pos.device)
            apart = (node - place[:, axis, None]) * (step / width)
            values = torch.exp(-0.5 * apart.square())
            if not lattice.periodic[axis]:
                values = values * ((node >= 0) & (node < count))
            self._index.append(node % count * stride)
            self._values.append(values)
            self._slopes.append(values * apart / width)
        self._at_once = max(1, _NODES_AT_ONCE // math.prod(values.shape[1] for values in self._values))
        self._matrix: bsr_matrix | None = None

    def sum(self, weights: Tensor | None = None) -> Tensor:
        """See `Functions`."""
        total = self._local.new_zeros(self._lattice.values.numel())
        for rows, index in self._boxes():
            x, y, z = (values[rows] for values in self._values)
            x = x if weights is None else x * weights[rows, None]
            boxes = (x[:, :, None] * y[:, None, :])[..., None] * z[:, None, None, :]
            total.index_add_(0, index.flatten(), boxes.flatten())
        return total

    def products(self, samples: Tensor) -> Tensor:
        """See `Functions`."""
        parts = [self._local.new_zeros(0)]
        for rows, index in self._boxes():
            x, y, z = (values[rows] for values in self._values)
            over_z = (samples[index].flatten(1, 2) @ z[:, :, None]).view(index.shape[:3])
            parts.append((x[:, None] @ over_z @ y[:, :, None]).flatten())
        return torch.cat(parts)

    def slope_products(self, samples: Tensor) -> Tensor:
        """See `Functions`."""
        parts = [self._local.new_zeros(0, 3)]
        for rows, index in self._boxes():
            (x, y, z), (dx, dy, dz) = ([part[rows] for part in parts] for parts in (self._values, self._slopes))
            over_z = samples[index].flatten(1, 2) @ torch.stack([z, dz], 2)
            plain, along = over_z.view(*index.shape[:3], 2).unbind(3)
            over_y = plain @ torch.stack([y, dy], 2)
            slopes = [dx * over_y[..., 0], x * over_y[..., 1], x * (along @ y[:, :, None])[..., 0]]
            parts.append(torch.stack([slope.sum(1) for slope in slopes], 1))
        return torch.cat(parts) @ self._directions

    def squares(self) -> Tensor:
        """See `Functions`."""
        x, y, z = (values.square().sum(1) for values in self._values)
        return x * y * z

    def slope_squares(self) -> Tensor:
        """See `Functions`."""
        return self._local_squares() @ self._directions.square()

    def curvature(self, moves: Tensor) -> Tensor:
        """See `Functions`; from the overlap integrals of pairs, scaled so that the diagonal is that of the nodes."""
        if self._matrix is None:
            self._matrix = self._overlaps()
        scale = self._local_squares().sqrt()
        local = (moves @ self._directions.T * scale).cpu().numpy().ravel()
        turned = torch.from_numpy(self._matrix @ local).to(moves).view(-1, 3)
        return (turned * scale) @ self._directions

    def _local_squares(self) -> Tensor:
        x, y, z = (values.square().sum(1) for values in self._values)
        dx, dy, dz = (slopes.square().sum(1) for slopes in self._slopes)
        return torch.stack([dx * y * z, x * dy * z, x * y * dz], 1)

    def _overlaps(self) -> bsr_matrix:
        """∫ ∂φ_i/∂r_i ∂φ_j/∂r_j as a matrix of 3 × 3 blocks, that of i = j being 1."""
        pos, n = self._local.cpu().numpy(), len(self._local)
        lengths = (self._steps * self._steps.new_tensor(self._lattice.values.shape)).cpu().numpy()
        box = np.where(self._lattice.periodic, lengths, 0.0)
        wrapped = np.where(box > 0, pos % np.where(box > 0, box, 1.0), pos)
        wrapped[wrapped == box] = 0.0
        pairs = cKDTree(wrapped, boxsize=box if box.any() else None).query_pairs(
            _OVERLAP * self._width, output_type="ndarray"
        )
        apart = wrapped[pairs[:, 0]] - wrapped[pairs[:, 1]]
        apart -= box * np.round(apart / np.where(box > 0, box, 1.0))
        apart /= self._width
        size = np.exp(-0.25 * np.square(apart).sum(1))[:, None, None]
        blocks = size * (np.eye(3) - 0.5 * apart[:, :, None] * apart[:, None, :])
        rows = np.concatenate([pairs[:, 0], pairs[:, 1], np.arange(n)])
        columns = np.concatenate([pairs[:, 1], pairs[:, 0], np.arange(n)])
        order = np.argsort(rows, kind="stable")
        data = np.concatenate([blocks, blocks, np.broadcast_to(np.eye(3), (n, 3, 3))])[order]
        starts = np.concatenate([[0], np.bincount(rows, minlength=n).cumsum()])
        return bsr_matrix((data, columns[order], starts), shape=(3 * n, 3 * n))

    def _boxes(self) -> Iterator[tuple[slice, Tensor]]:
        """Some places at a time, with the flat indices [n, X, Y, Z] of the nodes of their boxes."""
        x, y, z = self._index
        for start in range(0, len(self._local), self._at_once):
            rows = slice(start, start + self._at_once)
            yield rows, x[rows, :, None, None] + y[rows, None, :, None] + z[rows, None, None, :]
