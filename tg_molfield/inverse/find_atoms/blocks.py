"""Sharpening of large lattices block by block, in memory that does not grow with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.find_atoms.sharpen import Sharpened, Sharpener, WienerSharpener
from tg_molfield.inverse.lattice import Lattice

_WHOLE = 2**21
"""Nodes up to which a lattice is sharpened in one piece."""
_CORE = 64
"""The fewest nodes along each axis of a block, without those around it."""
_HALO = 12.0
"""How far the nodes around a block reach, in σ; what is farther hardly matters for its sharpened values."""


def sharpener_of(lattice: Lattice, kernel: Kernel, width: float, noise: float) -> Sharpener:
    """What sharpens a lattice, in blocks if it is large; the arguments are those of `WienerSharpener`."""
    large = lattice.values.numel() > _WHOLE
    return (BlockSharpener if large else WienerSharpener)(lattice, kernel, width, noise)


class BlockSharpener:
    """A `WienerSharpener` of blocks of a lattice, each with the nodes around it, that hold the same values.

    Args:
        lattice: the nodes.
        kernel: φ.
        width: σ in Å.
        noise: see `WienerSharpener`.
    """

    def __init__(self, lattice: Lattice, kernel: Kernel, width: float, noise: float) -> None:
        self._lattice = lattice
        heights = (1 / torch.linalg.inv(lattice.axes).norm(dim=0)).tolist()
        self._halo = [math.ceil(_HALO * width / height) for height in heights]
        self._core = [
            math.ceil(count / math.ceil(count / max(_CORE, 4 * halo)))
            for count, halo in zip(lattice.values.shape, self._halo, strict=True)
        ]
        shape = [core + 2 * halo for core, halo in zip(self._core, self._halo, strict=True)]
        block = Lattice(lattice.values.new_zeros(shape), lattice.origin, lattice.axes, (False, False, False))
        self._sharpener = WienerSharpener(block, kernel, width, noise)

    @property
    def integral(self) -> float:
        """See `Sharpener`."""
        return self._sharpener.integral

    def rms(self, values: Tensor) -> float:
        """See `Sharpener`."""
        total, count = 0.0, 0
        for _, sharp in self._blocks(values):
            core = sharp.core(self._halo, self._core)
            total, count = total + float(core.square().sum()), count + core.numel()
        return (total / count) ** 0.5

    def peaks(self, values: Tensor, fraction: float, unit: float | None = None) -> tuple[Tensor, Tensor]:
        """See `Sharpener`."""
        found, highest = [], 0.0
        low, shape = torch.tensor(self._halo), torch.tensor(self._lattice.values.shape)
        for start, sharp in self._blocks(values):
            top = float(sharp.core(self._halo, self._core).max())
            highest = max(highest, top)
            nodes, heights = sharp.maxima(fraction * (top if unit is None else unit))
            place = nodes - low.to(nodes)
            last = torch.minimum(torch.tensor(self._core), shape - torch.tensor(start)).to(nodes)
            own = ((place >= 0) & (place < last)).all(1)
            found.append((place[own] + torch.tensor(start).to(nodes), heights[own]))
        places, heights = (torch.cat(part) for part in zip(*found, strict=True))
        high = heights > fraction * (highest if unit is None else unit)
        places, heights = places[high], heights[high]
        order = heights.argsort(descending=True)
        return self._lattice.positions(places[order]), heights[order]

    def _blocks(self, values: Tensor) -> Iterator[tuple[tuple[int, ...], Sharpened]]:
        """The first node of each block, and its sharpened values."""
        shape = values.shape
        starts = (range(0, count, core) for count, core in zip(shape, self._core, strict=True))
        for start in itertools.product(*starts):
            part = values
            for axis, (first, core, halo) in enumerate(zip(start, self._core, self._halo, strict=True)):
                index = torch.arange(first - halo, first + core + halo, device=values.device)
                inside = (index >= 0) & (index < shape[axis])
                part = part.index_select(axis, index % shape[axis])
                if not self._lattice.periodic[axis]:
                    part = part * inside.view([-1 if i == axis else 1 for i in range(3)])
            yield start, self._sharpener.sharpened(part)
