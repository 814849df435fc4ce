"""Sharpening of large lattices block by block, in memory that does not grow with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.find_atoms.sharpen import Sharpened, Sharpener, WienerSharpener
from tg_molfield.inverse.lattice import Lattice

_WHOLE = 2**21
"""Nodes up to which a lattice is sharpened in one piece."""
_BLOCK = 2**22
"""The most nodes of a block with those around it."""
_HALO = 10.0
"""How far the nodes around a block reach, in σ; what is farther hardly matters for its sharpened values."""
_TRANSITION = 6
"""The halo in standard deviations of the error function by which the samples fade out in it."""


def sharpener_of(lattice: Lattice, kernel: Kernel, width: float, noise: float) -> Sharpener:
    """What sharpens a lattice, in blocks if it is large; the arguments are those of `WienerSharpener`."""
    large = lattice.values.numel() > _WHOLE
    return (BlockSharpener if large else WienerSharpener)(lattice, kernel, width, noise)


class BlockSharpener:
    """A `WienerSharpener` of blocks of a lattice, each with the nodes around it, that hold the same values.

    Samples fade out smoothly around a block: a sharp edge has high frequencies, which the filter amplifies.

    Args:
        lattice: the nodes.
        kernel: φ.
        width: σ in Å.
        noise: see `WienerSharpener`.
        most: the nodes of a block with those around it.
    """

    def __init__(self, lattice: Lattice, kernel: Kernel, width: float, noise: float, most: int = _BLOCK) -> None:
        self._lattice = lattice
        heights = (1 / torch.linalg.inv(lattice.axes).norm(dim=0)).tolist()
        halo = [math.ceil(_HALO * width / height) for height in heights]
        self._core, self._halo = _divided(lattice.values.shape, halo, most)
        self._windows = [
            _window(core, halo).to(lattice.values) for core, halo in zip(self._core, self._halo, strict=True)
        ]
        padded = lattice.values.new_zeros([len(window) for window in self._windows])
        repeats = [periodic and not halo for periodic, halo in zip(lattice.periodic, self._halo, strict=True)]
        block = Lattice(padded, lattice.origin, lattice.axes, (repeats[0], repeats[1], repeats[2]))
        self._sharpener = WienerSharpener(block, kernel, width, noise)

    @property
    def integral(self) -> float:
        """See `Sharpener`."""
        return self._sharpener.integral

    def rms(self, values: Tensor) -> float:
        """See `Sharpener`."""
        total = sum(float(sharp.values.square().sum()) for _, sharp in self._blocks(values, around=0))
        return (total / (values.numel() * math.prod(self._sharpener.finer))) ** 0.5

    def peaks(self, values: Tensor, fraction: float, unit: float | None = None) -> tuple[Tensor, Tensor]:
        """See `Sharpener`."""
        found, highest = [(values.new_zeros(0, 3), values.new_zeros(0))], 0.0
        around = torch.tensor([1 if halo else 0 for halo in self._halo])
        core, shape = torch.tensor(self._core), torch.tensor(values.shape)
        for start, sharp in self._blocks(values, around=1):
            top = float(sharp.values.max())
            highest = max(highest, top)
            nodes, heights = sharp.maxima(fraction * (top if unit is None else unit))
            place = nodes - around.to(nodes)
            first = torch.tensor(start)
            own = ((place >= 0) & (place < torch.minimum(core, shape - first).to(nodes))).all(1)
            found.append((place[own] + first.to(nodes), heights[own]))
        places, heights = (torch.cat(part) for part in zip(*found, strict=True))
        high = heights > fraction * (highest if unit is None else unit)
        places, heights = places[high], heights[high]
        order = heights.argsort(descending=True)
        return self._lattice.positions(places[order]), heights[order]

    def _blocks(self, values: Tensor, around: int) -> Iterator[tuple[tuple[int, ...], Sharpened]]:
        """The first node of each block that is not empty, and its sharpened values.

        Args:
            values: [nx, ny, nz].
            around: the number of nodes on each side of a block whose sharpened values are wanted too.
        """
        shape = values.shape
        for start in itertools.product(*(range(0, n, core) for n, core in zip(shape, self._core, strict=True))):
            index, fade, part = [], [], []
            for axis, (first, window, halo) in enumerate(zip(start, self._windows, self._halo, strict=True)):
                nodes = torch.arange(first - halo, first - halo + len(window), device=values.device)
                inside = ((nodes >= 0) & (nodes < shape[axis])) | self._lattice.periodic[axis]
                own, beside = min(self._core[axis], shape[axis] - first), around if halo else 0
                index.append(nodes % shape[axis])
                fade.append(window * inside)
                part.append(slice(halo - beside, halo + own + beside))
            block = values[index[0][:, None, None], index[1][:, None], index[2]]
            block *= fade[0][:, None, None] * fade[1][:, None] * fade[2]
            if bool(block.any()):
                yield start, self._sharpener.sharpened(block, part)


def _divided(shape: Sequence[int], halo: Sequence[int], most: int) -> tuple[list[int], list[int]]:
    """The nodes of a block along each axis, and those before and after it; none where the axis is not divided.

    Args:
        shape: of the lattice.
        halo: the nodes that a block needs around it.
        most: the nodes of a block with its halo, where blocks do not become smaller than the halo for it.
    """
    pieces = [1, 1, 1]
    while True:
        core = [math.ceil(count / n) for count, n in zip(shape, pieces, strict=True)]
        around = [nodes if n > 1 else 0 for nodes, n in zip(halo, pieces, strict=True)]
        longest = max(range(3), key=lambda axis: core[axis] / halo[axis])
        if math.prod(n + 2 * m for n, m in zip(core, around, strict=True)) <= most or core[longest] <= halo[longest]:
            return core, around
        pieces[longest] += 1


def _window(core: int, halo: int) -> Tensor:
    """What the samples of a block and its halo are multiplied by along an axis: 1 in the block, 0 at the ends."""
    if not halo:
        return torch.ones(core, dtype=torch.float64)
    beyond = (torch.arange(-halo, core + halo, dtype=torch.float64) - (core - 1) / 2).abs() - (core - 1) / 2
    return 0.5 * torch.special.erfc((beyond / halo - 0.5) * (_TRANSITION / math.sqrt(2)))
